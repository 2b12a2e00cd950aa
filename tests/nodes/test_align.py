"""Neighbours are drawn onto the centre: where the picture moves, and only there."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from filmgrain_codec.core.kept import Kept
from filmgrain_codec.errors import ModelError
from filmgrain_codec.nodes import align, flow
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.stripes import Grown, bordered

MARGIN = 24


def texture(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Blobs of some ten samples, in 0.2 to 0.8."""
    cv = opencv()
    noise = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    smooth = cv.GaussianBlur(noise, (0, 0), 4)
    return (0.5 + 0.1 * smooth / max(smooth.std(), 1e-6)).clip(0.2, 0.8).astype(np.float32)


def shifted(plane: np.ndarray, right: float, down: float) -> np.ndarray:
    """What the next frame shows when the picture moves right and down."""
    cv = opencv()
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv.warpAffine(plane, move, plane.shape[::-1], flags=cv.INTER_CUBIC, borderMode=cv.BORDER_REFLECT)


def grain(shape: tuple[int, int], seed: int, level: float = 0.03) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def inner(plane: np.ndarray) -> np.ndarray:
    return plane[MARGIN:-MARGIN, MARGIN:-MARGIN]


@pytest.mark.parametrize("preset", flow.PRESETS)
@pytest.mark.parametrize("move", [(3.0, 0.0), (-7.5, 4.25), (12.0, -9.0)])
def test_a_moved_picture_comes_back_to_where_it_was(preset, move):
    picture = texture(200, 280)
    frames = [shifted(picture, *move) + grain(picture.shape, 1), picture + grain(picture.shape, 2)]
    motion = Motion(frames, 1, preset)
    before = np.abs(inner(shifted(picture, *move) - picture)).mean()
    after = np.abs(inner(motion.warp(shifted(picture, *move), 0) - picture)).mean()
    assert after < 0.2 * before


def test_chroma_follows_luma():
    picture, colour = texture(160, 240), texture(80, 120, 5)
    motion = Motion([shifted(picture, 6, 4), picture], 1)
    moved = shifted(colour, 3, 2)
    before, after = (np.abs(inner(p - colour)).mean() for p in (moved, motion.warp(moved, 0)))
    assert after < 0.25 * before


def test_grain_alone_hardly_moves_a_still_picture():
    cv, picture = opencv(), texture(200, 280)
    film = [cv.GaussianBlur(grain(picture.shape, k, 1.0), (0, 0), 0.8) for k in range(2)]
    here, there = (flow.codes(picture + 0.05 * f / f.std(), 0) for f in film)
    moved = flow.moves(here, there, "fast")
    unguarded = flow.search("fast").calc(flow.halved(here), flow.halved(there), None)
    mean = [2 * float(np.hypot(flow[..., 0], flow[..., 1]).mean()) for flow in (moved, unguarded)]
    assert mean[0] < 0.3
    assert mean[0] < 0.5 * mean[1]


def test_whole_samples_keep_the_grain_as_strong_as_it_was():
    picture = texture(200, 280)
    frames = [shifted(picture, 4.5, 2.5), picture]
    motion, noise = Motion(frames, 1), grain(picture.shape, 3)
    assert inner(motion.shifted(noise, 0)).std() == pytest.approx(inner(noise).std(), rel=0.02)
    assert inner(motion.warp(noise, 0)).std() < 0.8 * inner(noise).std()


def test_a_frame_that_stands_in_for_its_neighbour_passes_as_it_is():
    picture = texture(64, 64)
    motion = Motion([picture, picture, texture(64, 64, 1)], 1)
    other = grain((32, 32), 0)
    assert motion.warp(other, 0) is other
    assert motion.warp(picture, 1) is picture


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (16, 16), (65, 47), (801, 803)])
def test_any_size_keeps_its_shape(shape):
    frames = [texture(*shape, seed) for seed in range(3)]
    motion = Motion(frames, 1)
    half = np.zeros((-(-shape[0] // 2), -(-shape[1] // 2)), np.float32)
    assert motion.warp(frames[0], 0).shape == shape
    assert motion.warp(half, 2).shape == half.shape


def test_large_pictures_are_searched_smaller_and_drawn_at_their_own_size():
    assert [flow.working_halvings(s) for s in ((540, 960), (1080, 1920), (2160, 3840))] == [0, 1, 2]
    picture = texture(400, 520)
    moved = shifted(picture, 6, -4)
    motion = Motion([moved, picture], 1, halvings=1)
    assert (
        np.abs(inner(motion.warp(moved, 0) - picture)).mean() < 0.25 * np.abs(inner(moved - picture)).mean()
    )


@pytest.mark.parametrize("sub", [(0, 0), (1, 1), (0, 1), (2, 2), (0, 2)])
@pytest.mark.parametrize("halvings", [0, 1])
def test_a_steady_pan_moves_planes_of_any_subsampling_alike(sub, halvings):
    picture = texture(256, 320)
    motion = Motion([shifted(picture, 8, -4), picture], 1, halvings=halvings)
    rows, columns = 256 >> sub[0], 320 >> sub[1]
    # A ramp of one per luma sample down, and a sixteenth across.
    down, across = np.arange(rows) * 2.0 ** sub[0], np.arange(columns) * 2.0 ** (sub[1] - 4)
    plane = np.add.outer(down, across).astype(np.float32)
    found = (motion.warp(plane, 0) - plane)[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
    assert np.abs(found - (-4 + 8 / 16)).mean() < 0.2


def test_rows_asked_for_are_those_of_the_whole():
    picture = texture(161, 243)
    motion = Motion([shifted(picture, 6, 4), picture], 1)
    whole, rows = motion.warp(picture, 0), motion.drawn(picture, 0)
    for top, bottom in ((0, 161), (0, 7), (64, 65), (50, 131), (160, 161)):
        assert np.array_equal(rows[top:bottom], whole[top:bottom])


def test_the_same_bits_on_any_number_of_threads():
    frames = [texture(120, 160, seed) for seed in range(6)]

    def job(k: int) -> np.ndarray:
        return Motion([frames[k], frames[5]], 1).warp(frames[k], 0)

    alone = [job(k) for k in range(5)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(job, list(range(5)) * 4))
    assert all(np.array_equal(together[k], alone[k % 5]) for k in range(20))


def test_without_opencv_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    opencv.cache_clear()
    with pytest.raises(ModelError, match=r"pip install 'filmgrain-codec\[cpu\]'"):
        opencv()
    opencv.cache_clear()


def test_frames_farther_off_are_followed_step_by_step():
    picture = texture(200, 280)
    moves = [(-8.0, 4.0), (-4.0, 2.0), (0.0, 0.0), (4.0, -2.0), (8.0, -4.0)]
    frames = [shifted(picture, *move) + grain(picture.shape, k, 0.01) for k, move in enumerate(moves)]
    motion = Motion(frames, 2, film=True)
    for k in (0, 4):
        plain = shifted(picture, *moves[k])
        before, after = (np.abs(inner(p - picture)).mean() for p in (plain, motion.warp(plain, k)))
        assert after < 0.2 * before


def test_the_frames_beside_the_centre_are_drawn_as_without_steps():
    frames = [shifted(texture(120, 160), 3 * k, k) for k in range(5)]
    together, alone = Motion(frames, 2, film=True), Motion(frames[1:4], 1)
    assert all(np.array_equal(together.warp(frames[k], k), alone.warp(frames[k], k - 1)) for k in (1, 3))


def test_frames_repeated_at_a_cut_are_drawn_alike():
    first, second = (texture(64, 96, seed) for seed in range(2))
    motion = Motion([first, first, second, second, second], 2, film=True)
    assert motion.warp(second, 3) is motion.warp(second, 4) is second
    assert np.array_equal(motion.warp(first, 0), motion.warp(first, 1))


def test_a_step_is_searched_once_for_all_windows(monkeypatch):
    monkeypatch.setattr(flow, "_steps", Kept(flow.STEPS_KEPT))
    frames = [texture(64, 96, seed) for seed in range(6)]
    found, search = [], flow.searched
    monkeypatch.setattr(flow, "searched", lambda *given: found.append(given) or search(*given))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: Motion([f + 0 for f in frames[n : n + 5]], 2, film=True), [0, 1] * 4))
    assert len(found) == 6


@pytest.mark.parametrize("ratio", [(1, 1), (2, 2), (2, 1), (8, 8)])
def test_a_box_of_a_stretched_map_is_the_cut_of_the_whole(ratio):
    small = np.random.default_rng(0).random((12, 15, 2), np.float32)
    grown = Grown(bordered(small), ratio, (12 * ratio[0] - 1, 15 * ratio[1] - 1))
    whole = grown[slice(0, grown.shape[0])]
    for rows, columns in (
        (slice(0, 5), slice(0, 7)),
        (slice(3, 11), slice(9, 14)),
        (slice(7, 11), slice(5, 14)),
    ):
        assert np.array_equal(grown.box(rows, columns), whole[rows, columns])


def test_a_frame_that_stands_twice_is_known_though_others_crowd_it_out(monkeypatch):
    monkeypatch.setattr(align, "_pictures", Kept(1))
    rng = np.random.default_rng(4)
    here, there = (rng.random((64, 96)).astype(np.float32) for _ in range(2))
    motion = Motion([here, there, here], 0)
    assert motion.flow(1)[0] is not None
    assert motion.flow(2)[0] is None
