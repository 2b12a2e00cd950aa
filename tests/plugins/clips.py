"""A small grainy clip with a cut, as a file and as a VapourSynth clip; and what comes out of either."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.pipeline.filter import filter_clip
from filmgrain_codec.pipeline.request import FilterRequest

WIDTH, HEIGHT, FRAMES, CUT = 160, 96, 14, 7
Codes = NDArray[np.uint16]


@cache
def pictures(grain: float = 30.0) -> tuple[tuple[Codes, ...], ...]:
    """10-bit 4:2:0 pictures that move, and change altogether at ``CUT``."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    made = []
    for n in range(FRAMES):
        first = 400 + 200 * np.sin((x + 3 * n) / 17) + 120 * np.cos(y / 9)
        second = 500 + 300 * np.cos((x - y - 2 * n) / 23)
        planes = [
            first if n < CUT else second,
            np.full((HEIGHT // 2, WIDTH // 2), 520.0),
            np.full((HEIGHT // 2, WIDTH // 2), 500.0),
        ]
        noisy = (
            p + rng.normal(0, s, p.shape) for p, s in zip(planes, (grain, grain / 2, grain / 2), strict=True)
        )
        made.append(tuple(np.clip(p, 64, 940).round().astype(np.uint16) for p in noisy))
    return tuple(made)


def write_y4m(path: Path, frames: Iterable[tuple[Codes, ...]]) -> Path:
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F24:1 Ip A1:1 C420p10 XYSCSS=420P10\n".encode())
        for planes in frames:
            file.write(b"FRAME\n" + b"".join(p.tobytes() for p in planes))
    return path


def vs_clip(frames: tuple[tuple[Codes, ...], ...] | None = None, **props: Any) -> Any:
    """The pictures as a clip of YUV420P10, without any file."""
    import vapoursynth as vs

    frames = frames or pictures()
    form = vs.core.std.BlankClip(
        format=vs.YUV420P10, width=WIDTH, height=HEIGHT, length=len(frames), fpsnum=24, fpsden=1, keep=True
    )

    def fill(n: int, f: Any) -> Any:
        out = f.copy()
        for k, plane in enumerate(frames[n]):
            np.copyto(np.asarray(out[k]), plane)
        return out

    return form.std.ModifyFrame(form, fill).std.SetFrameProps(_Range=0, **props)


def sums(clip: Any, order: Iterable[int] | None = None) -> list[str]:
    """A checksum of every frame's samples, the frames asked for in ``order``."""
    found = {}
    for n in order or range(clip.num_frames):
        with clip.get_frame(n) as frame:
            planes = (np.ascontiguousarray(frame[p]).tobytes() for p in range(frame.format.num_planes))
            found[n] = hashlib.md5(b"".join(planes)).hexdigest()
    return [found[n] for n in range(clip.num_frames)]


def y4m_sums(data: bytes) -> list[str]:
    """The same of a y4m stream, whatever its header says of the rest."""
    head, _, body = data.partition(b"\n")
    width, height = (int(next(w[1:] for w in head.split() if w[:1] == k)) for k in (b"W", b"H"))
    deep = 1 if b"C420jpeg" in head or b"C420mpeg2" in head else 2
    size = 6 + deep * width * height * 3 // 2
    frames = (body[at + 6 : at + size] for at in range(0, len(body), size))
    return [hashlib.md5(frame).hexdigest() for frame in frames]


def filtered(source: Path, *filters: str) -> list[str]:
    """What ``fgcodec filter`` makes of a file."""
    output = source.parent / "filtered.y4m"
    filter_clip(FilterRequest(source=source, output=output, filters=filters, overwrite=True, threads=1))
    return y4m_sums(output.read_bytes())
