"""Small clips made on the spot, and the shortest way to write and read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from filmgrain_codec.core.frame import ColorInfo, ContentLight, Frame, FrameFormat, MasteringDisplay
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.probe import SourceInfo
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.writer import Writer

FAST: dict[str, dict[str, Any]] = {
    "x264": {"preset": "ultrafast"},
    "x265": {"preset": "ultrafast"},
    "svtav1": {"preset": "12"},
    "ffv1": {},
    "prores": {},
}

HDR10 = ColorInfo(
    primaries=9, transfer=16, matrix=9, range=1, chroma_location=3,
    mastering=MasteringDisplay(
        (Fraction(34000, 50000), Fraction(16000, 50000)), (Fraction(13250, 50000), Fraction(34500, 50000)),
        (Fraction(7500, 50000), Fraction(3000, 50000)), (Fraction(15635, 50000), Fraction(16450, 50000)),
        Fraction(1, 10000), Fraction(1000),
    ),
    content_light=ContentLight(1000, 400),
)  # fmt: skip


def moving(fmt: FrameFormat, index: int) -> tuple[np.ndarray, ...]:
    """Smooth moving waves of exact codes, different in each plane."""
    planes = []
    for p in range(fmt.planes):
        rows, columns = fmt.shape(p)
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        wave = 0.5 + 0.3 * np.sin(x / (9 + 3 * p) + index / 3) * np.cos(y / (7 + 2 * p) - index / 5)
        planes.append((np.rint(wave * fmt.peak) / np.float32(fmt.peak)).astype(np.float32))
    return tuple(planes)


def clip(
    fmt: FrameFormat, times: Iterable[int], time_base: Fraction = Fraction(1, 24), **props: Any
) -> list[Frame]:
    """Frames at the given times in units of ``time_base``."""
    return [Frame(moving(fmt, i), fmt, i, t, time_base, 0, dict(props)) for i, t in enumerate(times)]


def write(
    path: Path, frames: Sequence[Frame], codec: str, source: SourceInfo | None = None, *,
    bits: int | None = None, writer: dict[str, Any] | None = None, **settings: Any,
) -> Writer:  # fmt: skip
    """Write frames and give the file its final name."""
    fmt = frames[0].fmt
    spec = encoder_for(codec, fmt, bits=bits or fmt.bits, threads=2, **(FAST[codec] | settings))
    rate = source.video.rate if source else Fraction(24)
    with Writer(path, source, spec, fmt, time_base=frames[0].time_base, rate=rate, **(writer or {})) as out:
        for frame in frames:
            out.write(frame)
    if out.temporary.is_dir():
        for still in out.temporary.iterdir():
            os.replace(still, path.parent / still.name)
        out.temporary.rmdir()
    else:
        os.replace(out.temporary, path)
    return out


def read(path: Path | str, **settings: Any) -> tuple[SourceInfo, list[Frame]]:
    """Description and all frames of a file that has to be whole."""
    with Reader(path, **settings) as reader:
        frames = list(reader)
        reader.check_complete()
        return reader.info, frames


def rich_source(path: Path, seconds: int = 2) -> Path:
    """A Matroska file with video, two sound tracks, two subtitles, a font, chapters and tags."""
    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream("ffv1", rate=24, width=64, height=48, pix_fmt="yuv420p")
        sounds = [out.add_stream(c, rate=48000) for c in ("flac", "aac")]
        texts = [out.add_mux_stream("subrip") for _ in range(2)]
        for stream, language in zip([*sounds, *texts], ("eng", "fre", "eng", "ger"), strict=True):
            stream.metadata["language"] = language
        sounds[1].metadata["title"] = "Commentary"
        sounds[1].disposition, texts[1].disposition = 8, 64  # comment, forced
        out.add_attachment("font.ttf", "application/x-truetype-font", bytes(range(256)) * 8)
        out.metadata["title"], video.metadata["title"] = "A film", "Main picture"
        out.set_chapters([
            {"id": i, "start": i * 1000, "end": i * 1000 + 1000, "time_base": Fraction(1, 1000),
             "metadata": {"title": f"Part {i + 1}"}} for i in range(seconds)
        ])  # fmt: skip
        for second in range(seconds):
            _second(out, video, sounds, texts, second)
        for stream in (video, *sounds):
            out.mux(stream.encode(None))
    return path


def _second(out: Any, video: Any, sounds: Any, texts: Any, second: int) -> None:
    for i in range(second * 24, second * 24 + 24):
        picture = av.VideoFrame.from_ndarray(np.full((72, 64), 40 + i * 3 % 200, np.uint8), format="yuv420p")
        picture.pts, picture.time_base = i, Fraction(1, 24)
        out.mux(video.encode(picture))
    for stream, form in zip(sounds, ("s16", "fltp"), strict=True):
        tone = np.sin(np.arange(48000) / 20) * 0.3
        data = (tone * 20000).astype(np.int16) if form == "s16" else tone.astype(np.float32)
        both = np.repeat(data, 2)[None] if form == "s16" else np.stack([data, data])
        sound = av.AudioFrame.from_ndarray(both, format=form, layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, second * 48000, Fraction(1, 48000)
        out.mux(stream.encode(sound))
    for number, stream in enumerate(texts):
        packet = av.Packet(f"line {second} of {number}".encode())
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = second * 1000 + 100
        packet.duration = 800
        out.mux(packet)
