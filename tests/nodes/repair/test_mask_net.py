"""The mask net that ships, and how its mask is weighed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer import store
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import Aligned
from filmgrain_codec.nodes.repair.dust import Dust
from filmgrain_codec.nodes.repair.net import ROLE, STILL_ROLE, STILL_SURE, SURE, MaskNet, weighed
from filmgrain_codec.nodes.repair.specks import painted

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")
SHAPE = (160, 208)


def frames(speck: float | None = None, count: int = 3) -> list[Frame]:
    """Frames of a resting slope with grain; the middle one may hold a square speck, as soft as a scan's."""
    rng = np.random.default_rng(5)
    fmt = FrameFormat(SHAPE[1], SHAPE[0], "gray", 0, 0, 8, ColorInfo(range=2))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    made = []
    for k in range(count):
        luma = 0.35 + 0.15 * np.sin(x / 40) + 0.1 * np.cos(y / 30) + rng.normal(0, 0.012, SHAPE)
        if k == count // 2 and speck is not None:
            cover = np.zeros(SHAPE, np.float32)
            cover[70:77, 100:107] = 1
            luma += opencv().GaussianBlur(cover, (0, 0), 0.6) * (speck - luma)
        made.append(Frame((luma.clip(0, 1).astype(np.float32),), fmt, k, k, Fraction(1, 24)))
    return made


@pytest.mark.parametrize(("speck", "polarity"), [(0.95, 1), (0.03, -1)])
def test_a_speck_is_found_with_its_polarity(speck, polarity):
    found = MaskNet().specks(Aligned(frames(speck)), 1.0)
    assert [s.polarity for s in found] == [polarity]
    mask = painted(found, SHAPE)
    assert mask[70:77, 100:107].mean() > 0.25
    assert mask[69:78, 99:108].sum() == mask.sum()


def test_the_filter_covers_a_speck_with_net_and_rank_test():
    window = frames(0.95, 5)
    dust = Dust(detector="net")
    dust.configure(window[0].fmt)
    made = dust.process(window, 2).planes[0]
    changed = made != window[2].planes[0]
    assert changed[70:77, 100:107].mean() > 0.9
    assert not changed[:60].any()
    assert not changed[:, :90].any()
    assert made[70:77, 100:107].max() < 0.7


def test_stills_have_a_net_of_their_own_where_one_is_installed(tmp_path, monkeypatch):
    named = {m.id: m for m in store.catalogue() if m.role in (ROLE, STILL_ROLE)}
    moving = store.resolve("fast", ROLE)
    assert MaskNet().model == moving
    assert MaskNet().still_model == store.resolve("fast", STILL_ROLE) != moving
    assert all(MaskNet(moving.id).still_model == named[moving.id] for _ in range(2))
    manifest = (store.folder() / store.MANIFEST).read_text().replace(f'"{STILL_ROLE}"', '"other"')
    (tmp_path / store.MANIFEST).write_text(manifest)
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path))
    assert MaskNet().still_model == MaskNet().model


def test_a_still_and_a_frame_with_neighbours_ask_different_nets():
    here = frames(0.95)
    alone, among = Aligned([here[1]] * 3), Aligned(here)
    both = MaskNet(backend="onnxruntime")
    moving, still = (MaskNet(m.id, "onnxruntime") for m in (both.model, both.still_model))
    assert np.array_equal(both.maps(among), moving.maps(among))
    assert np.array_equal(both.maps(alone), still.maps(alone))
    assert not np.array_equal(both.maps(alone), moving.maps(alone))


@pytest.mark.parametrize("backend", ["openvino", "openvino-bf16"])
def test_other_backends_answer_alike(backend):
    if backends.problem(backend):
        pytest.skip(backends.problem(backend))
    dirty = Aligned(frames(0.95))
    usual, other = (MaskNet(backend=b) for b in ("onnxruntime", backend))
    away = np.abs(usual.maps(dirty) - other.maps(dirty))
    assert away.mean() < (1e-5 if backend == "openvino" else 0.01)
    masks = [painted(net.specks(dirty, 1.0), SHAPE) for net in (usual, other)]
    assert (masks[0] != masks[1]).sum() <= 0.2 * masks[0].sum()


def test_nothing_is_found_on_clean_frames():
    assert MaskNet().specks(Aligned(frames()), 1.0) == []


def test_more_sensitivity_finds_no_less():
    dirty = Aligned(frames(0.6))
    areas = [sum(s.area for s in MaskNet().specks(dirty, s)) for s in (0.5, 1.0, 2.0, 4.0)]
    assert areas == sorted(areas)
    assert areas[-1] > 0


def test_a_sure_speck_stays_and_doubt_all_around_goes():
    alone = np.zeros((200, 200), np.float32)
    alone[90:99, 90:99] = 0.95
    assert weighed(alone, False)[94, 94] > SURE
    assert weighed(alone, True)[94, 94] > STILL_SURE
    undecided = np.full((200, 200), 0.5, np.float32)
    undecided[90:99, 90:99] = 0.95
    assert weighed(undecided, False).max() < 0.2
    assert weighed(undecided, True).max() == 0


def test_the_mask_is_not_written_into():
    mask = np.random.default_rng(0).random((80, 80)).astype(np.float32)
    kept = mask.copy()
    weighed(mask, True)
    assert np.array_equal(mask, kept)
