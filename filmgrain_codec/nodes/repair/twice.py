"""Dust told from neighbours that were repaired before: a clean one hides nothing and is easier to follow.

Recurrent nets carry clean neighbours along, forwards and backwards (Wan et al., "Bringing Old Films Back to
Life", CVPR 2022). Here a first pass repairs every frame by itself and the second sees its results on both
sides, so that each frame still depends on few others.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.kept import Kept, Same
from filmgrain_codec.core.node import Node
from filmgrain_codec.nodes.repair.aligned import brightness
from filmgrain_codec.nodes.repair.dust import Dust

NOTE = "FGDustFirst"
"""Property of a frame between the passes: what the first one changed; the second takes it off."""
FRAMES_KEPT = 24


def dust(passes: int = 1, **values: Any) -> Dust:
    """``Dust``, or with two passes ``Twice``. Raises what they raise."""
    return Dust(**values) if passes == 1 else Twice(**values)


class FirstPass:
    """Node that lets frames pass and notes what ``Dust`` would change in them."""

    radius = Dust.radius

    def __init__(self, **values: Any) -> None:
        self._dust = Dust(**values)

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return self._dust.configure(fmt)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        return frame.with_planes(frame.planes, **{NOTE: changes(frame, self._dust.process(window, n))})


class Twice(Dust):
    """``Dust`` that sees the other frames as a first pass of it leaves them."""

    notes = (NOTE,)
    reach = Dust.radius

    def __init__(self, show: str = "repaired", **values: Any) -> None:
        super().__init__(show=show, **values)
        self.before: tuple[Node, ...] = (FirstPass(**values),)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        here = window[self.radius]
        others = [f if f.index == here.index else repaired(f) for f in window]
        # What passes by must not be gone from the frames beside: it would be taken for dirt here.
        made = self.repaired(others, n, guide=brightness(repaired(here)), scene=window)
        return replace(made, props={k: v for k, v in made.props.items() if k != NOTE})


def changes(before: Frame, after: Frame) -> bytes:
    """Where and to what samples were changed; nothing where none was."""
    if all(a is b for a, b in zip(before.planes, after.planes, strict=True)):
        return b""
    parts = []
    for old, new in zip(before.planes, after.planes, strict=True):
        changed = old != new
        parts += [np.packbits(changed).tobytes(), np.asarray(new[changed], np.float32).tobytes()]
    return zlib.compress(b"".join(parts), 1)


def changed(frame: Frame, note: bytes) -> Frame:
    """``frame`` with the changes that ``note`` holds."""
    data, planes = zlib.decompress(note), list[Plane]()
    for plane in frame.planes:
        bits, data = _split(data, -(-plane.size // 8))
        there = np.unpackbits(np.frombuffer(bits, np.uint8), count=plane.size).astype(bool)
        values, data = _split(data, 4 * int(there.sum()))
        made = plane.copy()
        made[there.reshape(plane.shape)] = np.frombuffer(values, np.float32)
        planes.append(made)
    return frame.with_planes(tuple(planes))


def repaired(frame: Frame) -> Frame:
    """A frame as the first pass leaves it; the same object for all windows that it is in, for a while."""
    note = bytes(frame.props.get(NOTE, b""))
    if not note:
        return frame
    return _repaired.get((Same(frame.planes[0]), note), lambda: changed(frame, note))


def _split(data: bytes, size: int) -> tuple[bytes, bytes]:
    return data[:size], data[size:]


_repaired: Kept[tuple[Same, bytes], Frame] = Kept(FRAMES_KEPT)
