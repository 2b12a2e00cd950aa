"""Encode and decode every file of a folder, and let ffprobe compare source, base layer and result.

``python -m benchmarks formats [--jobs N] [--only WORD] [--json FILE] [--page docs/formats.md] [FOLDER ...]``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks.carried import differences
from benchmarks.ffprobe import Described, describe

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("codecs", "derived", "film_video", "clean_video", "av1_filmgrain")
FGCODEC = [sys.executable, "-c", "from filmgrain_codec.cli.main import main; main()"]
LIMIT = 1800
NAMES = {
    "mov": "MOV or MP4", "matroska": "Matroska", "mpegts": "MPEG-TS", "ivf": "IVF", "yuv4mpegpipe": "Y4M",
    "image2": "numbered stills", "h264": "raw stream", "hevc": "raw stream",
}  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of one source. ``code`` is the first exit code that is not 0."""

    name: str
    label: str = ""
    features: list[str] = field(default_factory=list)
    code: int = 0
    sentence: str = ""
    warnings: list[str] = field(default_factory=list)
    base: list[str] = field(default_factory=list)
    result: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        return not (self.base or self.result or self.leftovers) and self.code in (0, 3, 6)


def main(argv: list[str]) -> int:
    """Run over all folders; 1 if anything differs that no sentence names."""
    options = _options(argv)
    chosen = [s for s in sources(options.folders) if options.only in s.name]
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda s: _shown(examine(s, options.codec, options.preset)), chosen))
    if options.json:
        options.json.write_text(json.dumps([asdict(o) for o in outcomes], indent=1))
    if options.page:
        from benchmarks.formats_page import write

        write(options.page, outcomes)
    return int(any(not o.fine for o in outcomes))


def _options(argv: list[str]) -> argparse.Namespace:
    shared = Path(os.environ.get("FGCODEC_SHARED", ROOT.parent / "shared")) / "data" / "test"
    parser = argparse.ArgumentParser(prog="benchmarks formats")
    parser.add_argument("folders", nargs="*", type=Path, default=[shared / name for name in FOLDERS])
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--codec", default="x265")
    parser.add_argument("--preset", default="ultrafast")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    return parser.parse_args(argv)


def sources(folders: list[Path]) -> Iterator[Path]:
    """Every file; a folder of pictures counts as one."""
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.is_file() or any(p.suffix == ".png" for p in path.iterdir()):
                yield path
            else:
                yield from sources([path])


def _shown(outcome: Outcome) -> Outcome:
    print(
        f"{'ok  ' if outcome.fine else 'FAIL'} {outcome.name}: {outcome.code} {outcome.sentence}", flush=True
    )
    for kind in ("warnings", "base", "result", "leftovers"):
        for line in getattr(outcome, kind):
            print(f"       {kind}: {line}", flush=True)
    return outcome


def examine(source: Path, codec: str, preset: str) -> Outcome:
    """Encode and decode one source in a scratch folder and compare by ffprobe."""
    outcome = Outcome(source.name)
    told = _described(source)
    if told:
        outcome.label, outcome.features = label(told), features(told)
    with tempfile.TemporaryDirectory(prefix="formats-") as scratch:
        base, back = Path(scratch, "base.mkv"), Path(scratch, "back.mkv")
        if _run(outcome, "encode", source, "-o", base, "--codec", codec, "--preset", preset):
            if told:
                outcome.base = differences(told, describe(base))
            if _run(outcome, "decode", base, "-o", back) and told:
                outcome.result = differences(told, describe(back), depth=True)
        elif base.exists():
            outcome.leftovers.append("an output of the failed job")
        outcome.leftovers += [p.name for p in Path(scratch).iterdir() if p not in (base, back)]
    outcome.sentence = outcome.sentence.replace(str(source), "IN").replace(source.name, "IN")
    return outcome


def _described(source: Path) -> Described | None:
    try:
        return describe(source)
    except (ValueError, KeyError):
        return None


def _run(outcome: Outcome, *arguments: object) -> bool:
    command = [*FGCODEC, *map(str, arguments), "--json", "-q"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=LIMIT
    )
    if done.returncode:
        outcome.code = done.returncode
        outcome.sentence = done.stderr.strip().removeprefix("fgcodec: error: ")
        return False
    outcome.warnings += json.loads(done.stdout)["warnings"]
    return True


def label(told: Described) -> str:
    """``MOV or MP4, hevc Main 10, yuv420p10le``."""
    container = told.container.split(",")[0]
    container = NAMES.get(container, container)
    profile = f" {told.profile}" if told.profile not in ("", "unknown") else ""
    return f"{container}, {told.codec}{profile}, {told.pix_fmt}"


def features(told: Described) -> list[str]:
    """What makes a file special, in words."""
    found = sorted(told.dynamic) + sorted(told.static)
    if told.colour["color_transfer"] in ("smpte2084", "arib-std-b67"):
        found.insert(0, {"smpte2084": "PQ", "arib-std-b67": "HLG"}[told.colour["color_transfer"]])
    if told.rotation:
        found.append(f"rotation {told.rotation:g}")
    if told.sar != "1:1":
        found.append(f"SAR {told.sar}")
    if "interlaced" in told.fields:
        found.append("interlaced")
    if _variable(told.times):
        found.append("variable frame rate")
    kinds = [f"{s.kind} {s.codec}" for s in told.streams]
    found += [f"{kinds.count(k)} x {k}" if kinds.count(k) > 1 else k for k in dict.fromkeys(kinds)]
    if told.chapters:
        found.append(f"{len(told.chapters)} chapters")
    return found


def _variable(times: list[float | None]) -> bool:
    known = [t for t in times if t is not None]
    steps = [b - a for a, b in pairwise(known)]
    return bool(steps) and max(steps) > 1.5 * min(steps)
