"""Profiles for the wire tests: hypothesis strategies and the golden example."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.profile import (
    FIRST_LAW,
    SHOWN_LAW,
    Chroma,
    Curve,
    GrainProfile,
    GrainSegment,
    Spectrum,
)
from filmgrain_codec.grain.wire import MAX_FRAME, MAX_REACH, Record

CURVE: Curve = (0.4, 0.7125, 0.9, 1.0, 1.0, 0.95, 0.7, 0.5)
FLAT: Curve = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
NO_CHROMA = Chroma(0.0, 0.0, 0.6, 0.0, 0.0, 0.0)
GOLDEN = GrainProfile(
    (
        GrainSegment(
            0, 48, 0.05, CURVE, Spectrum(0.9, 1.2, 0.3, 2.5), Chroma(0.5, 0.7, 0.8, 0.3, -0.2, 0.4), 0.4,
            0xDEADBEEF, 0.875,
        ),
        GrainSegment(48, 100, 0.0, FLAT, Spectrum(0.8, 1.0, 0.0, 2.5), NO_CHROMA, 0.0, 0, 1.0),
        GrainSegment(100, MAX_FRAME, 0.012345, FLAT, Spectrum(1.6, 1.0, -0.25, 2.0), NO_CHROMA, 0.0, 1, 1.0),
    ),
    removal="fast-1",
    synthesis="parametric",
    fingerprint="hevc 1920x1080 5f3a",
)  # fmt: skip
GOLDEN_RECORD = Record(GOLDEN.segments[0], 24, GOLDEN.synthesis, GOLDEN.removal)


def picture(fmt: FrameFormat) -> tuple[Plane, ...]:
    """A texture of exact code values that reaches every code."""
    shapes = [fmt.shape(p) for p in range(fmt.planes)]
    codes = [np.add.outer(np.arange(h) * 13, np.arange(w) * 7) for h, w in shapes]
    return tuple((c % (fmt.peak + 1) / fmt.peak).astype(np.float32) for c in codes)


def cropped(
    planes: tuple[Plane, ...], fmt: FrameFormat, part: FrameFormat, corner: tuple[int, int]
) -> tuple[Plane, ...]:
    """The part of a picture that begins at luma sample (x, y)."""
    return tuple(
        plane[y : y + rows, x : x + columns]
        for p, plane in enumerate(planes)
        for (x, y), (rows, columns) in [(_on(p, fmt, corner), part.shape(p))]
    )


def inset(planes: tuple[Plane, ...], fmt: FrameFormat, edge: int) -> tuple[Plane, ...]:
    """A picture without ``edge`` luma samples on each side."""
    return tuple(
        plane[down : len(plane) - down, right : plane.shape[1] - right]
        for p, plane in enumerate(planes)
        for right, down in [_on(p, fmt, (edge, edge))]
    )


def _on(plane: int, fmt: FrameFormat, place: tuple[int, int]) -> tuple[int, int]:
    sub_w, sub_h = (fmt.sub_w, fmt.sub_h) if plane and fmt.family == "yuv" else (0, 0)
    return place[0] >> sub_w, place[1] >> sub_h


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@st.composite
def spectra(draw: st.DrawFn) -> Spectrum:
    size = draw(numbers(0.1, 16))
    spread = draw(numbers(1, min(8, (MAX_REACH - 0.02) / size)))
    a, b, c, d, e, f, g, h = (draw(numbers(-8, 7.5)) if draw(st.booleans()) else 0.0 for _ in range(8))
    shape = draw(numbers(0.25, 4)), draw(numbers(-1, 1)), max(1.0, spread - 0.001)
    return Spectrum(size, *shape, (a, b, c, d, e, f, g, h))


unit = numbers(-1, 1)
chromas = st.builds(Chroma, numbers(0, 20), numbers(0, 20), numbers(0.1, 16), unit, unit, unit)
ids = st.text("abcXYZ0189._+-", max_size=48).filter(lambda text: not text.startswith("."))


@st.composite
def segments(draw: st.DrawFn, start: int = 0) -> GrainSegment:
    first = draw(st.integers(start, MAX_FRAME - 1000))
    a, b, c, d, e, f, g, h = (draw(numbers(0, 20)) for _ in range(8))
    return GrainSegment(
        first, draw(st.integers(first + 1, min(MAX_FRAME, first + 10**6))), draw(numbers(0, 0.5)),
        (a, b, c, d, e, f, g, h), draw(spectra()), draw(chromas), draw(numbers(-2, 2)),
        draw(st.integers(0, 2**32 - 1)), draw(numbers(0, 1)), draw(numbers(-8, 8)),
        draw(numbers(-2, 1.98)), draw(st.integers(FIRST_LAW, SHOWN_LAW)), draw(numbers(-4, 3.96)),
    )  # fmt: skip


@st.composite
def profiles(draw: st.DrawFn) -> GrainProfile:
    made: list[GrainSegment] = []
    for _ in range(draw(st.integers(0, 4))):
        after = made[-1].end if made else 0
        if after > MAX_FRAME - 1000:
            break
        made.append(draw(segments(after)))
    text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=128)
    return GrainProfile(tuple(made), draw(ids), draw(ids), draw(text))


@st.composite
def records(draw: st.DrawFn) -> Record:
    segment = draw(segments())
    return Record(segment, draw(st.integers(segment.start, segment.end - 1)), draw(ids), draw(ids))
