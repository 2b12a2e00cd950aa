"""Encoders: what each is called, which formats it takes, and how it is set up.

Defaults (the user may choose any of them):

========  ===========  ====  =======  =====  ==========================================
codec     encoder      bits  preset   crf    takes
========  ===========  ====  =======  =====  ==========================================
x264      libx264      8     slow     18     4:0:0 4:2:0 4:2:2 4:4:4, 8 or 10 bit
x265      libx265      10    medium   20     4:0:0 4:2:0 4:2:2 4:4:4, 8, 10 or 12 bit
svtav1    libsvtav1    10    6        30     4:2:0 (grey as 4:2:0), 8 or 10 bit
ffv1      ffv1         any   -        -      everything, lossless
prores    prores_ks    10    hq       -      4:2:2 and 4:4:4 (others are converted to 4:2:2)
========  ===========  ====  =======  =====  ==========================================

CRF scales differ: 18, 20 and 30 are meant as 'visually clean' in each encoder's own terms.
Keyframes come at most 250 frames apart, closed, and exactly where a frame asks for one
(measured: all three encoders honour it). x264's output depends on its thread count, so the
count is always written into the options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import av
import av.error

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import EncoderError, UsageError
from filmgrain_codec.media import color
from filmgrain_codec.media.convert import planar_format

if TYPE_CHECKING:
    from filmgrain_codec.media.probe import VideoInfo

KEYFRAME_DISTANCE = 250

# codec: (FFmpeg's encoder, its codec name, default CRF, CRF range, default preset, depths)
_CODECS: dict[str, tuple[str, str, float | None, float, str | None, tuple[int, ...]]] = {
    "x264": ("libx264", "h264", 18, 51, "slow", (8, 10)),
    "x265": ("libx265", "hevc", 20, 51, "medium", (8, 10, 12)),
    "svtav1": ("libsvtav1", "av1", 30, 63, "6", (8, 10)),
    "ffv1": ("ffv1", "ffv1", None, 0, None, tuple(range(8, 17))),
    "prores": ("prores_ks", "prores", None, 0, "hq", (10,)),
}
_DEFAULT_BITS = {"x264": 8, "x265": 10, "svtav1": 10, "prores": 10}
_X26X = [
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
]  # fmt: skip
_PRORES = ["proxy", "lt", "standard", "hq", "4444", "4444xq"]
_SMALLEST = {"libx265": 16, "libsvtav1": 16, "ffv1": 4}


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """A fully resolved encoder: equal specs and frames give equal streams.

    ``pix_fmt`` is what the encoder gets, ``frame_pix_fmt`` what frames are written as; where they
    differ FFmpeg converts the chroma. ``width`` and ``height`` are those of the coded picture: odd
    sizes are padded where a codec needs it. ``lossless`` marks encoders without a rate setting.
    """

    name: str
    codec: str
    pix_fmt: str
    frame_pix_fmt: str
    bits: int
    width: int
    height: int
    options: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    lossless: bool = False


@lru_cache(maxsize=64)
def present(name: str) -> bool:
    """Whether this build of FFmpeg has the encoder."""
    try:
        av.Codec(name, "w")
    except (ValueError, av.error.FFmpegError):
        return False
    return True


@lru_cache(maxsize=64)
def accepted(name: str) -> frozenset[str]:
    """Pixel formats the encoder takes."""
    return frozenset(f.name for f in av.Codec(name, "w").video_formats or ())


def available() -> list[str]:
    """Names of the codecs that ``encoder_for`` can set up here."""
    return [name for name, row in _CODECS.items() if present(row[0])]


def encoder_for(
    codec: str,
    fmt: FrameFormat,
    *,
    crf: float | None = None,
    preset: str | None = None,
    bits: int | None = None,
    threads: int | None = None,
    video: VideoInfo | None = None,
    frames: int | None = None,
) -> EncoderSpec:
    """Resolve an encoder for frames of a format; ``fmt.bits`` counts unless ``bits`` is given.

    Lossless and 10-bit-only encoders ignore a depth they cannot have only if none was asked for.
    Raises ``EncoderError`` for a codec that is unknown, missing or cannot take the format, and
    ``UsageError`` for a setting out of range.
    """
    if codec not in _CODECS or not present(_CODECS[codec][0]):
        raise EncoderError(f"There is no encoder {codec!r} here; choose one of {', '.join(available())}.")
    name, stream_codec, usual_crf, highest, usual_preset, depths = _CODECS[codec]
    depth = _depth(codec, depths, bits, fmt)
    pix_fmt, frame_pix_fmt = _pixel_formats(codec, name, fmt, depth)
    _check_rate(codec, crf, highest)
    threads = threads or os.cpu_count() or 1
    options = _options(name, usual_crf if crf is None else crf, preset or usual_preset, threads, fmt)
    width, height = coded_size(name, fmt)
    return EncoderSpec(
        name, stream_codec, pix_fmt, frame_pix_fmt, depth, width, height, options, threads,
        lossless=usual_crf is None,
    )  # fmt: skip


def coded_size(name: str, fmt: FrameFormat) -> tuple[int, int]:
    """The picture size the encoder needs: whole chroma samples, and its smallest size."""
    if name == "ffv1":
        return max(fmt.width, 4), max(fmt.height, 4)
    least = _SMALLEST.get(name, 2)
    sub_w, sub_h = (1, 1) if fmt.family == "gray" and name == "libsvtav1" else (fmt.sub_w, fmt.sub_h)
    if fmt.family != "yuv" and name != "libsvtav1":
        sub_w = sub_h = 0

    def up(size: int, sub: int) -> int:
        return max(least, -(-size >> sub) << sub)

    return up(fmt.width, sub_w), up(fmt.height, sub_h)


def _depth(codec: str, depths: tuple[int, ...], bits: int | None, fmt: FrameFormat) -> int:
    wanted = bits or _DEFAULT_BITS.get(codec, fmt.bits)
    if wanted in depths:
        return wanted
    if codec == "prores":
        return 10
    if bits is None or codec == "ffv1":
        return min(depths, key=lambda d: (d < wanted, abs(d - wanted)))
    known = ", ".join(map(str, depths))
    raise EncoderError(f"{codec} cannot encode {bits} bit; it takes {known} bit.")


def _pixel_formats(codec: str, name: str, fmt: FrameFormat, bits: int) -> tuple[str, str]:
    """(what the encoder gets, what frames are written as)."""
    if fmt.family == "rgb" and codec == "ffv1":
        pix = "bgr0" if bits == 8 else planar_format("rgb", 0, 0, bits)
        return pix, pix
    if fmt.family == "rgb":
        raise EncoderError(f"{codec} gets YUV pictures here; convert the RGB source to 4:4:4 first.")
    own = planar_format(fmt.family, fmt.sub_w, fmt.sub_h, bits)
    if own in accepted(name):
        return own, own
    if fmt.family == "gray" and codec in ("svtav1", "prores"):
        pix = planar_format("yuv", 1, 1 if codec == "svtav1" else 0, bits)
        return pix, pix
    if codec == "prores":
        return "yuv422p10le", own
    raise EncoderError(f"{codec} cannot encode {own} pictures; take x265 or ffv1, or convert the source.")


def _check_rate(codec: str, crf: float | None, highest: float) -> None:
    if crf is not None and highest == 0:
        raise UsageError(f"{codec} has no CRF; leave it out.")
    if crf is not None and not 0 <= crf <= highest:
        raise UsageError(f"CRF {crf:g} is outside 0 to {highest:g} for {codec}.")


def _options(
    name: str, crf: float | None, preset: str | None, threads: int, fmt: FrameFormat
) -> dict[str, str]:
    own = color.encoder_options(name, fmt.color)
    if name == "libx264":
        return _x264(crf, preset, own)
    if name == "libx265":
        return _x265(crf, preset, threads, own)
    if name == "libsvtav1":
        return _svtav1(crf, preset, threads, own)
    if name == "ffv1":
        return _ffv1(fmt)
    return _prores(preset, fmt)


def _known(codec: str, preset: str | None, presets: list[str]) -> str:
    if preset not in presets:
        raise UsageError(f"{codec} has no preset {preset!r}; choose one of {', '.join(presets)}.")
    return preset


def _x264(crf: float | None, preset: str | None, own: dict[str, str]) -> dict[str, str]:
    out = {
        "crf": f"{crf:g}", "preset": _known("x264", preset, _X26X), "forced-idr": "1",
        "g": str(KEYFRAME_DISTANCE),
    }  # fmt: skip
    return out | ({"x264-params": _joined(own)} if own else {})


def _x265(crf: float | None, preset: str | None, threads: int, own: dict[str, str]) -> dict[str, str]:
    fixed = {
        "log-level": "none", "open-gop": "0", "keyint": str(KEYFRAME_DISTANCE), "pools": str(threads),
        "frame-threads": str(min(max(threads, 1), 16)),
    }  # fmt: skip
    return {
        "crf": f"{crf:g}", "preset": _known("x265", preset, _X26X), "forced-idr": "1",
        "a53cc": "1", "dolbyvision": "0", "x265-params": _joined(fixed | own),
    }  # fmt: skip


def _svtav1(crf: float | None, preset: str | None, threads: int, own: dict[str, str]) -> dict[str, str]:
    fixed = {"film-grain": "0", "film-grain-denoise": "0", "lp": str(min(threads, 6))}
    return {
        "crf": f"{crf:g}", "preset": _known("svtav1", preset, [str(n) for n in range(14)]),
        "g": str(KEYFRAME_DISTANCE), "dolbyvision": "0", "svtav1-params": _joined(fixed | own),
    }  # fmt: skip


def _ffv1(fmt: FrameFormat) -> dict[str, str]:
    slices = "12" if min(fmt.width, fmt.height) >= 128 else "4"
    small = min(fmt.width, fmt.height) < 32
    return {"level": "3", "g": "1", "coder": "1", "context": "0", "slicecrc": "1"} | (
        {} if small else {"slices": slices}
    )


def _prores(preset: str | None, fmt: FrameFormat) -> dict[str, str]:
    full = fmt.family == "yuv" and (fmt.sub_w, fmt.sub_h) == (0, 0)
    profile = _known("prores", "4444" if full and preset == "hq" else preset, _PRORES)
    if full and not profile.startswith("4444"):
        raise UsageError(f"The ProRes profile {profile} is 4:2:2 and the pictures are 4:4:4; choose 4444.")
    return {"profile": str(_PRORES.index(profile)), "vendor": "apl0"}


def _joined(parameters: Mapping[str, str]) -> str:
    return ":".join(f"{k}={v}" for k, v in parameters.items())
