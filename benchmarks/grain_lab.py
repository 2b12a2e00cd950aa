"""Every family of generated grain beside real film: ``python -m benchmarks grain_lab``.

Real stocks: flat tiles of the scans in train/grain_real (fymmot, amoslu) and the four grain tiles of
black-and-white stocks in test/grain_tiles; measured only. Generated: draws of every family on flat
grey, cut and levelled like the real tiles. Per family and stock: distance of radial spectra (nearest draw
and median draw) and of 7 x 7 autocorrelations, beside two floors: two halves of the stock, and the
nearest other stock. Per family: skew, kurtosis, correlation of neighbours and strength over luma.

Contact sheets (grey steps, and a picture, at 200 %) go to ``--sheets``; they show test-only pictures
and are not for publishing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import material, picture
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain import metrics
from filmgrain_codec.grain.profile import KNOT_POSITIONS
from filmgrain_codec.train.generators import scans
from filmgrain_codec.train.generators.families import FAMILIES, Recipe

Field = NDArray[np.float64]
FMT = FrameFormat(272, 208, bits=10)
LEVEL = 0.05
FRAMES = 4
STEPS = (0.08, 0.25, 0.5, 0.75, 0.92)
COLUMNS = ("family", "stock", "psd dB nearest", "psd dB median", "acf nearest", "floor psd dB",
           "other stock psd dB", "floor acf")  # fmt: skip
ABOUT = ("family", "rho", "skew", "kurtosis", "curve at 1/7", "curve at 6/7")


# sets of grain ---------------------------------------------------------------------------------


def tiled(grain: NDArray[np.floating]) -> Field:
    """Unit-variance tiles (n, 64, 64) of grain (frames, rows, columns), each minus a quadratic surface."""
    side = scans.TILE
    rows, columns = (n // side for n in grain.shape[1:])
    cut = grain[:, : rows * side, : columns * side].reshape(-1, rows, side, columns, side)
    tiles = scans.detrended(np.asarray(cut.transpose(0, 1, 3, 2, 4).reshape(-1, side, side), np.float32))
    return np.asarray(tiles / tiles.std((1, 2), keepdims=True), np.float64)


def stocks() -> dict[str, Field]:
    """Luma tiles of every real stock."""
    found = {s: scans.tiles(scans.default_folder(), s)[:, 0].astype(np.float64) for s in scans.STOCKS}
    for path in sorted((material.data() / "grain_tiles").glob("*.png")):
        grey = np.asarray(Image.open(path).convert("L"), np.float64)
        found[path.stem.removeprefix("gmic_")] = tiled(grey[None])
    return found


def drawn(recipe: Recipe) -> Field:
    """Luma tiles of a recipe on mid-grey."""
    base = grey(0.5)
    made = [recipe.grain(base, FMT, LEVEL, 1, i, quantise=False)[0] - base[0] for i in range(FRAMES)]
    return tiled(np.stack(made))


def grey(luma: float) -> tuple[NDArray[np.float32], ...]:
    neutral = (1 << (FMT.bits - 1)) / FMT.peak
    return tuple(np.full(FMT.shape(k), neutral if k else luma, np.float32) for k in range(3))


# figures ---------------------------------------------------------------------------------------


def moments(tiles: Field) -> tuple[float, float]:
    """Skew and excess kurtosis of unit tiles."""
    return float((tiles**3).mean()), float((tiles**4).mean() - 3.0)


def about(name: str, sets: Sequence[Field], curves: Sequence[Field]) -> dict[str, Any]:
    """One line on a family or a stock: medians and, of a family, the 10 % and 90 % quantiles."""
    rho = [float(metrics.autocorrelation(s, 1)[1, 2]) for s in sets]
    skew, kurtosis = zip(*(moments(s) for s in sets), strict=True)
    values = {"rho": rho, "skew": skew, "kurtosis": kurtosis}
    for k, knot in ((1, "1/7"), (6, "6/7")):
        values[f"curve at {knot}"] = [float(c[k]) for c in curves]
    return {"family": name} | {k: spread(v) for k, v in values.items() if len(v)}


def spread(values: Sequence[float]) -> list[float]:
    """10 %, 50 % and 90 % quantiles."""
    return [round(float(q), 3) for q in np.quantile(values, (0.1, 0.5, 0.9))]


def versus(name: str, sets: Sequence[Field], stock: str, real: dict[str, Field]) -> dict[str, Any]:
    """Distances of a family's draws from one stock beside the floors."""
    tiles = real[stock]
    psd = [metrics.psd_distance(metrics.radial_psd(s), metrics.radial_psd(tiles)) for s in sets]
    acf = [metrics.autocorrelation_distance(s, tiles) for s in sets]
    others = [metrics.psd_distance(t, tiles) for other, t in real.items() if other != stock]
    halves = (tiles[::2], tiles[1::2])
    return {
        "family": name,
        "stock": stock,
        "psd dB nearest": min(psd),
        "psd dB median": float(np.median(psd)),
        "acf nearest": min(acf),
        "floor psd dB": metrics.psd_distance(*halves),
        "other stock psd dB": min(others),
        "floor acf": metrics.autocorrelation_distance(*halves),
    }


# sheets ----------------------------------------------------------------------------------------


def stepped(recipe: Recipe | None) -> picture.RGB:
    """Five grey steps, 54 x 104 each, grained."""
    planes = grey(0.5)
    luma = np.repeat(STEPS, FMT.width // len(STEPS) + 1)[: FMT.width].astype(np.float32)
    planes = (np.tile(luma, (FMT.height, 1)), *planes[1:])
    made = recipe.grain(planes, FMT, LEVEL, 1, 0) if recipe else planes
    return picture.rgb(frame(made))[: FMT.height // 2]


def frame(planes: Sequence[NDArray[np.float32]]) -> Frame:
    return Frame(tuple(planes), FMT, 0, 0, 1 / material.RATE)


def scene() -> Frame:
    """A crop of a clean still."""
    return material.crop(material.still("kodim04", 540), FMT.width, FMT.height)


def real_crop(path: Path, x: int, y: int) -> picture.RGB:
    with Image.open(path) as image:
        cut = image.convert("RGB").crop((x, y, x + FMT.width, y + FMT.height))
        return np.asarray(cut)


def real_tiles() -> list[tuple[str, picture.RGB]]:
    """Scans as they are, and the grey tiles at the level of the sheet."""
    folder = Path(scans.default_folder())
    shown = [(p.stem, real_crop(p, 0, 0)[:, :256]) for p in (folder / f"{n}.png" for n in (
        "fymmot_201805-001-013_0", "fymmot_201805-001-017_4", "amoslu-photo_Gamma1_5"))]  # fmt: skip
    for path in sorted((material.data() / "grain_tiles").glob("*.png"))[:3]:
        tile = np.asarray(Image.open(path).convert("L"), np.float64)
        codes = 0.5 + LEVEL * (tile - tile.mean()) / tile.std()
        shown.append((path.stem, np.repeat(np.rint(codes * 255).clip(0, 255)[:, :, None], 3, 2)))
    return [(n, np.asarray(c, np.uint8)[: FMT.height // 2]) for n, c in shown]


def sheets(recipes: dict[str, list[Recipe]], folder: Path) -> None:
    """Write greys.png and scene.png: three draws of every family, and real film beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    real = real_tiles()
    rows = [[(f"{n} {i}", stepped(r)) for i, r in enumerate(some[:3])] for n, some in recipes.items()]
    picture.sheet([*rows, real[:3], real[3:]], folder / "greys.png")
    clean = scene()
    pictures = [
        [
            ("clean", picture.rgb(clean)),
            *(
                (p.stem, real_crop(p, 900, 500))
                for p in sorted((material.data() / "film_stills").glob("2018*.jpg"))
            ),
        ]
    ]
    for name, some in recipes.items():
        made = [r.grain(clean.planes, clean.fmt, LEVEL, 1, 0) for r in some[:3]]
        pictures.append([(f"{name} {i}", picture.rgb(clean.with_planes(m))) for i, m in enumerate(made)])
    picture.sheet(pictures, folder / "scene.png")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks grain_lab", description=__doc__)
    parser.add_argument("--draws", type=int, default=16, help="recipes of each family (16)")
    parser.add_argument("--sheets", type=Path, default=Path("runs/grain_lab"), help="folder for the sheets")
    given = parser.parse_args(arguments)
    rng = np.random.default_rng(1)
    recipes = {n: [f.draw(rng) for _ in range(given.draws)] for n, f in FAMILIES.items()}
    real = stocks()
    rows, lines = [], [about(n, [t], []) for n, t in real.items()]
    for name, some in recipes.items():
        sets = [drawn(r) for r in some]
        lines.append(about(name, sets, [np.array(r.segment(LEVEL).curve) for r in some]))
        rows += [versus(name, sets, stock, real) for stock in real]
    print(table(rows, COLUMNS), table(lines, ABOUT), sep="\n\n")
    sheets(recipes, given.sheets)
    print(save("grain_lab", rows, families=lines, knots=KNOT_POSITIONS, draws=given.draws, level=LEVEL))
    return 0
