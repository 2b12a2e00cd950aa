"""Pictures of repeated samples are told from those that a lens made, and codec repair leaves them alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.media.recode import Coding, recode
from filmgrain_codec.nodes.codec_repair import CODEC_PROP, QP_PROP, USED_PROP, CodecRepair
from filmgrain_codec.nodes.doubled import single


def drawn(rows: int, columns: int) -> np.ndarray:
    """Waves and small dots, each sample of its own."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    dots = np.random.default_rng(4).random((rows, columns), np.float32) > 0.9
    luma = 0.5 + 0.2 * np.sin(x / 5) * np.cos(y / 7) + 0.2 * dots
    return np.clip(luma, 0, 1).astype(np.float32)


def repeated(plane: np.ndarray, times: int) -> np.ndarray:
    return plane.repeat(times, 0).repeat(times, 1)


def coded(luma: np.ndarray, crf: int) -> tuple[Frame, Frame]:
    """A frame of this luma, and what x264 leaves of it, which says its QP."""
    fmt = FrameFormat(luma.shape[1], luma.shape[0], bits=8)
    clean = Frame((luma, *[np.full(fmt.shape(1), 0.5, np.float32)] * 2), fmt, 0, 0, Fraction(1, 25))
    pair = [replace(clean, index=n, pts=n) for n in (0, 1)]
    made, _ = recode(pair, Coding("x264", {"crf": str(crf), "preset": "fast"}))
    return clean, replace(made[0], props={QP_PROP: made[0].props["qp"], CODEC_PROP: "x264"})


@pytest.mark.parametrize("times", [2, 3, 4])
@pytest.mark.parametrize("crf", [20, 28])
def test_doubled_pictures_pass_as_they_are(times: int, crf: int) -> None:
    _, frame = coded(repeated(drawn(48, 64), times), crf)
    out = CodecRepair(least=0.0).process([frame], 0)
    assert single(frame.planes[0]) == 0
    assert out.props[USED_PROP] == -1
    assert np.array_equal(out.planes[0], frame.planes[0])


@pytest.mark.parametrize("crf", [20, 34, 51])
def test_others_are_repaired_however_coarsely_they_were_coded(crf: int) -> None:
    _, frame = coded(drawn(96, 128), crf)
    assert single(frame.planes[0]) == 1
    assert CodecRepair(least=0.0).process([frame], 0).props[USED_PROP] == frame.props[QP_PROP]


def test_lines_that_were_doubled_count_too() -> None:
    assert single(drawn(48, 128).repeat(2, 0)) == 0


def test_pictures_that_change_one_way_only_are_no_doubled_ones() -> None:
    slope = np.linspace(0, 1, 96, dtype=np.float32)[None, :].repeat(64, 0)
    assert single(slope) == single(slope.T) == 1
    assert single(np.zeros((64, 64), np.float32)) == 1


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(0, 1, width=32)
    )
)
def test_any_picture_has_a_share(luma: np.ndarray) -> None:
    assert 0 <= single(luma) <= 1
