"""Make the two demonstration clips: ``python -m benchmarks make_clips``.

``great_train_robbery_1903.mkv``: 36 frames of the 1903 film as they were found, lossless grey FFV1.
``flower_35mm.mov``: a clean CC0 clip of moving pictures as 10-bit ProRes 422, with fresh grain on
every frame. That grain's strength over luma, spectrum and chroma are those our estimator finds in
an MIT-licensed scan of 35 mm colour negative; it is drawn with NumPy's generator and FFT filters,
not with our synthesizer. Sources and licences: benchmarks/clips/NOTICE.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.grain.estimate import GrainAnalyzer
from filmgrain_codec.grain.profile import GrainSegment, Spectrum
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth

CLIPS = Path(__file__).resolve().parent / "clips"
FILM_RATE, FLOWER_RATE = Fraction(18), Fraction(24)
SCAN = "film_stills/201805-001-008.jpg"
SEED = 1903


def film(source: Path, target: Path) -> None:
    """The numbered stills as one lossless grey clip; 18 frames a second, as silent film was shown."""
    with Reader(source / "%05d.png", rate=FILM_RATE) as reader:
        fmt = replace(reader.info.video.fmt, family="gray", color=ColorInfo(2, 2, 2, 2))
        with _writer(target, fmt, "ffv1", FILM_RATE) as writer:
            for frame in reader:
                grey = Frame((frame.planes[1],), fmt, frame.index, frame.index, 1 / FILM_RATE, 1)
                writer.write(grey)
    writer.temporary.replace(target)


def scan_grain(path: Path) -> GrainSegment:
    """Grain of the 35 mm scan, measured in its flat parts."""
    planes = _ycbcr(path)
    height, width = planes[0].shape
    fmt = FrameFormat(width, height, "yuv", 0, 0, 8, ColorInfo(1, 1, 1, 2))
    analyzer = GrainAnalyzer(fmt)
    analyzer.observe(Frame(planes, fmt, 0, 0, Fraction(1)))
    return analyzer.finish()


def _ycbcr(path: Path) -> tuple[NDArray[np.float32], ...]:
    from PIL import Image

    red, green, blue = np.moveaxis(np.asarray(Image.open(path).convert("RGB"), np.float32) / 255, 2, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return luma, (blue - luma) / 1.8556 + 0.5, (red - luma) / 1.5748 + 0.5


def flower(source: Path, grain: GrainSegment, target: Path) -> None:
    """The clean clip, 4:2:2, 10 bit, grained."""
    with Reader(source) as reader:
        fmt = replace(reader.info.video.fmt, sub_h=0, bits=10, color=ColorInfo(1, 1, 1, 1))
        with _writer(target, fmt, "prores", FLOWER_RATE) as writer:
            for frame in reader:
                writer.write(_grained(frame, fmt, grain))
    writer.temporary.replace(target)


def _grained(frame: Frame, fmt: FrameFormat, grain: GrainSegment) -> Frame:
    deep = Depth(10).process([frame], frame.index)
    clean = (deep.planes[0], *(np.repeat(p, 2, 0)[: fmt.height] for p in deep.planes[1:]))
    planes = [p + g for p, g in zip(clean, _grains(clean, grain, frame.index), strict=True)]
    peak = np.float32(fmt.peak)
    rounded = tuple((np.clip(np.rint(p * peak), 0, peak) / peak).astype(np.float32) for p in planes)
    return Frame(rounded, fmt, frame.index, frame.index, 1 / FLOWER_RATE, 1)


def _grains(
    clean: Sequence[NDArray[np.float32]], grain: GrainSegment, index: int
) -> Iterator[NDArray[np.floating]]:
    """Independent filtered noise for every plane, scaled by the strength curve."""
    # measured at 4:4:4; in 4:2:2 a chroma sample is twice as wide as high
    chroma = Spectrum(grain.chroma.size * 0.5**0.5, 0.5)
    spectra = (grain.spectrum, chroma, chroma)
    for k, (plane, spectrum) in enumerate(zip(clean, spectra, strict=True)):
        rng = np.random.default_rng((SEED, index, k))
        strength = (1.0, grain.chroma.cb, grain.chroma.cr)[k]
        luma = clean[0] if k == 0 else (clean[0][:, ::2] + clean[0][:, 1::2]) / 2
        yield strength * grain.sigma(luma) * _field(plane.shape, spectrum, rng)


def _field(shape: tuple[int, ...], spectrum: Spectrum, rng: np.random.Generator) -> NDArray[np.floating]:
    """Unit-variance noise with the two-Gaussian amplitude response of ``grain.profile.Spectrum``."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    across, down = spectrum.size * spectrum.anisotropy**0.5, spectrum.size / spectrum.anisotropy**0.5

    def lobe(scale: float) -> NDArray[np.floating]:
        response = np.exp(-2 * (np.pi * scale) ** 2 * ((fx * across) ** 2 + (fy * down) ** 2))
        return response / np.sqrt((response**2).mean())

    response = (1 - abs(spectrum.weight)) * lobe(1.0) + spectrum.weight * lobe(spectrum.spread)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * response, shape)
    return noise / noise.std()


def _writer(target: Path, fmt: FrameFormat, codec: str, rate: Fraction) -> Writer:
    spec = encoder_for(codec, fmt, preset="hq" if codec == "prores" else None)
    return Writer(target, None, spec, fmt, time_base=1 / rate, rate=rate)


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m benchmarks make_clips", description=__doc__).parse_args(arguments)
    test = material.data()
    train = test.parent / "train"
    film(test / "film_video" / "great_train_robbery_1903", CLIPS / "great_train_robbery_1903.mkv")
    grain = scan_grain(test / SCAN)
    print(f"35 mm scan: {grain}")
    flower(train / "video_clean" / "flower.mkv", grain, CLIPS / "flower_35mm.mov")
    for path in sorted(CLIPS.glob("*.m*")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    return 0
