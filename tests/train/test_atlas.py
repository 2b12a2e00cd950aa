"""Flicker by a neural atlas: what the fit takes out, what it leaves, and how it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="training needs torch (make test-train)")
cv2 = pytest.importorskip("cv2")

from filmgrain_codec.cli.main import run  # noqa: E402
from filmgrain_codec.cli.session import Session  # noqa: E402
from filmgrain_codec.core.frame import Frame, FrameFormat  # noqa: E402
from filmgrain_codec.errors import InputError, UsageError  # noqa: E402
from filmgrain_codec.nodes.flicker.correction import corrected  # noqa: E402
from filmgrain_codec.nodes.flicker.table import read  # noqa: E402
from filmgrain_codec.train.atlas.camera import places  # noqa: E402
from filmgrain_codec.train.atlas.fit import Config, Source, fit  # noqa: E402
from filmgrain_codec.train.atlas.footage import footage, size_of, small  # noqa: E402
from filmgrain_codec.train.atlas.settings import QUALITIES, Net  # noqa: E402
from filmgrain_codec.train.atlas.slow import slow  # noqa: E402
from filmgrain_codec.train.atlas.texture import sharpened  # noqa: E402
from filmgrain_codec.train.atlas.windows import windows  # noqa: E402

GRAY = FrameFormat(96, 72, "gray", 0, 0)
TINY = replace(
    QUALITIES["quick"], columns=32, steps=120, least=120, samples=384, atlas=Net(3, 48), mapping=Net(3, 24)
)
CONFIG = Config(settings=TINY, threads=1)
torch.set_num_threads(1)


def picture(seed: int = 0) -> np.ndarray:
    """Smooth and detailed, 0.2 to 0.7."""
    made = np.random.default_rng(seed).normal(size=(140, 220)).astype(np.float32)
    made = cv2.GaussianBlur(made, (0, 0), 12) * 8 + cv2.GaussianBlur(made, (0, 0), 2.5)
    return (0.2 + 0.5 * (made - made.min()) / np.ptp(made)).astype(np.float32)


def pan(count: int, speed: int = 2, seed: int = 0) -> np.ndarray:
    """(frames, rows, columns) of a pan."""
    whole = picture(seed)
    return np.stack([whole[20:92, 10 + speed * t : 106 + speed * t] for t in range(count)])


def flickering(clean: np.ndarray, amount: float = 0.2, local: float = 0.1) -> np.ndarray:
    """Another gain for every frame, and one that differs over the picture."""
    rng = np.random.default_rng(7)
    made = []
    for frame in clean:
        field = cv2.resize(rng.normal(size=(3, 4)).astype(np.float32), frame.shape[::-1])
        made.append(frame * np.exp(rng.uniform(-amount, amount) + local * field))
    return np.stack(made).astype(np.float32)


def frames(clip: np.ndarray, fmt: FrameFormat = GRAY) -> list[Frame]:
    return [Frame((p,), fmt, t, t, Fraction(1, 24)) for t, p in enumerate(clip)]


def source(clip: np.ndarray, **given) -> Source:
    return Source(frames=lambda: iter(frames(clip)), fmt=GRAY, count=len(clip), **given)


def mended(clip: np.ndarray, table) -> np.ndarray:
    return np.stack([corrected(f, table[f.index]).planes[0] for f in frames(clip)])


def index(clip: np.ndarray, blocks: int = 6) -> float:
    """Flicker index: robust deviation of the second difference of block means, in 8-bit codes."""
    means = np.stack([cv2.resize(f, (blocks, blocks), interpolation=cv2.INTER_AREA) for f in clip])
    return float(np.median(np.abs(np.diff(means, 2, axis=0)))) * 255 / 0.6745 / 6**0.5


@pytest.fixture(scope="module")
def flicker() -> tuple[np.ndarray, np.ndarray]:
    clean = pan(24)
    return clean, flickering(clean)


@pytest.fixture(scope="module")
def table(flicker, tmp_path_factory):
    return fit(source(flicker[1], digest="ab"), tmp_path_factory.mktemp("atlas") / "work", CONFIG)


def test_flicker_falls_by_more_than_half_and_the_clip_comes_near_to_the_clean_one(flicker, table):
    clean, bad = flicker
    good = mended(bad, table)
    assert index(bad) > 8
    assert index(good) < index(bad) / 4
    error, before = (float(np.sqrt(((v - clean) ** 2).mean())) for v in (good, bad))
    assert error < before / 2
    assert (len(table), table.family, table.digest) == (24, "gray", "ab")


def test_an_interrupted_fit_ends_as_one_that_was_not(flicker, table, tmp_path):
    def tell(share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(source(flicker[1], digest="ab"), tmp_path, CONFIG, tell)
    began = []
    resumed = fit(source(flicker[1], digest="ab"), tmp_path, CONFIG, began.append)
    assert 0.4 < began[0] < 0.6
    assert began[-1] == 1
    for name in ("means", "curves", "field"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(table, name))
    again = fit(source(flicker[1], digest="ab"), tmp_path, CONFIG, began.append)
    assert began[-2:] == [1, 1]
    np.testing.assert_array_equal(again.field, table.field)
    with pytest.raises(UsageError, match="other seed"):
        fit(source(flicker[1], digest="ab"), tmp_path, replace(CONFIG, seed=1))


def in_colour(fmt: FrameFormat, count: int = 14) -> list[Frame]:
    """A pan whose colour flickers: of RGB each plane by itself, of Y'CbCr luma and the middle of Cb."""
    rng, light = np.random.default_rng(5), pan(count)
    tint = [pan(count, seed=k)[..., : fmt.shape(k)[0], : fmt.shape(k)[1]] for k in (1, 2)]
    made = []
    for t in range(count):
        planes = [light[t], *(0.4 + 0.3 * c[t] for c in tint)]
        if fmt.family == "rgb":
            planes = [p * rng.uniform(0.85, 1.15) for p in planes]
        else:
            planes = [planes[0] * rng.uniform(0.85, 1.15), planes[1] + rng.uniform(-0.04, 0.04), planes[2]]
        made.append(Frame(tuple(p.astype(np.float32) for p in planes), fmt, t, t, Fraction(1, 24)))
    return made


@pytest.mark.parametrize("fmt", [FrameFormat(96, 72), FrameFormat(96, 72, "rgb", 0, 0)], ids=["yuv", "rgb"])
def test_colour_flicker_goes_too(fmt, tmp_path):
    clip = in_colour(fmt)
    given = Source(frames=lambda: iter(clip), fmt=fmt, count=len(clip))
    table = fit(given, tmp_path, CONFIG)
    good = [corrected(f, table[f.index]).planes for f in clip]
    for k in range(3):
        bad = index(np.stack([f.planes[k] for f in clip]), 1)
        assert index(np.stack([p[k] for p in good]), 1) < max(bad / 2, 0.5), k


def test_a_steady_clip_is_left_alone(tmp_path):
    clean = pan(12)
    table = fit(source(clean), tmp_path, replace(CONFIG, settings=replace(TINY, steps=40, least=40)))
    assert np.abs(mended(clean, table) - clean).mean() * 255 < 0.5


def test_a_long_clip_is_fitted_in_windows_that_are_blended(flicker, tmp_path):
    bad = flicker[1]
    config = replace(CONFIG, longest=14, overlap=4)
    shares = []
    table = fit(source(bad), tmp_path, config, shares.append)
    assert len(list(tmp_path.glob("window-*/table.npz"))) == 2
    assert index(mended(bad, table)) < index(bad) / 2
    assert shares == sorted(shares)


def test_what_a_mask_covers_does_not_count(tmp_path):
    """A bar that blinks: with its mask the rest of the picture stays as it is, and the bar blinks on."""
    clean = pan(12)
    blinking = clean.copy()
    blinking[::2, :, 30:60] *= 0.6
    mask = np.zeros_like(clean)
    mask[:, :, 28:62] = 1
    config = replace(CONFIG, settings=replace(TINY, steps=60, least=60))
    plain = fit(source(blinking), tmp_path / "a", config)
    held = fit(source(blinking, masks=lambda: iter(frames(mask))), tmp_path / "b", config)
    away = [np.abs(mended(blinking, t) - blinking)[:, :, 66:].mean() for t in (plain, held)]
    assert away[1] < 0.002
    inside = [np.abs(mended(blinking, t) - blinking)[:, :, 35:55].mean() for t in (plain, held)]
    assert inside[1] < inside[0] / 4


def test_masks_that_are_too_few_or_too_many_are_refused(tmp_path):
    clip = pan(5)
    for count, says in ((4, "masks end at frame 4"), (6, "more masks than frames")):
        masks = frames(np.zeros((count, 72, 96), np.float32))
        given = source(clip, masks=lambda masks=masks: iter(masks))
        config = replace(CONFIG, settings=replace(TINY, steps=1, least=1))
        with pytest.raises(InputError, match=says):
            fit(given, tmp_path / str(count), config)


def test_shots_too_short_and_a_clip_that_ends_early(tmp_path):
    clip = np.concatenate([pan(2), pan(3, seed=1)])
    config = replace(CONFIG, settings=replace(TINY, steps=2, least=2))
    table = fit(source(clip, cuts=(2,)), tmp_path / "a", config)
    assert not table.field[:2].any()
    with pytest.raises(InputError, match="5 frames where 6"):
        fit(replace(source(clip), count=6), tmp_path / "b", config)
    with pytest.raises(UsageError, match="within the clip's 5"):
        fit(source(clip, cuts=(7,)), tmp_path / "c", config)


@pytest.mark.parametrize("frames", [3, 199, 200, 201, 359, 360, 361, 1000])
def test_windows_cover_every_frame_of_a_shot(frames):
    made = windows((50,), 50 + frames)
    assert made[0].first == 0
    assert made[0].stop == 50
    shot = made[1:]
    counted = np.zeros(50 + frames)
    for w in shot:
        assert len(w) <= 200
        counted[w.first : w.stop] += w.shares
    assert counted[50:].min() > 0
    assert (counted[:50] == 0).all()
    assert all(a.stop - b.first >= 40 and a.after == b.before for a, b in pairwise(shot))


@pytest.mark.parametrize(
    "clip",
    [np.zeros((6, 40, 50)), np.ones((6, 40, 50)), np.tile(picture()[:40, :50], (6, 1, 1)), pan(2), pan(1)],
    ids=["black", "white", "still", "two frames", "one frame"],
)
def test_clips_with_nothing_to_mend_stay(clip, tmp_path):
    clip = clip.astype(np.float32)
    fmt = FrameFormat(clip.shape[2], clip.shape[1], "gray", 0, 0)
    given = Source(frames=lambda: iter(frames(clip, fmt)), fmt=fmt, count=len(clip))
    table = fit(given, tmp_path, replace(CONFIG, settings=replace(TINY, steps=5, least=5)))
    assert all(table[t].empty for t in range(len(clip)))


@pytest.fixture
def stills(tmp_path) -> str:
    (tmp_path / "clip").mkdir()
    for t, frame in enumerate(flickering(pan(8))):
        codes = np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "clip" / f"{t:03}.png"), codes)
    return str(tmp_path / "clip" / "%03d.png")


def test_the_command_writes_a_table_that_the_filter_takes(stills, tmp_path, capfd):
    out, video = str(tmp_path / "t.npz"), str(tmp_path / "v.mkv")
    line = ["train", "atlas", stills, "--out", out, "--budget", "1s", "--threads", "1"]
    assert run([*line, "--progress", "json"], Session()) == 0
    said = [json.loads(text) for text in capfd.readouterr().out.splitlines()]
    assert {e["stage"] for e in said if e["type"] == "progress"} == {"cuts", "atlas"}
    assert [e["frame"] for e in said if e["type"] == "progress"][-1] == 8
    assert said[-1]["frames"] == 8
    assert said[-1]["plan"]["windows"][0]["steps"] > 0
    assert len(read(out)) == 8
    assert not (tmp_path / "t.npz.work").exists()
    assert run(["filter", stills, video, "-q", "-f", f"deflicker_table:file={out}"], Session()) == 0
    assert run(line, Session()) == 4
    assert "use -y" in capfd.readouterr().err


def test_what_the_command_is_given_wrong_is_said(stills, tmp_path, capfd):
    line = ["train", "atlas", stills, "--out", str(tmp_path / "t.npz"), "--threads", "1"]
    one = str(tmp_path / "one.png")
    cv2.imwrite(one, np.zeros((72, 96), np.uint8))
    for more, code, says in (
        (["--mask", one, "--budget", "1s"], 3, "masks end at frame 1"),
        (["--budget", "soon"], 2, "no length of time"),
        (["--quality", "best"], 2, "best"),
    ):
        assert run([*line, *more], Session()) == code
        assert says in capfd.readouterr().err


def test_light_is_slow_and_flicker_is_not():
    time = np.arange(80, dtype=np.float32)
    light = {"fade": 0.03 * time, "lamp": np.where(time < 40, 0, 0.8), "steady": 0 * time}
    for name, true in light.items():
        noise = np.random.default_rng(1).normal(0, 0.08, 80)
        found = slow((true + noise).astype(np.float32)[:, None], np.ones((80, 1), np.float32))[:, 0]
        inner = slice(12, -12)
        left = (true + noise - found)[inner] - noise[inner]
        assert np.abs(left).mean() < 0.06, name
        assert np.corrcoef(noise[inner], (true + noise - found)[inner])[0, 1] > 0.85, name


def test_a_flash_stays():
    noise = np.random.default_rng(1).normal(0, 0.02, 60)
    lit = np.zeros(60)
    lit[30:32] = 0.6
    found = slow((lit + noise).astype(np.float32)[:, None], np.ones((60, 1), np.float32))[:, 0]
    assert (lit + noise - found)[30:32] == pytest.approx(0, abs=1e-6)
    assert np.std(found[:28]) < 0.01


def test_detail_that_frames_share_is_drawn_into_the_atlas():
    """A net that blurs, over a camera that is followed exactly, under flicker."""
    clean = pan(10, speed=2)
    bad = flickering(clean, 0.1, 0)
    seen = footage([small(f, (72, 96)) for f in frames(bad)], rgb=False)
    y, x = np.mgrid[:72, :96].astype(np.float32)
    places = np.stack([np.dstack([x + 2 * t, y]) * 0.01 for t in range(10)])
    blurred = np.stack([cv2.GaussianBlur(f, (0, 0), 3) for f in clean])[:, None]
    sharp = sharpened(seen, blurred, places, 0.01)
    error, before = (np.abs(made[:, 0] - clean).mean() for made in (sharp, blurred))
    assert error < before / 3


def test_the_camera_is_followed():
    clip = frames(pan(6, speed=4))
    seen = footage([small(f, size_of(GRAY, 48)) for f in clip], rgb=False)
    at, unit = places(seen.ahead, seen.sure[0])
    moved = np.diff(at[:, :, 2], axis=0) / unit
    np.testing.assert_allclose(moved, np.tile([2.0, 0.0], (5, 1)), atol=0.25)
