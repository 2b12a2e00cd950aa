"""Bitrate at equal base-layer quality: ``python -m benchmarks bitrate [--model ID] [--quick]``.

Clips with real motion and grain of the held-out family are encoded (a) as they are and (b) as ``fgcodec
encode --level auto`` would encode them: grain measured, stripped, base layer plus metadata. Both by x264,
x265 and SVT-AV1, preset and depth of the product (x264 8 bit, the others 10), at several CRFs. Every decoded
picture is scored against the *clean* clip: luma PSNR (``psnr``) and VMAF.

same_crf    bits saved at the same CRF, mean over the CRFs that both were encoded at (x264 and x265 spend
            more on pictures that are easily predicted, so the same CRF means a finer base layer)
equal_psnr, equal_vmaf   bits saved where the base layer is as near to the clean picture as the plain encode:
            for every plain encode the rate of the base layer at its score, by linear interpolation of log
            rate over score; mean over the plain encodes. Where the base layer at its lowest rate still scores
            higher, that rate is taken, so the saving is at least this (``bounded`` counts such encodes);
            where it never comes up to the plain encode's score there is no figure (``beyond`` counts them,
            and the mean is over the others: read the two together).

PSNR and VMAF against the clean picture count the grain that a plain encode keeps as error, which is the
point of a base layer, but VMAF hardly sees it. ``peak_psnr`` and ``peak_vmaf`` are the best that plain
encodes and base layers reach at any CRF here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import material, plain, quality, roundtrip
from benchmarks.peers import case
from benchmarks.peers.peer import digest
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.infer import store
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.request import EncodeRequest

CACHE = Path(tempfile.gettempdir()) / "fgcodec-removal"
LEVELS = (0.01, 0.025, 0.05)
SIZE = 0.8
FRAMES = 16
CRFS = {
    "x264": ((18, 26), (18, 26, 34, 42)),
    "x265": ((20, 28), (20, 28, 35, 42)),
    "svtav1": ((30, 42), (30, 42, 53, 63)),
}
"""CRFs of plain encodes, beginning with the product's default, and of base layers."""
PUBLIC = {
    "mean saving at 1080p and above": 0.36,
    "mean saving below 1080p (as these clips are)": 0.10,
    "one heavily grained title": 0.66,
}
"""Netflix, "AV1 @ Scale: Film Grain Synthesis", technology blog, July 2025: about 300 titles, AV1."""
COLUMNS = (
    "codec", "level", "same_crf", "equal_psnr", "bounded_psnr", "beyond_psnr", "equal_vmaf", "bounded_vmaf",
    "beyond_vmaf", "peak_psnr_plain", "peak_psnr_base", "peak_vmaf_plain", "peak_vmaf_base",
)  # fmt: skip
Row = dict[str, Any]


def clips(
    levels: Sequence[float], names: Sequence[str], count: int, cache: Path
) -> Iterator[tuple[str, float, list[Frame], list[Frame]]]:
    """Name, level, clean and grainy frames; the grainy ones from the cache where they lie there."""
    for name, level in product(names, levels):
        clean = [replace(f, time_base=roundtrip.TICK) for f in material.clip(name, count)]
        path = cache / "bitrate" / f"{name}-{SIZE:g}-{level:g}-{len(clean)}.npz"
        if not path.exists():
            grain = material.Grain("boolean", level, SIZE)
            seed = 1 + material.clips().index(name)
            case.save(path, dict(enumerate(f.planes for f in material.grained(clean, grain, seed))))
        made = case.load(path)
        yield name, level, clean, [f.with_planes(made[n]) for n, f in enumerate(clean)]


def measure(options: argparse.Namespace) -> list[Row]:
    """One row per encode."""
    rows: list[Row] = []
    for name, level, clean, grainy in clips(options.levels, options.clips, options.frames, options.cache):
        with tempfile.TemporaryDirectory() as folder:
            source = roundtrip.write(Path(folder) / "source.mkv", grainy)
            base, extra, measured = stripped(source, Path(folder), options.model)
            common = {"clip": name, "level": level, "measured_level": measured}
            for codec in options.codecs:
                for kind, given, more, crfs in (
                    ("plain", source, 0, CRFS[codec][0]),
                    ("base", base, extra, CRFS[codec][1]),
                ):
                    key = {"clip": name, "level": level, "frames": len(clean), "codec": codec, "crfs": crfs}
                    known = (
                        options.cache / "bitrate" / f"plain-{digest(key)}.json" if kind == "plain" else None
                    )
                    found = encodes(given, clean, codec, crfs, more, known)
                    rows += [{**common, "codec": codec, "encode": kind, **each} for each in found]
        print(
            table(summary(rows, ("clip", "level", "codec"))[-len(options.codecs) :], ("clip", *COLUMNS)),
            flush=True,
        )
    return rows


def stripped(source: Path, folder: Path, model: str) -> tuple[Path, int, float]:
    """The base layer as the product makes it, lossless; bytes of its metadata, and the level measured."""
    made = folder / "base.mkv"
    report = encode(EncodeRequest(source=source, output=made, codec="ffv1", model=model, overwrite=True))
    level = max((shot["level"] for shot in report.shots), default=0.0)
    # Timed as the source is: encoders spend more on a picture that is shown for longer.
    timed = {"time_base": roundtrip.TICK, "duration": 1, "props": {}}
    frames = [replace(f, pts=n, **timed) for n, f in enumerate(quality.frames(made))]
    return roundtrip.write(folder / "layer.mkv", frames), report.metadata_bytes, round(level, 5)


def encodes(
    source: Path, clean: Sequence[Frame], codec: str, crfs: Sequence[int], extra: int, known: Path | None
) -> list[Row]:
    """Bytes and scores at every CRF; kept in the file ``known`` where one is named."""
    if known and known.exists():
        return list(json.loads(known.read_text()))
    found = [encoded(source, clean, codec, crf, extra) for crf in crfs]
    if known:
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps(found))
    return found


def encoded(source: Path, clean: Sequence[Frame], codec: str, crf: int, extra: int) -> Row:
    path = source.with_name(f"{source.stem}-{codec}.mkv")
    size = plain.encode(source, path, codec, crf, bits=None).video_bytes + extra
    truth, layer = ([quality.codes(f) for f in frames] for frames in (clean, quality.frames(path)))
    seconds = len(clean) * float(roundtrip.TICK)
    return {
        "crf": crf,
        "bytes": size,
        "kbps": round(size * 8 / seconds / 1000, 1),
        "psnr": round(quality.psnr(truth, layer), 3),
        "vmaf": round(quality.vmaf(truth, layer), 3),
    }


def summary(rows: Sequence[Row], by: Sequence[str]) -> list[Row]:
    """Savings of the rows in groups that share the fields ``by``; means over the clips of a group."""
    curves: dict[tuple[Any, ...], dict[str, list[Row]]] = {}
    for row in rows:
        one = curves.setdefault((row["clip"], row["level"], row["codec"]), {"plain": [], "base": []})
        one[row["encode"]].append(row)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for (clip, level, codec), pair in curves.items():
        facts = {"clip": clip, "level": level, "codec": codec}
        groups.setdefault(tuple(facts[n] for n in by), []).append(savings(pair["plain"], pair["base"]))
    return [{**dict(zip(by, key, strict=True)), **mean(each)} for key, each in groups.items()]


def mean(each: Sequence[Row]) -> Row:
    """Means of figures that are there; counts are added up."""
    out: Row = {}
    for name in each[0]:
        known = [e[name] for e in each if e[name] is not None]
        total = name.startswith(("bounded", "beyond"))
        out[name] = (sum(known) if total else round(float(np.mean(known)), 4)) if known else None
    return out


def savings(plain_rows: Sequence[Row], base_rows: Sequence[Row]) -> Row:
    """Shares of the plain encodes' bits that base layers save, 0.36 being 36 %."""
    at = {row["crf"]: row["bytes"] for row in base_rows}
    same = [1 - at[row["crf"]] / row["bytes"] for row in plain_rows if row["crf"] in at]
    out: Row = {"same_crf": float(np.mean(same))}
    for score in ("psnr", "vmaf"):
        found = [equal(row, base_rows, score) for row in plain_rows]
        known = [saving for saving, _ in found if saving is not None]
        out[f"equal_{score}"] = float(np.mean(known)) if known else None
        out[f"bounded_{score}"] = sum(at_edge for _, at_edge in found)
        out[f"beyond_{score}"] = sum(saving is None for saving, _ in found)
    for score, (kind, group) in product(("psnr", "vmaf"), (("plain", plain_rows), ("base", base_rows))):
        out[f"peak_{score}_{kind}"] = max(row[score] for row in group)
    return out


def equal(row: Mapping[str, Any], base_rows: Sequence[Row], score: str) -> tuple[float | None, bool]:
    """Saving of the base layer at a plain encode's score, and whether that is only a lower bound."""
    points = sorted((r[score], float(np.log(r["bytes"]))) for r in base_rows)
    scores, rates = (np.array(values) for values in zip(*points, strict=True))
    if row[score] > scores[-1]:
        return None, False
    rate = float(np.exp(np.interp(row[score], scores, rates)))
    return 1 - rate / row["bytes"], bool(row[score] < scores[0])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks bitrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", default="best", help="model that strips the grain (best)")
    add("--levels", type=float, nargs="+", default=LEVELS)
    add("--codecs", nargs="+", choices=CRFS, default=tuple(CRFS))
    add("--clips", nargs="+", help="clips by name (all)")
    add("--frames", type=int, default=FRAMES)
    add("--cache", type=Path, default=CACHE, help=f"where plain encodes' figures are kept ({CACHE})")
    add("--quick", action="store_true", help="one clip, one level")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(arguments)
    options.clips = options.clips or material.clips()
    if options.quick:
        options.clips, options.levels = options.clips[-1:], (0.05,)
    model = store.resolve(options.model).id
    rows = measure(options)
    found = summary(rows, ("codec", "level")), summary(rows, ("codec",)), summary(rows, ())
    for part in found:
        print("\n" + table(part, COLUMNS))
    print("\npublic reference points: " + "; ".join(f"{k} {v:.0%}" for k, v in PUBLIC.items()))
    kept = {"by_codec_and_level": found[0], "by_codec": found[1], "all": found[2][0]}
    save("bitrate", rows, options.out, model=model, public=PUBLIC, **kept)
