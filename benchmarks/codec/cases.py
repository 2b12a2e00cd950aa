"""What is repaired: clean stills through JPEG, clean clips with real motion through video encoders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import material
from benchmarks.codec.drawings import DRAWINGS, drawing
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.media.recode import Coding, recode
from filmgrain_codec.nodes.codec_repair import CODEC_PROP, KEY_PROP, QP_PROP, SLICE_PROP
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.codec.jpeg import as_jpeg

QUALITIES = (10, 20, 30, 40)
QPS = (22, 27, 32, 37)
CRFS = {"x264": (24, 28, 34, 40), "x265": (24, 28, 34, 40), "svtav1": (28, 34, 40, 52)}
STANDING = 16
STILL_CRFS = {"x264": (28,), "x265": (28,), "svtav1": (28, 52)}
"""Frames and CRFs of clips that stand still."""
SOFT = {"jpeg": (20, 60), "x264": (28,), "x265": (28,), "svtav1": (40,)}
"""Settings that soft pictures go through: JPEG's quality, CRF."""
DOUBLED = {"jpeg": (20, 50), "x264": (20, 24, 28, 34), "x265": (24, 34), "svtav1": (28, 40)}
"""The same for those of repeated samples, where only 'never worse' is asked."""
DRAWN = {"jpeg": (20, 50, 80), "x264": (20, 26, 34), "x265": (22, 28, 34), "svtav1": (28, 45)}
READ_PROP, READ_KEY_PROP = "read_qp", "read_key_qp"
WIDTH = 768
EDGES = {
    "x264": (14, 18, 21, 46, 51),
    "x265": (14, 18, 21, 46, 51),
    "svtav1": (10, 20, 58, 63),
    "mpeg2": (2, 4, 8, 16, 31),
}
"""CRFs beyond the usual, where only 'never worse' is asked; MPEG-2's quantiser codes."""
EDGE_QUALITIES = (5, 15, 50, 60, 70, 75, 80, 85, 90, 95)


@dataclass(frozen=True, slots=True)
class Case:
    """Clean and decoded frames; these say their QP and codec in their properties. ``size``: bytes."""

    codec: str
    mode: str
    value: int
    clip: str
    clean: Sequence[Frame]
    coded: Sequence[Frame]
    size: int

    def as_read(self) -> list[Frame]:
        """The decoded frames with what a reader of the file knows of them."""
        slices = {SLICE_PROP: 1} if self.codec == "x265" else {}
        return [
            replace(
                f, props={**f.props, QP_PROP: f.props[READ_PROP], KEY_PROP: f.props[READ_KEY_PROP], **slices}
            )
            for f in self.coded
        ]

    def untold(self) -> list[Frame]:
        """The decoded frames as if nobody knew how they were coded."""
        return [replace(f, props={}) for f in self.coded]


def stills(qualities: Sequence[int], names: Sequence[str]) -> Iterator[Case]:
    """Every still through JPEG, 4:2:0, plane by plane."""
    for name in names:
        clean = material.still(name, WIDTH)
        for quality in qualities:
            yield Case(
                "jpeg", "quality", quality, name, [clean], [_known(as_jpeg(in_bits(clean, 8), quality))], 0
            )


def clips(modes: Sequence[str], names: Sequence[str], count: int) -> Iterator[Case]:
    """Clips at constant QP (x264, x265, 8 bit) and at CRF (usual depths: x264 8 bit, the others 10)."""
    for name in names:
        clean = material.clip(name, count)
        for codec, crfs in CRFS.items():
            settings = [("crf", c) for c in crfs] + [("qp", q) for q in QPS if codec != "svtav1"]
            for mode, value in settings:
                if mode in modes:
                    coding = _coding(codec, mode, value)
                    coded, size = recode([in_bits(f, coding.bits) for f in clean], coding)
                    yield Case(codec, mode, value, name, clean, [_known(f) for f in coded], size)


def standing(names: Sequence[str]) -> Iterator[Case]:
    """Clips that are one still all along, at CRF: their key frames are finer than what follows."""
    for name in names:
        one = material.still(name, WIDTH)
        clean = [replace(one, index=n, pts=n) for n in range(STANDING)]
        for codec, crfs in STILL_CRFS.items():
            for crf in crfs:
                coding = _coding(codec, "crf", crf)
                coded, size = recode([in_bits(f, coding.bits) for f in clean], coding)
                yield Case(codec, "still", crf, name, clean, [_known(f) for f in coded], size)


def soft(names: Sequence[str]) -> Iterator[Case]:
    """Stills that were half as large once, as what is coded often was, through every codec."""
    return _made_larger(names, "soft", SOFT, enlarged)


def doubled(names: Sequence[str]) -> Iterator[Case]:
    """The same by repeating samples, as old games are shown."""
    return _made_larger(names, "doubled", DOUBLED, repeated)


def drawn() -> Iterator[Case]:
    """What was never filmed (``drawings``), through every codec."""
    return _through({name: drawing(name) for name in DRAWINGS}, "drawn", DRAWN)


def _made_larger(
    names: Sequence[str], mode: str, settings: Mapping[str, tuple[int, ...]], larger: Callable[[Frame], Frame]
) -> Iterator[Case]:
    return _through({name: larger(material.still(name, WIDTH // 2)) for name in names}, mode, settings)


def _through(
    pictures: Mapping[str, Frame], mode: str, settings: Mapping[str, tuple[int, ...]]
) -> Iterator[Case]:
    for name, clean in pictures.items():
        for codec, values in settings.items():
            for value in values:
                if codec == "jpeg":
                    coded, size = [as_jpeg(in_bits(clean, 8), value)], 0
                else:
                    coding = _coding(codec, "crf", value)
                    coded, size = recode([in_bits(clean, coding.bits)], coding)
                yield Case(codec, mode, value, name, [clean], [_known(f) for f in coded], size)


def enlarged(frame: Frame) -> Frame:
    """The frame at twice its size."""
    cv, fmt = opencv(), replace(frame.fmt, width=2 * frame.fmt.width, height=2 * frame.fmt.height)
    planes = [
        cv.resize(p, fmt.shape(k)[::-1], interpolation=cv.INTER_CUBIC) for k, p in enumerate(frame.planes)
    ]
    return replace(frame, planes=tuple(p.clip(0, 1) for p in planes), fmt=fmt)


def repeated(frame: Frame) -> Frame:
    """The frame at twice its size, every sample a square of four."""
    fmt = replace(frame.fmt, width=2 * frame.fmt.width, height=2 * frame.fmt.height)
    return replace(frame, planes=tuple(p.repeat(2, 0).repeat(2, 1) for p in frame.planes), fmt=fmt)


def edges(names: Sequence[str], count: int) -> Iterator[Case]:
    """Clips at settings that are very fine or very coarse."""
    for name in names:
        clean = material.clip(name, count)
        for codec, values in EDGES.items():
            for value in values:
                coding = _coding(codec, "code" if codec == "mpeg2" else "crf", value)
                coded, size = recode([in_bits(f, coding.bits) for f in clean], coding)
                yield Case(codec, "edge", value, name, clean, [_known(f) for f in coded], size)


def _coding(codec: str, mode: str, value: int) -> Coding:
    if codec == "mpeg2":
        return Coding(codec, {"qmin": str(value), "qmax": str(value), "b": "40M", "bf": "2", "g": "12"})
    preset = {"x264": "medium", "x265": "medium", "svtav1": "6"}[codec]
    return Coding(codec, {mode: str(value), "preset": preset}, 8 if codec == "x264" or mode == "qp" else 10)


def in_bits(frame: Frame, bits: int) -> Frame:
    """The frame at another depth as video has it: codes times or by a power of two, not rounded."""
    fmt = replace(frame.fmt, bits=bits)
    scale = np.float32(frame.fmt.peak * 2.0 ** (bits - frame.fmt.bits) / fmt.peak)
    return replace(frame, planes=tuple(p * scale for p in frame.planes), fmt=fmt)


def _known(frame: Frame) -> Frame:
    qp = frame.props["qp"]
    props = {QP_PROP: qp, READ_PROP: frame.props.get(READ_PROP, qp), CODEC_PROP: frame.props["codec"]}
    props[KEY_PROP] = key = frame.props.get("key_qp")
    props[READ_KEY_PROP] = frame.props.get(READ_KEY_PROP, key)
    return replace(frame, props=props)
