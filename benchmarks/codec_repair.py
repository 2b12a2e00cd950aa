"""Codec repair beside its peers: ``python -m benchmarks codec_repair [--quick] [--sheets DIR]``.

Clean stills go through JPEG at four qualities, clips with real motion through x264 and x265 at four QPs and
four CRFs and through SVT-AV1 at four CRFs; three stills, each a clip that stands still, through all of them
('still'); six that were half as large once ('soft'). No net was trained on any of them. Figures are of luma
against the clean picture; 'd' stands for the difference to the decoded picture.

psnr, ssim, ms_ssim, vmaf   as usual (libvmaf's; its default model); PSNR pooled over the frames
vmaf_neg   the model that takes no enhancement of contrast for quality
detail     how much stronger fine detail is than in the clean picture, dB, mean over squares of 8 x 8; blur is
           below 0
flicker    mean |difference| of the change from frame to frame to the clean clip's, 8-bit codes
told       QP as the encoder says it; 'as read': as the product finds it in the file (of JPEG in its tables);
           'judged': as if nobody knew QP and codec; 'perceptual': as read, the slider at 1
saved      bits saved at equal VMAF or PSNR of the base layer over the four CRFs (Bjontegaard's delta rate)

Published figures stand beside them for orientation (``PUBLISHED``): other pictures, other encoders.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import material, quality
from benchmarks.codec import cases, methods
from benchmarks.codec.cases import Case
from benchmarks.picture import difference, rgb, sheet
from benchmarks.report import circumstances, save, table
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.infer import backend
from filmgrain_codec.media.scores import scores
from filmgrain_codec.nodes.codec_repair import CodecRepair
from filmgrain_codec.nodes.opencv import opencv

FRAMES = 10
INPUT, TOLD, READ, JUDGED, NATURAL = "input", "told", "as read", "judged", "perceptual"
OURS = (TOLD, READ, JUDGED, NATURAL)
SCORED = (INPUT, READ, NATURAL)
"""Methods that libvmaf's figures are taken of; of the others only PSNR, detail and flicker."""
CELL, FAINTEST = 8, (0.5 * 4) ** 2
"""Side of the squares that detail is compared in; variance (10-bit codes) below which it does not count."""
WANTED = {"fast": (1.0, 0.20), "best": (1.5, 0.40)}
"""Gains in dB on JPEG of quality 20 and on x265 at QP 37."""
PUBLISHED = (
    {
        "what": "JPEG, LIVE1, luma",
        "method": "AR-CNN (not verified)",
        "at": (10, 20, 40),
        "db": (1.19, 1.22, 1.28),
    },
    {"what": "JPEG, LIVE1, luma", "method": "DnCNN-3", "at": (10, 20, 40), "db": (1.42, 1.52, 1.61)},
    {"what": "JPEG, LIVE1, luma", "method": "FBCNN", "at": (10, 20, 40), "db": (1.98, 2.06, 2.18)},
    {"what": "HEVC low delay P, QP 37", "method": "DCAD", "at": (37,), "db": (0.39,)},
    {"what": "HEVC low delay P, QP 37", "method": "DnCNN", "at": (37,), "db": (0.42,)},
    {"what": "HEVC low delay P, QP 37", "method": "MFQE 2.0 (neighbours)", "at": (37,), "db": (0.67,)},
    {"what": "HEVC low delay P, QP 37", "method": "STDF (neighbours)", "at": (37,), "db": (0.65,)},
    {"what": "HEVC low delay P, QP 37", "method": "BasicVSR++ (all frames)", "at": (37,), "db": (1.08,)},
)
"""As their authors and the comparisons of FBCNN and PowerVQE state them; gains over the decoded picture."""
COLUMNS = (
    "codec", "mode", "value", "method", "cases", "psnr", "dpsnr", "worst", "dssim", "worst_ssim", "dms_ssim",
    "dvmaf", "dvmaf_neg", "detail", "flicker",
)  # fmt: skip
SUMMARY = (
    "codec", "mode", "value", "cases", "dpsnr", "worst", "dssim", "dms_ssim", "dvmaf", "dvmaf_neg", "detail",
)  # fmt: skip
SHOWN = (
    ("jpeg", "kodim05", 20),
    ("x265", "set8_motorbike_540p", 37),
    ("x264", "vid4_walk", 34),
    ("svtav1", "vid4_walk", 52),
)
Row = dict[str, Any]
Name = tuple[str, str, int, str, int]
NAMED = ("codec", "mode", "value", "clip", "bytes")


def figures(case: Case, frames: Sequence[Frame], scored: bool) -> Row:
    """Of one method on one case."""
    clean, made = ([quality.codes(f) for f in each] for each in (case.clean, frames))
    found: Row = {"psnr": quality.psnr(clean, made), "flicker": flicker(clean, made)}
    found["detail"] = detail(clean, made)
    if scored:
        rounded = [
            f.with_planes(tuple(p / np.float32(1023) for p in c))
            for f, c in zip(case.clean, made, strict=True)
        ]
        each = scores(case.clean, rounded, neg=True)
        found |= {k: float(np.mean([e[k] for e in each])) for k in each[0]}
    return found


def flicker(clean: Sequence[quality.Codes], made: Sequence[quality.Codes]) -> float | None:
    if len(clean) < 2:
        return None
    error = [m[0].astype(np.float32) - c[0] for c, m in zip(clean, made, strict=True)]
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(error)]) / 4)


def detail(clean: Sequence[quality.Codes], made: Sequence[quality.Codes]) -> float:
    """See above."""
    pairs = zip(clean, made, strict=True)
    return statistics.fmean(float((strength(m[0]) - strength(c[0])).mean()) for c, m in pairs)


def strength(luma: np.ndarray) -> NDArray[np.float64]:
    """Variance of fine detail in squares, in dB."""
    rows, columns = (n // CELL * CELL for n in luma.shape)
    plane = luma.astype(np.float64)
    fine = (plane - opencv().blur(plane, (3, 3)))[:rows, :columns] ** 2
    squares = fine.reshape(rows // CELL, CELL, columns // CELL, CELL).mean((1, 3))
    made: NDArray[np.float64] = 10 * np.log10(squares + FAINTEST)
    return made


def measured(every: Iterable[Case], options: argparse.Namespace) -> list[Row]:
    """One row per case and method, with differences to the input."""
    ours = {INPUT: lambda case: list(case.coded), **methods.ours(options.model)}
    before, rows = earlier(options.peers), list[Row]()
    for case in every:
        began, known = time.monotonic(), before.get(named(case), [])
        tried = ours | ({} if options.no_peers or known else methods.peers())
        outcome = {name: apply(case) for name, apply in tried.items()}
        rows += [*compared(case, outcome), *known]
        if options.sheets and (case.codec, case.clip, case.value) in SHOWN:
            draw(case, outcome, options.sheets)
        told = next(r for r in rows[::-1] if r["method"] == READ)
        words = f"{case.codec} {case.mode} {case.value} {case.clip}: {told['dpsnr']:+.3f} dB"
        print(f"{words}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def compared(case: Case, outcome: Mapping[str, list[Frame] | None]) -> Iterator[Row]:
    """The figures of each method, the input's first, and how they differ from the input's."""
    before: Row | None = None
    for name, frames in outcome.items():
        if not frames:
            continue
        row = figures(case, frames, name in SCORED)
        before = before or row
        both = [k for k in row if row[k] is not None and before.get(k) is not None]
        gains = {f"d{k}": row[k] - before[k] for k in both}
        yield {**dict(zip(NAMED, named(case), strict=True)), "method": name, **row, **gains}


def named(case: Case) -> Name:
    """What tells cases apart."""
    return case.codec, case.mode, case.value, case.clip, case.size


def earlier(path: Path | None) -> dict[Name, list[Row]]:
    """By case, the rows of other programs in an earlier result: they do not change with our nets."""
    found: dict[Name, list[Row]] = {}
    for row in json.loads(path.read_text())["rows"] if path else ():
        if row["method"] not in (INPUT, *OURS):
            found.setdefault(tuple(row[k] for k in NAMED), []).append(row)
    return found


def draw(case: Case, outcome: dict[str, list[Frame]], folder: Path) -> None:
    """Crops of the middle: clean, decoded, repaired, the slider's other end, what was added (eight times)."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(case.clean) // 2
    shown = {"clean": case.clean[n], "decoded": case.coded[n]}
    shown |= {"repaired": outcome[READ][n], NATURAL: outcome[NATURAL][n]}
    crops = {name: material.crop(frame, 240, 200) for name, frame in shown.items()}
    tiles = [(name, rgb(crop)) for name, crop in crops.items()]
    tiles.append(("x8", difference(crops["repaired"], crops["decoded"], 8)))
    sheet([tiles], folder / f"{case.codec}-{case.mode}{case.value}-{case.clip}.png")


def summary(rows: Sequence[Row]) -> list[Row]:
    """Means over the pictures of a setting; ``worst`` is the least gain of any of them."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["codec"], row["mode"], row["value"], row["method"]), []).append(row)
    return [_mean(key, each) for key, each in groups.items()]


def _mean(key: tuple[Any, ...], each: Sequence[Row]) -> Row:
    def of(name: str) -> list[float]:
        return [r[name] for r in each if r.get(name) is not None]

    out: Row = {**dict(zip(("codec", "mode", "value", "method"), key, strict=True)), "cases": len(each)}
    for name in ("psnr", "dpsnr", "dssim", "dms_ssim", "dvmaf", "dvmaf_neg", "detail", "flicker", "dflicker"):
        out[name] = round(float(np.mean(of(name))), 4) if of(name) else None
    out["worst"] = round(min(of("dpsnr")), 4)
    out["worst_ssim"] = round(min(of("dssim")), 5) if of("dssim") else None
    return out


def edges(options: argparse.Namespace) -> list[Row]:
    """Gains in dB at the edges, QP as read: the mean of each setting and the least of any picture."""
    node, found = CodecRepair(model=options.model), dict[tuple[str, str, int], list[float]]()
    stills = cases.stills(cases.EDGE_QUALITIES, options.stills)
    odd = (*cases.doubled(options.stills[::3]), *cases.drawn())
    for case in (*stills, *cases.edges(options.clips, 4), *odd):
        clean, *others = (
            [quality.codes(f) for f in each]
            for each in (case.clean, case.coded, methods.repaired(node, case.as_read()))
        )
        before, after = (quality.psnr(clean, each) for each in others)
        found.setdefault((case.codec, case.mode, case.value), []).append(after - before)
    return [
        {"codec": c, "mode": m, "value": v, "dpsnr": round(float(np.mean(g)), 4), "worst": round(min(g), 4)}
        for (c, m, v), g in found.items()
    ]


def beside(rows: Sequence[Row]) -> list[Row]:
    """Mean gains in dB of every other program and of ours on the very clips that it was measured on."""
    ours = {(r["codec"], r["mode"], r["value"], r["clip"]): r["dpsnr"] for r in rows if r["method"] == READ}
    groups: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row["method"] not in (INPUT, *OURS):
            own = ours[row["codec"], row["mode"], row["value"], row["clip"]]
            groups.setdefault((row["codec"], row["mode"], row["method"]), []).append((row["dpsnr"], own))
    return [
        dict(zip(("codec", "mode", "method"), key, strict=True))
        | {"cases": len(each), "theirs": float(np.mean(each, 0)[0]), "ours": float(np.mean(each, 0)[1])}
        | {"least_theirs": min(t for t, _ in each), "least_ours": min(o for _, o in each)}
        for key, each in groups.items()
    ]


def saved(rows: Sequence[Row]) -> list[Row]:
    """Bits saved at equal VMAF, VMAF-NEG and PSNR with repair, by codec and clip (see above)."""
    out = []
    crf = [r for r in rows if r["mode"] == "crf"]
    for codec, clip in dict.fromkeys((r["codec"], r["clip"]) for r in crf):
        here = [r for r in crf if (r["codec"], r["clip"]) == (codec, clip)]
        plain, repaired = ([r for r in here if r["method"] == m] for m in (INPUT, READ))
        row: Row = {"codec": codec, "clip": clip}
        out.append(
            row | {score: bits_saved(plain, repaired, score) for score in ("vmaf", "vmaf_neg", "psnr")}
        )
    return out


def bits_saved(plain: Sequence[Row], repaired: Sequence[Row], score: str) -> float:
    """Share of the bits (0.05 is 5 %), mean over the scores that both reach: Bjontegaard's delta rate
    (VCEG-M33, 2001) with straight lines of log rate over score instead of cubics.
    """
    curves = [
        np.array(sorted((r[score], float(np.log(r["bytes"]))) for r in each)).T for each in (plain, repaired)
    ]
    common = np.linspace(max(c[0][0] for c in curves), min(c[0][-1] for c in curves), 200)
    before, after = (np.interp(common, *c) for c in curves)
    return float(1 - np.exp(np.mean(after - before)))


def processor_seconds(model: str) -> float:
    """Of one core for a 1080p frame, the filter alone; it does not depend on what else runs as time does."""
    fmt = FrameFormat(1920, 1080, "yuv", 1, 1, 10)
    rng = np.random.default_rng(1)
    planes = tuple(rng.random(fmt.shape(k), np.float32) for k in range(3))
    node, frame = CodecRepair(32.0, "x265", model=model), Frame(planes, fmt, 0, 0, Fraction(1, 25))
    spent = []
    for _ in range(4):
        began = time.process_time()
        node.process([frame] * (2 * node.radius + 1), 0)
        spent.append(time.process_time() - began)
    return statistics.median(spent[1:])


def untouched(model: str, stills: Sequence[str], clips: Sequence[str]) -> float:
    """Least PSNR (100 at most) of clean pictures, of which no QP is told, to what comes out of them."""
    node = CodecRepair(model=model)
    clean = [material.still(n, cases.WIDTH) for n in stills] + [f for n in clips for f in material.clip(n, 2)]
    pairs = [(quality.codes(f), quality.codes(methods.repaired(node, [f])[0])) for f in clean]
    return min(min(100.0, quality.psnr([a], [b])) for a, b in pairs)


def targets(
    rows: Sequence[Row],
    bits: Sequence[Row],
    fps: float | None,
    kept: float | None = None,
    model: str = "fast",
) -> list[Row]:
    """What the filter must reach, and what it does, QP as read from the file."""
    jpeg, hevc = WANTED.get(model, WANTED["fast"])
    ours = [r for r in rows if r["method"] == READ]

    def gain(codec: str, mode: str, values: Sequence[int]) -> float | None:
        found = [
            r["dpsnr"] for r in ours if r["codec"] == codec and r["mode"] == mode and r["value"] in values
        ]
        return float(np.mean(found)) if found else None

    wanted: list[tuple[str, float, float | None]] = [
        ("JPEG quality 20, dB", jpeg, gain("jpeg", "quality", (20,))),
        ("x265 QP 37, dB", hevc, gain("x265", "qp", (37,))),
        *((f"{c} CRF 28 to 40, dB", 0.15, gain(c, "crf", range(28, 41))) for c in cases.CRFS),
        ("least gain anywhere, dB", -0.01, min((r["dpsnr"] for r in ours), default=None)),
        (
            "least SSIM gain on JPEG",
            0.0,
            min((r["dssim"] for r in ours if r["codec"] == "jpeg"), default=None),
        ),
        (
            "flicker taken off, least, codes",
            0.0,
            min((-r["dflicker"] for r in ours if "dflicker" in r), default=None),
        ),
        ("clean pictures as they are, least PSNR, dB", 50.0, kept),
        *((f"bits saved at equal VMAF, {c}", 0.05, _saving(bits, c)) for c in cases.CRFS),
    ]
    if model == "fast":
        wanted.append(("frames a second, 1080p (two cores, by processor time)", 6.0, fps))
    return [
        {
            "target": t,
            "wanted": w,
            "measured": m if m is None else round(m, 4),
            "reached": None if m is None else m >= w,
        }
        for t, w, m in wanted
    ]


def _saving(bits: Sequence[Row], codec: str) -> float | None:
    found = [b["vmaf"] for b in bits if b["codec"] == codec]
    return float(np.mean(found)) if found else None


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks codec_repair",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", default="fast", help="model that repairs (fast)")
    add("--frames", type=int, default=FRAMES, help=f"frames of a clip ({FRAMES})")
    add("--no-peers", action="store_true", help="only the input and ours")
    add(
        "--peers", type=Path, metavar="FILE", help="where an earlier result has the peers' figures, take them"
    )
    add("--quick", action="store_true", help="three stills, one clip, no peers")
    add("--stills", nargs="*", help="stills by name (all)")
    add("--clips", nargs="*", help="clips by name (all)")
    add("--edges", action="store_true", help="very fine and very coarse settings too, PSNR only")
    add("--sheets", type=Path, metavar="DIR", help="draw contact sheets as PNG")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(given)
    options.stills = material.stills() if options.stills is None else options.stills
    options.clips = material.clips() if options.clips is None else options.clips
    if options.quick:
        options.stills, options.clips, options.no_peers = options.stills[1:4], options.clips[-1:], True
    return options


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    commit = circumstances()["commit"]
    rows = measured(cases.stills(cases.QUALITIES, options.stills), options)
    rows += measured(cases.clips(("crf", "qp"), options.clips, options.frames), options)
    rows += measured(cases.standing(options.stills[::6]), options)
    rows += measured(cases.soft(options.stills[::3]), options)
    means, bits = summary(rows), saved(rows)
    fps = 2 / processor_seconds(options.model)
    peers = beside(rows)
    rim = edges(options) if options.edges else []
    kept = untouched(options.model, options.stills, options.clips)
    reached = targets(rows, bits, fps, kept, options.model)
    print(table(means, COLUMNS), table(bits, tuple(bits[0])) if bits else "", sep="\n\n")
    print("\n" + table(reached, tuple(reached[0])))
    ours, natural = ([{k: m[k] for k in SUMMARY} for m in means if m["method"] == n] for n in (READ, NATURAL))
    save(
        "codec_repair" if options.model == "fast" else f"codec_repair_{options.model}",
        rows,
        options.out,
        commit=commit,
        model=options.model,
        backend=backend.chosen(),
        fps_1080p=fps,
        targets=reached,
        summary=ours,
        natural=natural,
        means=means,
        saved=bits,
        beside=peers,
        edges=rim,
        published=PUBLISHED,
    )
    return 0
