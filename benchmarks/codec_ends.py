"""What codec repair saves end to end: ``python -m benchmarks codec_ends [--quick] [--model ID]``.

Clips with real motion get grain of the held-out family; ``fgcodec encode`` strips it and codes the base layer
at several CRFs, ``fgcodec decode`` puts grain back, once with ``--repair codec`` and once without. Bits saved
with repair at equal quality (``codec_repair.bits_saved``; files as they are, grain's metadata counted):

base_psnr, base_vmaf    of the base layer, decoded without grain, against the clean clip
final_vmaf, final_neg   of what is shown, grain and all, against the grainy source; the grain is like the
                        source's, but not the same sample for sample, which costs both the same
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import material, quality, roundtrip
from benchmarks.codec_repair import bits_saved
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.infer import store
from filmgrain_codec.media.scores import scores
from filmgrain_codec.nodes.codec_repair import ROLE
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest

FRAMES, SIZE = 10, 0.8
LEVELS = (0.01, 0.025)
CRFS = {"x264": (24, 28, 34, 40), "x265": (24, 28, 34, 40)}
REPAIRS = ("off", "codec")
SCORES = ("base_psnr", "base_vmaf", "final_vmaf", "final_neg")
COLUMNS = ("codec", "level", "clip", *SCORES)
Row = dict[str, Any]


def measured(options: argparse.Namespace) -> list[Row]:
    """One row per encode and kind of repair."""
    rows: list[Row] = []
    for name in options.clips:
        clean = [replace(f, time_base=roundtrip.TICK) for f in material.clip(name, options.frames)]
        for level in options.levels:
            grain = material.Grain("boolean", level, SIZE)
            grainy = list(material.grained(clean, grain, 1 + material.clips().index(name)))
            for codec, crfs in CRFS.items():
                for crf in crfs:
                    facts = {"clip": name, "level": level, "codec": codec, "crf": crf}
                    rows += [facts | row for row in coded(clean, grainy, codec, crf, options.model)]
    return rows


def coded(clean: Sequence[Frame], grainy: Sequence[Frame], codec: str, crf: float, model: str) -> list[Row]:
    """One encode, decoded without and with repair."""
    with tempfile.TemporaryDirectory() as folder:
        source, layer = roundtrip.write(Path(folder) / "source.mkv", grainy), Path(folder) / "layer.mkv"
        encode(EncodeRequest(source=source, output=layer, codec=codec, crf=crf, overwrite=True))
        size = layer.stat().st_size
        return [{"repair": r, "bytes": size, **judged(layer, r, model, clean, grainy)} for r in REPAIRS]


def judged(layer: Path, repair: str, model: str, clean: Sequence[Frame], grainy: Sequence[Frame]) -> Row:
    """The scores of one way of decoding a base layer."""
    word = f"{repair}:model={model}" if repair == "codec" else repair
    shown = []
    for grain in (False, True):
        out = layer.with_name(f"shown-{grain}.mkv")
        decode(DecodeRequest(source=layer, output=out, grain=grain, repair=word, overwrite=True))
        shown.append(quality.frames(out))
    base, final = shown
    seen = scores(rounded(grainy), rounded(final), neg=True)
    return {
        "base_psnr": quality.psnr(*([quality.codes(f) for f in each] for each in (clean, base))),
        "base_vmaf": mean(scores(rounded(clean), rounded(base)), "vmaf"),
        "final_vmaf": mean(seen, "vmaf"),
        "final_neg": mean(seen, "vmaf_neg"),
    }


def rounded(frames: Sequence[Frame]) -> list[Frame]:
    """In whole codes of 10 bits."""
    peak = np.float32(quality.PEAK)
    return [
        replace(
            f,
            fmt=replace(f.fmt, bits=10),
            planes=tuple(p.astype(np.float32) / peak for p in quality.codes(f)),
        )
        for f in frames
    ]


def mean(each: Sequence[dict[str, float]], name: str) -> float:
    return float(np.mean([e[name] for e in each]))


def saved(rows: Sequence[Row]) -> list[Row]:
    """Share of the bits that repair saves at equal quality, by codec, level and clip, and means."""
    found: list[Row] = []
    for codec, level in dict.fromkeys((r["codec"], r["level"]) for r in rows):
        these = [r for r in rows if (r["codec"], r["level"]) == (codec, level)]
        each = []
        for clip in dict.fromkeys(r["clip"] for r in these):
            plain, repaired = ([r for r in these if r["clip"] == clip and r["repair"] == w] for w in REPAIRS)
            each.append({"clip": clip, **{s: round(bits_saved(plain, repaired, s), 4) for s in SCORES}})
        means = {s: round(float(np.mean([e[s] for e in each])), 4) for s in SCORES}
        found += [{"codec": codec, "level": level, **e} for e in (*each, {"clip": "all", **means})]
    return found


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks codec_ends",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", default="fast", help="model that repairs (fast)")
    add("--levels", type=float, nargs="+", default=LEVELS)
    add("--clips", nargs="+", default=material.clips())
    add("--frames", type=int, default=FRAMES)
    add("--quick", action="store_true", help="one clip, one level")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(given)
    if options.quick:
        options.clips, options.levels = options.clips[-1:], LEVELS[-1:]
    rows = measured(options)
    found = saved(rows)
    print(table(found, COLUMNS))
    save("codec_ends", rows, options.out, model=store.resolve(options.model, ROLE).id, saved=found)
    return 0
