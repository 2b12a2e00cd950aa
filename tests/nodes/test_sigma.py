"""Sigma and means by OpenCV are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.grain.profile import DEFAULT_CURVE, GrainSegment

pytest.importorskip("cv2", reason="OpenCV is not installed")

from filmgrain_codec.nodes.sigma import BLOCK, averaged, expected_sigma

SEGMENT = GrainSegment(0, 10, 0.05, DEFAULT_CURVE)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).random(shape).astype(np.float32)


def boxes(plane: np.ndarray, down: int, across: int) -> np.ndarray:
    rows, columns = 1 << down, 1 << across
    padded = np.pad(plane, ((0, -plane.shape[0] % rows), (0, -plane.shape[1] % columns)), mode="edge")
    return padded.reshape(padded.shape[0] // rows, rows, -1, columns).mean((1, 3))


@pytest.mark.parametrize("shape", [(64, 96), (33, 47), (1, 1), (18, 7)])
@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (0, 2)])
def test_averaged_are_the_means_of_boxes(shape, down, across):
    plane = noise(*shape)
    assert np.allclose(averaged(plane, down, across), boxes(plane, down, across), atol=3e-7)


@pytest.mark.parametrize("shape", [(64, 96), (33, 47), (1, 1), (8, 200)])
def test_sigma_is_the_curve_at_smoothed_luma(shape):
    found = expected_sigma(noise(*shape), SEGMENT)
    assert found.shape == shape
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    even = expected_sigma(np.full(shape, 0.5, np.float32), SEGMENT)
    assert np.allclose(even, SEGMENT.sigma(np.array([0.5])), rtol=1e-5)


def test_sigma_is_linear_between_the_centres_of_its_blocks():
    luma = noise(64, 96)
    means = np.pad(boxes(luma, 2, 2), 1, mode="edge")
    small = sum(means[r : r + 16, c : c + 24] for r in range(3) for c in range(3)) / 9
    at_blocks = SEGMENT.sigma(small.astype(np.float32))
    centres = (np.arange(64) + 0.5) / BLOCK - 0.5, (np.arange(96) + 0.5) / BLOCK - 0.5
    rows = np.stack([np.interp(centres[0], np.arange(16), column) for column in at_blocks.T], 1)
    wanted = np.stack([np.interp(centres[1], np.arange(24), row) for row in rows])
    assert np.allclose(expected_sigma(luma, SEGMENT), wanted, rtol=2e-6)
