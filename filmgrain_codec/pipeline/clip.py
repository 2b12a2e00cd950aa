"""The source of a job as often-readable frames, whatever it came from."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import FgcodecError
from filmgrain_codec.media.decode import NativeGrain
from filmgrain_codec.media.files import output_errors
from filmgrain_codec.media.probe import SourceInfo, as_yuv, probe
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.script import Script, is_script
from filmgrain_codec.pipeline.request import PIPE, PathLike
from filmgrain_codec.pipeline.target import existing

PIECE, WAIT = 1 << 20, 0.2


@dataclass(frozen=True, slots=True)
class Clip:
    """A source opened for a job: its description and the part of it that is used.

    ``quantisers``: frames tell how coarsely they were coded, where that is known (see ``Reader``).
    ``script``: what a VapourSynth script at ``path`` made, None for everything else.
    """

    path: Path
    info: SourceInfo
    first: int = 0
    count: int | None = None
    native_grain: NativeGrain = "apply"
    as_yuv: bool = False
    script: Script | None = None
    quantisers: bool = False

    def asked_by(self, nodes: Iterable[Node]) -> Clip:
        """The same clip, whose frames tell their quantisers if one of the nodes wants to know."""
        return replace(self, quantisers=any(getattr(node, "asks_quantiser", False) for node in nodes))

    @property
    def fmt(self) -> FrameFormat:
        """The format of the frames given: RGB sources come as Y'CbCr 4:4:4 where ``as_yuv`` asks so."""
        return (as_yuv(self.info) if self.as_yuv else self.info).video.fmt

    @property
    def expected(self) -> int | None:
        """Number of frames as declared, if anything declares it."""
        return self.count if self.count is not None else declared(self.info)

    def frames(self) -> Generator[Frame, None, None]:
        """Every frame from the start, indices from 0; raises ``VerifyError`` on a truncated source."""
        if self.script is not None:
            with closing(self.script.frames(self.first, self.as_yuv)) as frames:
                yield from self._part(frames)
            return
        with Reader(
            self.path,
            start=self.first,
            native_grain=self.native_grain,
            yuv=self.as_yuv,
            quantisers=self.quantisers,
        ) as reader:
            if (yield from self._part(reader)):
                reader.check_complete()

    def _part(self, frames: Iterable[Frame]) -> Generator[Frame, None, bool]:
        """The frames of the part that is used, counted from 0; whether they went to the source's end."""
        for frame in frames:
            index = frame.index - self.first
            if self.count is not None and index >= self.count:
                return False
            yield frame if not self.first else replace(frame, index=index)
        return True


def declared(info: SourceInfo) -> int | None:
    video = info.video
    if video.frames:
        return video.frames
    if video.duration and video.rate:
        return max(1, round(video.duration * video.rate))
    return None


@contextmanager
def opened(source: PathLike, scratch: Path, native_grain: NativeGrain = "apply") -> Iterator[Clip]:
    """Open a file, a pattern, a folder of pictures or stdin (kept in ``scratch`` while needed)."""
    if str(source) != PIPE:
        path = existing(source)
        if is_script(path):
            script = Script(path)
            yield Clip(path, script.info, script=script)
            return
        yield Clip(path, probe(path), native_grain=native_grain)
        return
    spool = scratch / f".fgcodec-stdin-{os.getpid()}.y4m"
    try:
        with output_errors(str(spool)), spool.open("wb") as file:
            for piece in _stdin():
                file.write(piece)
        yield Clip(spool, probe(spool))
    except FgcodecError as error:
        words = str(error).replace(str(spool), "stdin").replace(spool.name, "stdin")
        raise type(error)(words) from error
    finally:
        spool.unlink(missing_ok=True)


def _stdin() -> Iterator[bytes]:
    """All of stdin. Waits in short steps: a Ctrl-C that comes just before a blocking read would be lost."""
    stream = sys.stdin.fileno()
    while True:
        if sys.platform != "win32":
            while not select.select([stream], [], [], WAIT)[0]:
                pass
        piece = os.read(stream, PIECE)
        if not piece:
            return
        yield piece


def middle(clip: Clip, seconds: float) -> Clip:
    """The given number of seconds from the middle of a clip."""
    total, rate = declared(clip.info), clip.info.video.rate or Fraction(24)
    count = max(1, round(seconds * rate))
    if total is None or count >= total:
        return clip
    return replace(clip, first=(total - count) // 2, count=count)
