"""What the grain of a trained DeepFilmGrain generator is like, beside the real grain and beside ours.

Statistics of the grain made against the real pairs, and the two figures that show what a generator without
a noise input cannot do: other grain on every frame of a static shot, and the same grain in a crop.
*Ours* is the parametric grain of the product, of the same level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from filmgrain_codec.errors import OutputError
from filmgrain_codec.grain import metrics, parametric
from filmgrain_codec.grain.profile import DEFAULT_CURVE, GrainSegment
from filmgrain_codec.train import clean, trees
from filmgrain_codec.train.card import table
from filmgrain_codec.train.networks.unet import Baseline
from filmgrain_codec.train.trees import Pair, Samples

Plane = NDArray[np.float32]
Make = Callable[[Samples, int, tuple[int, int]], Samples]
"""From (clean picture, frame number, rows and columns above and left of it) to a grainy picture."""
BITS, MARGIN = 8, 48
"""Pictures are 8 bit; what lies nearer to the border of a crop is not compared."""
COLUMNS = (
    "level", "pairs", "strength", "curve", "psd", "psd floor", "acf", "static", "static, noisy base", "crop",
    "ours: static", "ours: crop",
)  # fmt: skip
SHOWN_LEVEL, SHOWN_SIDE, GAIN = 0.05, 128, 4.0
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Examples:
    """Luma of n pictures of one size (n, rows, columns): clean ones, with real grain and with the net's."""

    clean: Plane
    real: Plane
    made: Plane


def row(net: Baseline, pairs: Sequence[Pair], level: float) -> Row:
    """Figures of one level.

    'strength': sigma of the grain made over the real grain's. 'curve': mean error of the strength curve, as
    a logarithm. 'psd' in dB RMS and 'acf' (L2 of 7 x 7): distances from the real grain; 'psd floor': of one
    half of the real grain from the other, NaN for one picture. 'static': correlation of the grain of two
    frames of a static shot; 'static, noisy base': with one code of fresh noise on every frame before. 'crop':
    RMS change of the grain in a crop's interior, relative to its sigma. 'ours: ...': of the product's grain.
    """
    seen = examples(net, pairs, level)
    made, real = seen.made - seen.clean, seen.real - seen.clean
    curve, wanted = (metrics.strength_curve(g, seen.clean) for g in (made, real))
    halves = len(real) > 1
    found = {
        "level": level,
        "pairs": float(len(pairs)),
        "strength": float(made.std() / real.std()),
        "curve": metrics.curve_error(curve.sigma, wanted.sigma, wanted.occupancy).mean,
        "psd": metrics.psd_distance(made, real),
        "psd floor": metrics.psd_distance(real[::2], real[1::2]) if halves else float("nan"),
        "acf": metrics.autocorrelation_distance(made, real),
    }
    picture = trees.with_channels(trees.read_picture(pairs[0].clean), net.channels)
    for name, make in (("", by_net(net, level)), ("ours: ", by_us(level))):
        found[f"{name}static"] = static(make, picture)
        found[f"{name}static, noisy base"] = static(make, picture, noise=1 / 255)
        found[f"{name}crop"] = cropped(make, picture)
    return found


def examples(net: Baseline, pairs: Sequence[Pair], level: float) -> Examples:
    """The middles of all pictures, of the size that all have."""
    make = by_net(net, level)
    found: list[list[Plane]] = [[], [], []]
    for pair in pairs:
        base, real = (
            trees.with_channels(trees.read_picture(p), net.channels) for p in (pair.clean, pair.grainy)
        )
        for kept, samples in zip(found, (base, real, make(base, 0, (0, 0))), strict=True):
            kept.append(trees.with_channels(samples, 1)[0])
    rows, columns = (min(p.shape[k] for p in found[0]) for k in (0, 1))
    return Examples(*(np.stack([middle(p, rows, columns) for p in kept]) for kept in found))


def middle(plane: Plane, rows: int, columns: int) -> Plane:
    top, left = (plane.shape[0] - rows) // 2, (plane.shape[1] - columns) // 2
    return plane[top : top + rows, left : left + columns]


def by_net(net: Baseline, level: float) -> Make:
    """The net; frame number and place mean nothing to it."""
    from filmgrain_codec.train.dfg_eval import answered

    def make(picture: Samples, index: int, origin: tuple[int, int]) -> Samples:
        with torch.no_grad():
            made = answered(net, torch.from_numpy(np.ascontiguousarray(picture))[None], level)
        return clean.rounded(made[0].numpy(), BITS)

    return make


def by_us(level: float) -> Make:
    """The product's parametric grain, of no stock in particular."""
    segment = GrainSegment(0, 1, level, DEFAULT_CURVE)

    def make(picture: Samples, index: int, origin: tuple[int, int]) -> Samples:
        frame = clean.as_frame(picture, BITS)
        left = origin[::-1]
        planes = parametric.synthesize(frame.planes, frame.fmt, segment, index, level=level, origin=left)
        return clean.rounded(np.stack(planes), BITS)

    return make


def static(make: Make, picture: Samples, noise: float = 0.0) -> float:
    """Correlation of the luma grain of two frames that show the same picture, at zero shift."""
    first, second = (grain(make, picture, k, noise) for k in (0, 1))
    return float((first * second).mean() / np.sqrt((first**2).mean() * (second**2).mean()))


def grain(make: Make, picture: Samples, index: int, noise: float = 0.0) -> Plane:
    """Luma grain without its mean; ``noise``: sigma of what the base layer itself has, fresh each frame."""
    rng = np.random.default_rng([7, index])
    base = picture + np.float32(noise) * rng.standard_normal(picture.shape, np.float32) if noise else picture
    added = trees.with_channels(make(base, index, (0, 0)) - base, 1)[0]
    return np.asarray(added - added.mean(), np.float32)


def cropped(make: Make, picture: Samples) -> float:
    """RMS difference of the grain of a crop from that of the whole there, relative to the grain's sigma."""
    top, left = (n // 4 // 32 * 32 for n in picture.shape[1:])
    rows, columns = (n // 2 // 32 * 32 for n in picture.shape[1:])
    part = picture[:, top : top + rows, left : left + columns]
    whole = make(picture, 0, (0, 0))[:, top : top + rows, left : left + columns]
    edge = min(MARGIN, rows // 4, columns // 4)
    inner = (slice(None), slice(edge, rows - edge), slice(edge, columns - edge))
    apart = (make(part, 0, (top, left)) - whole)[inner]
    return float(apart.std() / max(float((whole - part)[inner].std()), 1e-9))


def markdown(rows: Sequence[Row]) -> str:
    """The figures as a table."""
    shown = [[f"{r[c]:g}" if c in COLUMNS[:2] else f"{r[c]:.3f}" for c in COLUMNS] for r in rows]
    return table(COLUMNS, shown)


def sheet(net: Baseline, pairs: Sequence[Pair], path: Path) -> None:
    """A picture of the grain of a static shot at 200 %.

    Two rows, the net's and ours; the grain of frame 1, of frame 2, their difference, and the difference that
    cropping makes, each amplified four times around gray. Raises ``OutputError`` where it cannot be written.
    """
    from PIL import Image

    level = min((p.level for p in pairs), key=lambda v: abs(v - SHOWN_LEVEL))
    pair = next(p for p in pairs if p.level == level)
    picture = trees.with_channels(trees.read_picture(pair.clean), net.channels)
    rows = [np.concatenate(tiles(make, picture), 1) for make in (by_net(net, level), by_us(level))]
    shown = np.clip(0.5 + GAIN * np.concatenate(rows, 0), 0, 1).repeat(2, 0).repeat(2, 1)
    try:
        Image.fromarray((255 * shown).astype(np.uint8)).save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}): name another file.") from error


def tiles(make: Make, picture: Samples) -> list[Plane]:
    """Grain of frame 1, of frame 2, their difference, and what cropping changes: squares of one side."""
    first, second = (grain(make, picture, k) for k in (0, 1))
    top, left = (n // 4 // 32 * 32 for n in picture.shape[1:])
    rows, columns = (n // 2 // 32 * 32 for n in picture.shape[1:])
    part = picture[:, top : top + rows, left : left + columns]
    inside = trees.with_channels(make(part, 0, (top, left)) - part, 1)[0]
    moved = inside - inside.mean() - first[top : top + rows, left : left + columns]
    side = min(SHOWN_SIDE, rows, columns)
    framed = [middle(p, side, side) for p in (first, second, second - first, moved)]
    return [np.pad(p, 2, constant_values=0.125) for p in framed]
