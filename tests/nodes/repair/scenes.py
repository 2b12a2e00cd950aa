"""Small film scenes with specks in known places."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain

SIZE = (120, 160)
PEAK = 0.9


def texture(rows: int, columns: int, seed: int = 1) -> np.ndarray:
    """A soft random picture, 0.3 to 0.6."""
    noise = np.random.default_rng(seed).normal(size=(rows // 8 + 2, columns // 8 + 2))
    big = np.kron(noise, np.ones((8, 8)))
    for axis in (0, 1):
        big = np.apply_along_axis(lambda line: np.convolve(line, np.ones(9) / 9, "same"), axis, big)
    return (0.45 + 0.07 * big[:rows, :columns]).astype(np.float32)


def frames(
    count: int = 5,
    fmt: FrameFormat | None = None,
    step: int = 2,
    sigma: float = 0.012,
    size: tuple[int, int] = SIZE,
) -> list[Frame]:
    """A pan over a texture with grain of its own in every frame; chroma follows luma."""
    fmt = fmt or FrameFormat(size[1], size[0], "gray", 0, 0, 10)
    wide = texture(fmt.height, fmt.width + step * count)
    made = []
    for n in range(count):
        rng = np.random.default_rng(100 + n)
        luma = wide[:, n * step : n * step + fmt.width]
        planes = []
        for k in range(fmt.planes):
            rows, columns = fmt.shape(k)
            part = luma[:: -(-fmt.height // rows), :: -(-fmt.width // columns)][:rows, :columns]
            planes.append((part + rng.normal(0, sigma, part.shape)).astype(np.float32))
        made.append(Frame(tuple(planes), fmt, n, n, Fraction(1, 24)))
    return made


def spoiled(frame: Frame, places: list[tuple[int, int]], value: float = PEAK, side: int = 5) -> Frame:
    """The frame with squares of one value at some luma places (row, column)."""
    planes = [p.copy() for p in frame.planes]
    for k, plane in enumerate(planes):
        down, across = (frame.fmt.sub_h, frame.fmt.sub_w) if k and frame.fmt.family == "yuv" else (0, 0)
        for row, column in places:
            rows = slice(row >> down, -(-(row + side) >> down))
            plane[rows, column >> across : -(-(column + side) >> across)] = value
    return frame.with_planes(tuple(planes))


FORMATS = [
    FrameFormat(160, 120, "gray", 0, 0, 8),
    FrameFormat(161, 121, "yuv", 1, 1, 10, ColorInfo(range=1)),
    FrameFormat(160, 120, "yuv", 1, 0, 16),
    FrameFormat(161, 120, "rgb", 0, 0, 12),
]


def check_any_order(text: str, given: Sequence[Frame], cut: int) -> None:
    """Frames asked for from the last to the first are those of the stream."""
    graph = Graph(build_chain([text]), cuts=[cut], debug=True)
    streamed = [f.planes[0] for f in graph.stream(given)]
    pull = graph.pull(given.__getitem__, len(given))
    for n in reversed(range(len(given))):
        assert np.array_equal(pull(n).planes[0], streamed[n])


def check_black(text: str, count: int) -> None:
    """So many black frames of odd size stay black."""
    clip = frames(count, FrameFormat(33, 17, "yuv", 1, 1, 8))
    given = [f.with_planes(tuple(np.zeros_like(p) for p in f.planes)) for f in clip]
    made = list(Graph(build_chain([text]), debug=True).stream(given))
    assert len(made) == count
    assert all(not p.any() for f in made for p in f.planes)
