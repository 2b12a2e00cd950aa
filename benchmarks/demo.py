"""The main job on two real clips: ``python -m benchmarks demo`` (or ``make demo``).

Runs ``fgcodec encode`` and ``fgcodec decode`` as a user would, then prints what came of it and draws
source, base layer, regrained picture and what was removed, side by side. The old film loses its flicker and
dust on the way.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import picture, plain, quality
from benchmarks.report import table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain import metrics
from filmgrain_codec.media import carriage

CLIPS = Path(__file__).resolve().parent / "clips"
CROPS = {"flower_35mm": (110, 70), "great_train_robbery_1903": (240, 180)}
WIDE, HIGH = 176, 132
CRF = 20
RESTORED = {"great_train_robbery_1903": ("--deflicker", "auto", "--repair", "dust")}
"""What is done to old films besides."""
COLUMNS = ("clip", "source", "plain encode", "ours", "saved", "base PSNR", "plain PSNR", "level",
           "grain back", "curve", "spectrum")  # fmt: skip


def fgcodec(*arguments: object) -> None:
    """Run the command line, showing the command."""
    print("$ fgcodec", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "filmgrain_codec", *map(str, arguments)], check=True)


def run(clip: Path, folder: Path) -> tuple[dict[str, Any], list[tuple[str, picture.RGB]]]:
    """Encode and decode one clip; a row of figures and a row of crops."""
    base, again = folder / f"{clip.stem}.fg.mkv", folder / f"{clip.stem}.regrained.mkv"
    fgcodec("encode", clip, "-o", base, "--level", "auto", "--codec", "x265", "--crf", CRF,
            *RESTORED.get(clip.stem, ()), "-y")  # fmt: skip
    fgcodec("decode", base, "-o", again, "-y")
    grainy = plain.encode(clip, folder / f"{clip.stem}.plain.mkv", "x265", CRF)
    source, layer, regrained = (quality.frames(p) for p in (clip, base, again))
    row = {
        "clip": clip.stem,
        "source": _size(clip.stat().st_size),
        "plain encode": _size(grainy.output_bytes),
        "ours": _size(base.stat().st_size),
        "saved": f"{1 - base.stat().st_size / grainy.output_bytes:.0%}",
    }
    row |= _quality(clip, source, layer, folder / f"{clip.stem}.plain.mkv")
    return row | _match(base, source, layer, regrained), _crops(clip.stem, source, layer, regrained)


def _quality(clip: Path, source: list[Frame], layer: list[Frame], plain_encode: Path) -> dict[str, str]:
    """Luma PSNR of base layer and plain encode against the clean clip, or the source where there is none.

    Nothing of clips that are restored: nobody has the film as it was.
    """
    if clip.stem in RESTORED:
        return {"base PSNR": "", "plain PSNR": ""}
    clean = CLIPS / "clean" / f"{clip.stem}.mkv"
    against = quality.frames(clean) if clean.exists() else source
    reference = [quality.codes(f) for f in against]
    note = "" if clean.exists() else " to source"

    def score(frames: list[Frame]) -> str:
        return f"{quality.psnr(reference, [quality.codes(f) for f in frames]):.1f} dB{note}"

    return {"base PSNR": score(layer), "plain PSNR": score(quality.frames(plain_encode))}


def _match(base: Path, source: list[Frame], layer: list[Frame], regrained: list[Frame]) -> dict[str, str]:
    """Level found, and how the grain put back compares with what was taken out."""
    profile = carriage.find(base).profile
    level = max((s.level for s in profile), default=0.0) if profile else 0.0
    removed, added = _difference(source, layer), _difference(regrained, layer)
    luma = np.stack([f.planes[0] for f in layer])
    if not level:
        return {"level": "none above texture", "grain back": "left in"}
    real, made = metrics.strength_curve(removed, luma), metrics.strength_curve(added, luma)
    error = metrics.curve_error(made.sigma, real.sigma, real.occupancy, 0.01)
    return {
        "level": f"{level:.4f}",
        "grain back": f"{added.std() / removed.std():.2f}x removed",
        "curve": f"{error.mean:.0%} off",
        "spectrum": f"{metrics.psd_distance(removed, added):.1f} dB off",
    }


def _difference(a: list[Frame], b: list[Frame]) -> np.ndarray:
    return np.stack([x.planes[0] - y.planes[0] for x, y in zip(a, b, strict=True)])


def _crops(
    name: str, source: list[Frame], layer: list[Frame], regrained: list[Frame]
) -> list[tuple[str, picture.RGB]]:
    n = len(source) // 2
    x, y = CROPS.get(name, (0, 0))
    views = {
        "source": picture.rgb(source[n]),
        "base layer": picture.rgb(layer[n]),
        "regrained": picture.rgb(regrained[n]),
        "source - base, x4": picture.difference(source[n], layer[n]),
    }
    return [(label, view[y : y + HIGH, x : x + WIDE]) for label, view in views.items()]


def _size(count: int) -> str:
    return f"{count / 1e3:.0f} kB"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for files and picture")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    found = [run(clip, options.out) for clip in sorted(CLIPS.glob("*.m[ko]v"))]
    print()
    print(table([row for row, _ in found], COLUMNS))
    sheet = options.out / "demo.png"
    picture.sheet([crops for _, crops in found], sheet)
    print(f"\nplain encode: the grainy source with x265 at the same CRF {CRF}. Pictures: {sheet}")
    return 0
