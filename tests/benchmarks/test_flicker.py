"""Flicker's figures on clips whose answer is known, its recipe, its guards, and what peers give back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from benchmarks import deflicker
from benchmarks.flicker import figures, guards, measure, methods, recipe, scenes, sheets
from benchmarks.flicker.scenes import Case, Clip
from benchmarks.flicker.targets import targets, with_speed
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat

ROWS, COLUMNS = 96, 128
TEXTURE = np.random.default_rng(5).normal(0, 1, (ROWS, COLUMNS + 80)).astype(np.float32)


def panned(count: int = 12, step: int = 2) -> figures.Video:
    """A smooth texture that moves by ``step`` samples a frame."""
    cv = scenes.opencv()
    smooth = cv.GaussianBlur(TEXTURE, (0, 0), 2.0)
    wide = 0.5 + 0.12 * smooth / smooth.std()
    return np.stack([wide[:, n * step : n * step + COLUMNS] for n in range(count)])


def light(count: int, size: float = 10 / 255, seed: int = 3) -> figures.Video:
    """Independent light of a known standard deviation, one number a frame."""
    return np.random.default_rng(seed).normal(0, size, (count, 1, 1)).astype(np.float32)


def yuv(count: int, color: ColorInfo, bits: int = 10) -> list[Frame]:
    fmt = FrameFormat(64, 48, bits=bits, color=color)
    random = np.random.default_rng(1)
    made = []
    for n in range(count):
        planes = [random.uniform(0.3, 0.7, fmt.shape(k)).astype(np.float32) for k in range(3)]
        frame = Frame(tuple(planes), fmt, n, n, Fraction(1, 25), 1)
        made.append(recipe.quantised(frame, frame.planes))
    return made


def test_e_warp_is_the_light_between_frames_and_motion_is_no_error():
    video = panned()
    path = figures.steps(video)
    still = figures.warp_error(video, path)
    assert len(path) == len(video) - 1
    assert still < 0.6
    steps = np.float32(0.04) * (np.arange(len(video)) % 2)[:, None, None]
    assert figures.warp_error(video + steps, path) == pytest.approx(0.04 * 255, abs=0.6)


def test_flicker_does_not_bias_the_motion_that_it_is_measured_along():
    video = panned()
    lit = np.clip(video * (1 + 3 * light(len(video))), 0, 1)
    of_clean = figures.warp_error(lit, figures.steps(video))
    assert figures.warp_error(lit, figures.steps(lit)) == pytest.approx(of_clean, rel=0.03)


def test_no_motion_is_searched_over_a_cut():
    video = np.concatenate([panned(4), 1 - panned(4)])
    assert [s.n for s in figures.steps(video, (4,))] == [1, 2, 3, 5, 6, 7]


def test_flicker_index_is_the_deviation_of_independent_light_and_blind_to_ramps():
    frames = np.full((400, 16, 16), 0.5, np.float32) + light(400)
    assert figures.flicker_index(frames) == pytest.approx(10, rel=0.12)
    assert figures.flicker_index(frames, 8) == pytest.approx(figures.flicker_index(frames), rel=1e-3)
    ramp = np.linspace(0.2, 0.8, 50, dtype=np.float32)[:, None, None] * np.ones((1, 16, 16), np.float32)
    assert figures.flicker_index(ramp) < 0.01
    assert figures.flicker_index(frames[:2]) == 0


def test_flicker_index_of_parts_sees_what_the_whole_does_not():
    sides = np.ones((16, 16), np.float32)
    sides[:, 8:] = -1
    frames = 0.5 + light(60) * sides
    assert figures.flicker_index(frames) < 0.01
    assert figures.flicker_index(frames, 8) > 7


def test_a_cut_is_no_flicker():
    frames = np.repeat(np.array([0.2, 0.8, 0.2, 0.8], np.float32), 3)[:, None, None] * np.ones((1, 16, 16))
    cuts = (3, 6, 9)
    assert figures.flicker_index(frames.astype(np.float32), 8, cuts) == 0
    assert figures.slow_change(frames, frames + 1 / 255, cuts) == pytest.approx(1, rel=1e-4)


def test_slow_change_averages_flicker_away_but_not_a_shift_of_light():
    frames = np.full((70, 8, 8), 0.5, np.float32)
    swing = 0.1 * np.sin(2 * np.pi * np.arange(70) / 7)[:, None, None].astype(np.float32)
    assert figures.slow_change(frames, frames + swing) < 0.01
    assert figures.slow_change(frames, frames + 4 / 255) == pytest.approx(4, rel=1e-4)


@pytest.mark.parametrize(("share", "kept"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_light_kept_is_the_share_of_an_event_that_is_left(share, kept):
    base, flash = panned(20, 0), np.zeros((20, 1, 1), np.float32)
    flash[9:11] = 0.3
    assert figures.light_kept(base + flash, base + share * flash) == pytest.approx(kept, abs=1e-4)
    assert figures.light_kept(base, base) is None


def test_changes_and_psnr_of_a_known_difference():
    a = panned(4)
    b = a.copy()
    b[2] += 8 / 255
    assert figures.mean_change(a, b) == pytest.approx(2, rel=1e-4)
    assert figures.most_changed(a, b) == pytest.approx(8, rel=1e-4)
    assert figures.psnr(b, a) == pytest.approx(10 * np.log10(255**2 / 16), abs=1e-3)
    assert figures.psnr(a, a) == 99


def test_gradient_energy_goes_with_the_square_of_contrast():
    video = panned(3)
    softer = 0.5 + 0.9 * (video - 0.5)
    assert figures.gradient_energy(softer) / figures.gradient_energy(video) == pytest.approx(0.81, rel=1e-4)


def test_level_of_grain_is_told_apart_from_wrong_light_on_texture():
    bare = panned(6)
    grain = np.random.default_rng(2).normal(0, 4 / 255, bare.shape).astype(np.float32)
    where = figures.calm_blocks(bare)
    before = figures.grain_level(bare + grain, bare, where)
    assert before == pytest.approx(4, rel=0.03)
    other_light = bare * 1.2 - 0.05 + grain
    assert figures.grain_level(other_light, bare, where) == pytest.approx(before, rel=0.01)
    assert figures.grain_level(bare + 0.8 * grain, bare, where) == pytest.approx(0.8 * before, rel=0.02)


def test_states_are_repeatable_and_have_the_spread_and_memory_asked_for():
    one, again = (recipe.states(recipe.GLOBAL, 600, 4) for _ in range(2))
    gains = np.array([s.gain[0] for s in one])
    assert np.array_equal(gains, [s.gain[0] for s in again])
    assert (gains.min(), gains.max()) == pytest.approx((0.8, 1.2), abs=0.005)
    assert gains.std() == pytest.approx(0.4 / 12**0.5, rel=0.06)
    assert abs(np.corrcoef(gains[1:], gains[:-1])[0, 1]) < 0.1
    lasting = recipe.states(replace(recipe.GLOBAL, memory=0.7), 2000, 4)
    gains = np.array([s.gain[0] for s in lasting])
    assert np.corrcoef(gains[1:], gains[:-1])[0, 1] == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize("range_", [1, 2])
@pytest.mark.parametrize("bits", [8, 12])
def test_without_depth_nothing_flickers_in_any_format(range_, bits):
    clip = yuv(3, ColorInfo(1, 1, 1, range_), bits)
    made = list(recipe.flickered(clip, recipe.Flicker("none"), 1))
    for before, after in zip(clip, made, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before.planes, after.planes, strict=True))


def test_the_ideal_is_what_is_left_of_flicker_averaged_over_time(case):
    frames = case.clip.frames
    made = [tuple(recipe.averaged(frames, recipe.MILD, 1, sigma)) for sigma in (0.05, 3.0, 1e4)]
    at_once, near, all_ = (figures.luma(m) for m in made)
    assert np.abs(at_once - figures.luma(case.given)).max() <= 1.001 / 255
    given, clean = figures.luma(case.given), case.clip.luma
    assert figures.psnr(given, clean) < figures.psnr(near, clean) < figures.psnr(all_, clean)
    assert figures.flicker_index(near) < 0.1 * figures.flicker_index(given)


def test_a_gain_doubles_light_above_black_in_limited_range():
    fmt = FrameFormat(16, 16, "gray", 0, 0, 8, ColorInfo(range=1))
    frame = Frame((np.full((16, 16), (16 + 60) / 255, np.float32),), fmt, 0, 0, Fraction(1, 25), 1)
    made = next(recipe.flickered([frame], recipe.Flicker("double", gain=(2.0, 2.0)), 1))
    assert np.rint(made.planes[0] * 255).min() == np.rint(made.planes[0] * 255).max() == 16 + 120


def test_flicker_in_colour_moves_chroma_and_flicker_without_leaves_grey_grey():
    clip = yuv(4, ColorInfo(1, 1, 1, 1))
    grey = [f.with_planes((f.planes[0], *(np.full_like(p, 512 / 1023) for p in f.planes[1:]))) for f in clip]
    plain = list(recipe.flickered(grey, replace(recipe.GLOBAL, name="grey"), 2))
    tinted = list(recipe.flickered(grey, recipe.COLOUR, 2))
    assert max(np.abs(f.planes[1] - 512 / 1023).max() for f in plain) < 1.5 / 1023
    assert max(np.abs(f.planes[1] - 512 / 1023).max() for f in tinted) > 5 / 1023


def test_banding_changes_rows_alike_and_travels():
    frames = scenes.grey([np.full((48, 64), 0.5, np.float32)] * 3)
    made = figures.luma(list(recipe.flickered(frames, recipe.Flicker("bands", banding=0.08), 1)))
    assert np.ptp(made, axis=2).max() == 0
    assert np.ptp(made[0, :, 0]) > 0.05
    assert np.abs(made[1] - made[0]).max() > 0.02


@dataclass(frozen=True)
class Halved:
    """Stands for a method: keeps half of each frame's departure from the clip's mean light."""

    name: str = "safe"
    groups: None = None
    version: str = ""

    def apply(self, frames: Sequence[Frame]) -> list[Frame]:
        video = figures.luma(frames)
        off = (video.mean((1, 2)) - video.mean()) / 2
        return [f.with_planes((f.planes[0] - np.float32(o),)) for f, o in zip(frames, off, strict=True)]


@pytest.fixture(scope="module")
def case() -> Case:
    bare = panned(16)
    grainy = scenes.grainy(list(bare), 1)
    return Case(Clip("texture", grainy, bare), tuple(recipe.flickered(grainy, recipe.MILD, 1)))


def test_a_method_that_halves_flicker_is_seen_to_do_so(case):
    given, made, clean = (
        measure.measured(case, frames)
        for frames in (case.given, Halved().apply(case.given), case.clip.frames)
    )
    assert made["fi"] == pytest.approx(given["fi"] / 2, rel=0.1)
    assert given["psnr"] < made["psnr"] < clean["psnr"]
    assert clean["e_warp"] == clean["floor"] < made["e_warp"] < given["e_warp"]
    assert (clean["grain"], clean["gradient"], clean["kept"], clean["slow"]) == (1, 1, 1, 0)
    assert given["change"] == given["worst"] == 0


def test_what_another_program_made_is_measured_once_a_version(case, tmp_path):
    asked = []

    @dataclass(frozen=True)
    class Counted(Halved):
        def apply(self, frames: Sequence[Frame]) -> list[Frame]:
            asked.append(self.version)
            return super().apply(frames)

    versions = ("1", "1", "2", "", "")
    rows = [measure.rows("both", case, [Counted(version=v)], tmp_path)[0] for v in versions]
    assert asked == ["1", "2", "", ""]
    assert all(row == rows[0] for row in rows)
    measure.rows("both", replace(case, given=case.clip.frames), [Counted(version="1")], tmp_path)
    assert asked == ["1", "2", "", "", "1"]


def test_wrong_counts_and_broken_samples_are_refused(case):
    with pytest.raises(ValueError, match="15 frames were made of 16"):
        measure.measured(case, case.given[1:])
    broken = list(case.given)
    broken[3] = broken[3].with_planes((broken[3].planes[0] * np.float32("nan"),))
    with pytest.raises(ValueError, match="no numbers"):
        measure.measured(case, broken)


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_ffmpeg_gives_back_every_frame_in_order_and_steadier(case, count):
    made = methods.Ffmpeg("am", 25).apply(case.given[:count])
    assert len(made) == count
    assert figures.flicker_index(figures.luma(made)) <= figures.flicker_index(
        figures.luma(case.given[:count])
    )
    for before, after in zip(case.given, made, strict=False):
        assert np.corrcoef(before.planes[0].ravel(), after.planes[0].ravel())[0, 1] > 0.99


def test_targets_are_judged_by_the_figures(case):
    rows = [
        {"group": group, "clip": "texture", "method": m.name, **measure.measured(case, m.apply(case.given))}
        for group in ("both", "global", "clean", "guards", "old films")
        for m in (methods.Input(), Halved())
    ]
    found = {t["target"]: t for t in targets(rows, measure.means(rows), "safe", 7.9, same=True)}
    assert found["old films: flicker index over the input's"]["measured"] == pytest.approx(0.5, abs=0.1)
    assert found["frames a second at 1080p"]["passed"] is False
    assert found["strength 0 changes"]["passed"] is True
    assert found["both: level of grain off by"]["passed"] is True


def test_speed_measured_later_takes_the_place_of_the_old_one():
    old = [{"mode": m, **t} for m in ("auto", "safe") for t in targets([], [], m, 7.9, same=True)]
    new = with_speed(old, 9.1)
    assert [t["mode"] for t in new] == ["auto", "auto", "safe", "safe"]
    assert [t["measured"] for t in new] == [0, 9.1, 0, 9.1]
    assert all(t["passed"] for t in new)


def test_a_sheet_shows_every_method(case, tmp_path):
    path = sheets.draw("both", case, tmp_path, (methods.Input(), Halved()))
    from PIL import Image

    with Image.open(path) as made:
        assert made.width == 4 * (COLUMNS + 4)
        assert made.height == 4 * (ROWS + 18 + 4)


def test_crops_and_guards_are_repeatable_and_change_light_as_they_say(shared_data):
    one, again = (next(scenes.moving_crops(1, 3)) for _ in range(2))
    assert np.array_equal(one.luma, again.luma)
    assert one.luma.shape == (3, scenes.SIZE[1], scenes.SIZE[0])
    assert (one.luma - one.bare).std() * 255 == pytest.approx(4, rel=0.25)
    by_name = {g.name: g for g in guards.guards()}
    flash = by_name["lightning"].make().mean((1, 2))
    assert [n for n in range(1, 48) if flash[n] - flash[n - 1] > 0.1] == [14, 30]
    lamp = by_name["lamp switched on"].make().mean((1, 2))
    assert np.argmax(np.diff(lamp)) == 21
    assert len(by_name["2 frames"].clip().frames) == 2
    assert not by_name["black"].clip().luma.any()
    assert by_name["fade out"].make()[-1].max() == 0


def test_a_run_leaves_means_clips_and_sheets(shared_data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sheets, "SHOWN", {("guards", "2 frames")})
    monkeypatch.setattr(guards, "guards", lambda: iter(guards.EDGES[-3:]))
    given = [
        "--groups",
        "guards",
        "--peers",
        "auto",
        "am 25",
        "--out",
        str(tmp_path),
        "--sheets",
        str(tmp_path),
    ]
    assert deflicker.main(given) == 0
    found = json.loads((tmp_path / "deflicker.json").read_text())
    assert {m["method"] for m in found["means"]} == {"input", "FFmpeg am 25", "auto"}
    assert {(r["clip"], r["method"]) for r in found["rows"]} == {
        (clip, method) for clip in ("2 frames", "1 frame", "black") for method in ("input", "auto")
    }
    assert (tmp_path / "guards-2_frames.png").exists()
    assert "strength 0 changes" in capsys.readouterr().out
