"""Frames through a graph into a file that appears only when it is whole."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import OutputError
from filmgrain_codec.media.atomic import commit, discard
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.media.y4m import Y4mWriter
from filmgrain_codec.pipeline.clip import Clip
from filmgrain_codec.pipeline.progress import Meter
from filmgrain_codec.pipeline.report import bytes_of
from filmgrain_codec.pipeline.times import Times

Check = Callable[[Path], None]


@dataclass(slots=True)
class Rendered:
    """What came out: frames, sizes in bytes, sentences about what was not carried."""

    frames: int = 0
    output_bytes: int = 0
    video_bytes: int = 0
    metadata_bytes: int = 0
    over_range: int = 0
    seconds: float = 0.0
    times: Times = field(default_factory=Times)
    dropped: list[str] = field(default_factory=list)

    @property
    def streams_dropped(self) -> int:
        """How many whole streams the sentences name."""
        several = (re.match(r"(\d+) other streams ", note) for note in self.dropped)
        alone = sum(note.startswith("Stream ") for note in self.dropped)
        return alone + sum(int(found[1]) for found in several if found)


def render(
    frames: Iterable[Frame],
    graph: Graph,
    writer: Writer,
    meter: Meter,
    *,
    output: Path,
    overwrite: bool,
    strict: bool,
    threads: int | None,
    checks: Callable[[Rendered], list[Check]],
) -> Rendered:
    """Run the graph, write, verify, rename. On any failure nothing is left at ``output``."""
    began = time.monotonic()
    result = Rendered()
    try:
        with writer, closing(process(frames, graph, workers=threads)) as made:
            for frame in made:
                writer.write(frame)
                result.times.note(frame)
                result.over_range += frame.props.get("over_range", 0)
                meter.step(writer.bytes_written, frame.props.get("FGLevel"))
        _collect(result, writer, strict, output)
        for check in checks(result):
            check(writer.temporary)
        result.output_bytes = bytes_of(writer.temporary)
        commit(writer.temporary, output, overwrite)
    except BaseException:
        discard(writer.temporary)
        raise
    result.seconds = time.monotonic() - began
    return result


def _collect(result: Rendered, writer: Writer, strict: bool, output: Path) -> None:
    result.frames, result.video_bytes = len(result.times), writer.video_bytes
    result.dropped = list(writer.dropped)
    if result.over_range:
        result.dropped.append(
            f"{result.over_range} samples above 1.0 were clipped: the encoder has no codes for them"
        )
    if strict and result.dropped:
        raise OutputError(f"{output.name}: --strict, and {result.dropped[0]}")


def pipe(frames: Iterable[Frame], graph: Graph, clip: Clip, meter: Meter, threads: int | None) -> Rendered:
    """Run the graph and write y4m to stdout."""
    began, result = time.monotonic(), Rendered()
    fmt = graph.configure(clip.info.video.fmt)
    made = closing(process(frames, graph, workers=threads))
    with Y4mWriter(sys.stdout.buffer, fmt, clip.info.video) as writer, made as ready:
        for frame in ready:
            writer.write(frame)
            result.frames += 1
            meter.step(writer.bytes_written, frame.props.get("FGLevel"))
        result.output_bytes = result.video_bytes = writer.bytes_written
    result.seconds = time.monotonic() - began
    return result
