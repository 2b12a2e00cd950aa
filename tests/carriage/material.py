"""Tiny films whose every picture shows its own number, so that a cut or joined file proves its truth."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.media import carriage, opening

WIDTH, HEIGHT, FRAMES, GOP, CUT = 128, 96, 48, 12, 24
ENCODERS = {
    "h264": ("libx264", {"crf": "30", "preset": "ultrafast", "bf": "2", "g": str(GOP)}),
    "hevc": (
        "libx265",
        {
            "crf": "30",
            "preset": "ultrafast",
            "x265-params": f"log-level=none:keyint={GOP}:min-keyint={GOP}:pools=1:bframes=2:open-gop=1",
        },
    ),
    "av1": ("libsvtav1", {"crf": "45", "preset": "11", "g": str(GOP), "svtav1-params": "lp=1"}),
    "vp9": ("libvpx-vp9", {"crf": "40", "b": "0", "cpu-used": "8", "deadline": "realtime", "g": str(GOP)}),
    "ffv1": ("ffv1", {"g": "1", "level": "3"}),
}
CODECS = tuple(ENCODERS)
IN_BAND = ("h264", "hevc", "av1")
_BITS = 8


def picture(number: int) -> av.VideoFrame:
    """A moving texture above a row of 16-sample squares that spell ``number`` in binary."""
    texture = np.random.default_rng(7).integers(60, 190, (HEIGHT, WIDTH * 2), np.uint8)
    grey = np.ascontiguousarray(texture[:, number % WIDTH : number % WIDTH + WIDTH])
    for bit in range(_BITS):
        grey[:24, bit * 16 : bit * 16 + 16] = 235 if number >> bit & 1 else 16
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")


def number_of(frame: av.VideoFrame) -> int:
    """The number a decoded picture shows."""
    grey = frame.reformat(format="gray").to_ndarray()
    return sum(int(grey[6:18, bit * 16 + 4 : bit * 16 + 12].mean() > 120) << bit for bit in range(_BITS))


def time_of(frame: av.VideoFrame) -> Fraction:
    """Presentation time in seconds."""
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * Fraction(frame.time_base.numerator, frame.time_base.denominator)


def profile(first: int = 0, seed: int = 1, fingerprint: str = "") -> GrainProfile:
    """Two shots from absolute frame ``first``, told apart by their seeds."""
    return GrainProfile(
        (
            GrainSegment(first, first + CUT, 0.03, seed=seed),
            GrainSegment(first + CUT, first + FRAMES, 0.06, seed=seed + 1),
        ),
        fingerprint=fingerprint,
    )


def write(
    path: Path,
    codec: str,
    *,
    first: int = 0,
    seed: int = 1,
    in_band: bool = True,
    tags: Sequence[str] = ("stream", "file"),
    json_text: str | None = None,
) -> GrainProfile:
    """A film with records at every keyframe (``in_band``) and its profile in the named tags."""
    encoder, options = ENCODERS[codec]
    movflags = {"movflags": "use_metadata_tags"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=movflags) as container:
        stream = cast(VideoStream, container.add_stream(encoder, rate=24, options=dict(options)))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        with opening.quietly():
            stream.codec_context.open()
        packets: list[av.Packet] = []
        for k in range(FRAMES):
            frame = picture(first + k)
            frame.pts, frame.time_base = k, Fraction(1, 24)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        extradata = stream.codec_context.extradata
        mark = carriage.fingerprint(codec, bytes(packets[0]), extradata, WIDTH, HEIGHT, FRAMES)
        made = profile(first, seed, mark)
        text = carriage.tags(json_text or wire.to_json(made))
        stream.metadata.update(text if "stream" in tags else {})
        container.metadata.update(text if "file" in tags else {})
        for packet in packets:
            if in_band and packet.is_keyframe:
                index = first + (packet.pts or 0)
                packet = carriage.attach(codec, packet, extradata, record(made, index))
            container.mux(packet)
    return made


def record(made: GrainProfile, index: int) -> bytes:
    """The in-band record for a keyframe with absolute index ``index``."""
    segment = made.at(index)
    assert segment is not None
    return wire.to_bytes(wire.Record(segment, index, made.synthesis, made.removal))


def shown(path: Path) -> list[tuple[int, int, int | None]]:
    """For each decoded frame: the number it shows, the index carriage gives it, and its segment's seed."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        numbers = [number_of(f) for f in frames]
        times = [time_of(f) for f in frames]
    places = carriage.find(path).places(times)
    return [(n, p.index, p.segment.seed if p.segment else None) for n, p in zip(numbers, places, strict=True)]
