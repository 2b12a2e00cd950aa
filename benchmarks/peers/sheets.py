"""Contact sheets of what removers leave, for the eye: crops, and eight times what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import material, picture
from benchmarks.peers.case import MIDDLE, case
from benchmarks.peers.peer import Peer, label, made
from filmgrain_codec.core.frame import Frame

CROP = (224, 160)
GAIN = 8.0
GRAIN = ("boolean", 0.8, 0.05)
ROW = 5


def draw(methods: Sequence[Peer], cache: Path, folder: Path) -> list[Path]:
    """One PNG per clip: the clean crop, then every method's with its error eight times below."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for clip in material.clips():
        here = case(cache, clip, *GRAIN)
        clean = material.crop(here.clean[MIDDLE], *CROP)
        tiles = [("clean", picture.rgb(clean), picture.difference(clean, clean))]
        for peer in methods:
            planes = made(peer, here, cache).frames[MIDDLE]
            whole = here.grainy[MIDDLE].with_planes((*planes, *here.grainy[MIDDLE].planes[len(planes) :]))
            left = material.crop(whole, *CROP)
            tiles.append((peer.name, picture.rgb(shown(left, planes)), picture.difference(left, clean, GAIN)))
        rows = []
        for k in range(0, len(tiles), ROW):
            part = tiles[k : k + ROW]
            rows += [[(name, crop) for name, crop, _ in part], [(f"{name} x8", bad) for name, _, bad in part]]
        found.append(folder / f"{label(clip)}.png")
        picture.sheet(rows, found[-1])
    return found


def shown(frame: Frame, planes: Sequence[object]) -> Frame:
    """A method that takes luma only is shown in grey."""
    if len(planes) > 1:
        return frame
    return replace(frame, planes=frame.planes[:1], fmt=replace(frame.fmt, family="gray"))
