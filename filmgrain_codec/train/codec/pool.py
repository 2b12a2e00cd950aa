"""A pool of decoded patches with what they were before, made once and trained on many times.

Scenes are camera moves over clean photographs and excerpts of clean clips (``train.motion``), coded by x264,
x265, SVT-AV1, MPEG-2 and JPEG at random quality, a few of them twice; of each coded scene a few frames are
kept, and of each frame a few squares that lie on the codec's grid. Scene ``k`` of a seed is a pure function
of (seed, k). Arrays on disk are 4:2:0 in codes of 16 bit: luma (SIDE, SIDE), chroma (2, SIDE / 2, SIDE / 2).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.quantiser import FAMILIES
from filmgrain_codec.errors import InputError
from filmgrain_codec.media.recode import Coding, recode
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.train import drawn, material, motion
from filmgrain_codec.train.codec.jpeg import as_jpeg
from filmgrain_codec.train.material import Material
from filmgrain_codec.train.pool import coded, split

SIDE = 128
SCENE, FRAMES = 288, 7
PER_FRAME, KEPT, TRIED = 4, 2, 12
"""Squares kept of a frame, frames kept of a scene, squares that are drawn before the kept ones are chosen."""
GRID = 8
CHANCES = {"x264": 0.17, "x265": 0.24, "svtav1": 0.33, "mpeg2": 0.06, "jpeg": 0.2}
CLIP_SHARE, DOUBLE_SHARE, KEY_SHARE = 0.1, 0.1, 0.2
"""Scenes of real clips, scenes that were coded twice, and kept frames that are the first, coded by itself."""
LIVELY_SHARE = 0.6
"""Of the scenes of a pool: lively ones. Where a camera glides over a still, encoders find all of a frame in
the one before, and lose less than of what is filmed.
"""
SOFT_SHARE = 0.2
"""Of all scenes: out of focus, or made larger once. A net that knows sharp ones alone takes too much off."""
DRAWN_SHARE, TITLED_SHARE = 0.1, 0.06
"""Of all scenes: drawn ones (``train.drawn``), and others with titles over them. A net that never saw any
takes the dots of a dither and the rims of letters for the codec's.
"""
SINGLE_SHARE = 0.5
"""Of JPEG's scenes, in pools with neighbours: single pictures, as they are, beside which there is none."""
RANGES = {"x264": (18, 46), "x265": (18, 46), "svtav1": (24, 63), "mpeg2": (2, 31), "jpeg": (6, 88)}
"""CRF; MPEG-2's quantiser code (drawn in the logarithm), libjpeg's quality."""
PRESETS = {"x264": ("veryfast", "fast", "medium"), "x265": ("fast", "medium"), "svtav1": ("8", "6", "7")}
ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "luma": (np.uint16, (SIDE, SIDE)),
    "chroma": (np.uint16, (2, SIDE // 2, SIDE // 2)),
    "clean": (np.uint16, (SIDE, SIDE)),
    "clean_chroma": (np.uint16, (2, SIDE // 2, SIDE // 2)),
    "facts": (np.float32, (2,)),
}
"""``facts``: QP, number of the codec family (see ``core.quantiser``)."""
BESIDE: dict[str, tuple[type, tuple[int, ...]]] = {
    "near": (np.uint16, (2, SIDE, SIDE)),
    "near_chroma": (np.uint16, (2, 2, SIDE // 2, SIDE // 2)),
    "coarser": (np.float32, (2,)),
}
"""In pools with neighbours: the frames before and after, drawn onto the frame; how much higher is their QP.
"""
MOTION = "fast"
"""Preset of the motion search."""
Sample = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a pool: material, seed, number of coded scenes (eight samples each)."""

    data: Path
    seed: int
    scenes: int
    held_out: bool = False
    neighbours: bool = False

    @property
    def arrays(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        return ARRAYS | BESIDE if self.neighbours else ARRAYS


class Pool:
    """An open pool. Raises ``InputError`` where there is none."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "pool.json").exists():
            raise InputError(
                f"There is no finished pool in {folder}: leave --pool out, or name another folder."
            )
        self.facts = json.loads((folder / "pool.json").read_text())
        names = ARRAYS | BESIDE if (folder / "near.npy").exists() else ARRAYS
        self.arrays = {k: np.load(folder / f"{k}.npy", mmap_mode="r") for k in names}

    def __len__(self) -> int:
        return len(self.arrays["facts"])


def make(recipe: Recipe, folder: Path) -> Pool:
    """Make a pool in ``folder``; one that is there is used. Raises ``InputError`` without material."""
    if (folder / "pool.json").exists():
        return Pool(folder)
    seen = clean_material(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    count = recipe.scenes * PER_FRAME * KEPT
    arrays = {
        k: np.lib.format.open_memmap(folder / f"{k}.npy", "w+", kind, (count, *shape))
        for k, (kind, shape) in recipe.arrays.items()
    }
    for scene in range(recipe.scenes):
        for n, sample in enumerate(samples(recipe, seen, scene)):
            for name, value in sample.items():
                arrays[name][scene * PER_FRAME * KEPT + n] = value
        if scene % 100 == 99:
            print(f"pool: {scene + 1} of {recipe.scenes} scenes", flush=True)
    for array in arrays.values():
        array.flush()
    facts = {"seed": recipe.seed, "scenes": recipe.scenes, "count": count, "material": seen.names}
    (folder / "pool.json").write_text(json.dumps(facts, indent=1))
    return Pool(folder)


def clean_material(recipe: Recipe) -> Material:
    return material.load(recipe.data, held_out=recipe.held_out)


def samples(recipe: Recipe, seen: Material, number: int) -> Iterator[Sample]:
    """The samples of scene ``number``: arrays as in ``ARRAYS``."""
    rng = np.random.default_rng([recipe.seed, number])
    clean = frames_of(focused(any_scene(seen, rng), rng))
    codec = str(rng.choice(list(CHANCES), p=list(CHANCES.values())))
    single = recipe.neighbours and codec == "jpeg" and rng.random() < SINGLE_SHARE
    if single:
        clean = frames_of(focused(singles(seen, rng), rng))
    before = clean
    if rng.random() < DOUBLE_SHARE:
        clean, before = coded_before(clean, rng)
    kept, follows = kept_frames(rng), recipe.neighbours and not single
    made = through(before, codec, rng, around(kept) if follows else kept, follows)
    for index in kept:
        alone = [made[index]] * 2 if single else None
        beside = shown(made, index) if follows else alone
        for top, left in places(made[index], clean[index], rng):
            sample = patch(made[index], clean[index], top, left)
            yield sample if beside is None else sample | near(beside, made[index], top, left)


def around(kept: Sequence[int]) -> list[int]:
    """Frames and those beside them."""
    return sorted({min(max(k + d, 0), FRAMES - 1) for k in kept for d in (-1, 0, 1)})


def shown(made: Mapping[int, Frame], index: int) -> list[Frame]:
    """The frames before and after ``index`` as it would show them; at the scene's ends the frame itself."""
    window = [made[min(max(index + d, 0), FRAMES - 1)] for d in (-1, 0, 1)]
    motion = Motion([f.planes[0] for f in window], 1, MOTION)
    return [
        replace(f, planes=tuple(motion.warp(p, k) for p in f.planes)) for k, f in enumerate(window) if k != 1
    ]


def near(seen: Sequence[Frame], frame: Frame, top: int, left: int) -> Sample:
    """A square of the neighbours, arrays as in ``BESIDE``."""
    squares = [cut(f, top, left, SIDE) for f in seen]
    return {
        "near": coded(np.stack([s.planes[0] for s in squares])),
        "near_chroma": coded(np.stack([s.planes[1:] for s in squares])),
        "coarser": np.asarray([f.props["qp"] - frame.props["qp"] for f in seen], np.float32),
    }


def kept_frames(rng: Generator) -> list[int]:
    """Frames of a scene that are kept: mostly such as are predicted from others, as most of a film is."""
    first = 0 if rng.random() < KEPT * KEY_SHARE else int(rng.integers(1, FRAMES // 2 + 1))
    return [first, int(rng.integers(FRAMES // 2 + 1, FRAMES))]


def places(frame: Frame, clean: Frame, rng: Generator) -> list[tuple[int, int]]:
    """(top, left) of squares on the codec's grid, likelier where more was lost: there the gain lies."""
    steps = (frame.fmt.width - SIDE) // GRID + 1
    tried = (GRID * rng.integers(steps, size=(TRIED, 2))).tolist()
    error = (frame.planes[0] - clean.planes[0]) ** 2
    lost = np.sqrt([error[y : y + SIDE, x : x + SIDE].mean() for y, x in tried]) + 1e-4
    picked = rng.choice(TRIED, PER_FRAME, replace=False, p=lost / lost.sum())
    return [(tried[k][0], tried[k][1]) for k in picked]


def any_scene(seen: Material, rng: Generator) -> motion.Scene:
    """What a pool is made of: scenes that were filmed, some with titles, and drawn ones."""
    kind = rng.random()
    if kind < DRAWN_SHARE:
        return motion.graded(motion.turned(drawn.scene(seen, SCENE, FRAMES, rng), rng), rng)
    found = clean_scene(seen, rng, LIVELY_SHARE)
    return drawn.titled(found, rng) if kind < DRAWN_SHARE + TITLED_SHARE else found


def clean_scene(seen: Material, rng: Generator, lively: float = 0.0) -> motion.Scene:
    """(FRAMES, SCENE, SCENE, 3): an excerpt of a clip or a moving still, turned and graded at random.

    ``lively``: share of the moving stills that are.
    """
    large = [c for c in seen.clips if min(c[0].shape[1:]) >= SCENE]
    if large and rng.random() < CLIP_SHARE:
        found = motion.excerpt(large[rng.integers(len(large))], SCENE, FRAMES, rng)
    else:
        style = motion.LIVELY if lively and rng.random() < lively else motion.CALM
        found = motion.scene(seen.photos, SCENE, FRAMES, rng, style)
    return motion.graded(motion.turned(found, rng), rng)


def focused(scene: motion.Scene, rng: Generator) -> motion.Scene:
    """The scene, or a soft one of it."""
    return motion.softened(scene, rng) if rng.random() < SOFT_SHARE else scene


def singles(seen: Material, rng: Generator) -> motion.Scene:
    """(FRAMES, SCENE, SCENE, 3): pictures of their own, cut out of photographs without resampling."""
    found = [motion.square(seen.photos[rng.integers(len(seen.photos))], SCENE, rng) for _ in range(FRAMES)]
    return motion.graded(motion.turned(np.stack(found), rng), rng)


def frames_of(scene: motion.Scene) -> list[Frame]:
    """4:2:0 frames in 10-bit codes."""
    fmt = FrameFormat(scene.shape[2], scene.shape[1], "yuv", 1, 1, 10)
    return [Frame(split(picture, fmt), fmt, n, n, Fraction(1, 25)) for n, picture in enumerate(scene)]


def coded_before(clean: Sequence[Frame], rng: Generator) -> tuple[list[Frame], list[Frame]]:
    """(clean, coded once) frames, cut so that the first codec's grid does not lie on the second's."""
    if rng.random() < 0.5:
        quality = float(rng.uniform(30, 90))
        once = [as_jpeg(f, quality) for f in clean]
    else:
        once, _ = recode(clean, Coding("x264", {"crf": f"{rng.uniform(18, 34):.1f}", "preset": "fast"}))
    top, left = (2 * rng.integers(16, size=2)).tolist()
    side = SCENE - 32
    return [cut(f, top, left, side) for f in clean], [cut(f, top, left, side) for f in once]


def through(
    frames: Sequence[Frame],
    codec: str,
    rng: Generator,
    chosen: Sequence[int],
    steady: bool = False,
    ranges: Mapping[str, tuple[int, int]] = RANGES,
) -> dict[int, Frame]:
    """The ``chosen`` frames as the codec leaves them; ``steady``: JPEG of one quality."""
    low, high = ranges[codec]
    if codec == "jpeg":
        qualities = [float(rng.uniform(low, high)) for _ in chosen]
        return {
            n: as_jpeg(frames[n], qualities[0] if steady else q)
            for n, q in zip(chosen, qualities, strict=True)
        }
    if codec == "mpeg2":
        code = str(round(float(np.exp(rng.uniform(np.log(low), np.log(high))))))
        bits, options = 8, {"qmin": code, "qmax": code, "b": "20M", "g": "12", "bf": str(rng.integers(3))}
    else:
        bits = int(rng.choice([8, 10], p=[0.8, 0.2] if codec == "x264" else [0.4, 0.6]))
        rate = f"{rng.uniform(low, high):.1f}" if codec != "svtav1" else str(rng.integers(low, high + 1))
        options = {"crf": rate, "preset": str(rng.choice(PRESETS[codec]))}
    made, _ = recode(frames, Coding(codec, options, bits))
    return {n: made[n] for n in chosen}


def described(ranges: Mapping[str, tuple[int, int]]) -> str:
    """Ranges of quality by codec, for a card."""
    return ", ".join(f"{codec} {low} to {high}" for codec, (low, high) in ranges.items())


def patch(frame: Frame, clean: Frame, top: int, left: int) -> Sample:
    """A square of a frame, and of the clean one."""
    made, truth = cut(frame, top, left, SIDE), cut(clean, top, left, SIDE)
    facts = (frame.props["qp"], FAMILIES.index(frame.props["codec"]))
    return {
        "luma": coded(made.planes[0]),
        "chroma": coded(np.stack(made.planes[1:])),
        "clean": coded(truth.planes[0]),
        "clean_chroma": coded(np.stack(truth.planes[1:])),
        "facts": np.asarray(facts, np.float32),
    }


def cut(frame: Frame, top: int, left: int, side: int) -> Frame:
    """A square of a 4:2:0 frame; even numbers."""
    parts = []
    for k, plane in enumerate(frame.planes):
        y, x, n = (v >> (k > 0) for v in (top, left, side))
        parts.append(np.ascontiguousarray(plane[y : y + n, x : x + n]))
    return replace(frame, planes=tuple(parts), fmt=replace(frame.fmt, width=side, height=side))


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m filmgrain_codec.train.codec.pool``: make a pool alone."""
    parser = argparse.ArgumentParser(description="Make a pool of coded patches.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true")
    given = parser.parse_args(arguments)
    make(Recipe(given.data, given.seed, given.scenes, given.held_out), given.out)


if __name__ == "__main__":
    main()
