"""Classical grain estimation: level, strength curve, spectrum, chroma and skew of one shot.

Feed consecutive frames in bursts: grain is what differs between a frame and the next where the
picture does not. Bursts of two or three consecutive frames spread over the shot are best (every
two neighbours make one measurement; 12 to 24 of them are plenty). Frames without a neighbour are
used only if the shot holds no pair at all; then picture and grain can be told apart by frequency
alone, which is less certain, and ``confidence`` says so. With ``ref`` the user's own denoised frame
takes the neighbour's place.

Limits: grain that repeats from frame to frame (baked into a still, or copied by a codec) counts
as picture. What the source had before graining (camera noise) is part of what is measured. A
strength in parts where every block is textured and moves is read from the rest of the curve.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import correction_fit, curve_fit, flat, judged, samples, spectrum_fit
from filmgrain_codec.grain.chroma_fit import fit_chroma, fit_kurtosis, fit_skew
from filmgrain_codec.grain.curve_fit import CurveFit
from filmgrain_codec.grain.flat import BINS, Array, Follow
from filmgrain_codec.grain.judged import Judge
from filmgrain_codec.grain.profile import FLAT_CURVE, LEVEL_MAX, WRITTEN_LAW, Curve, GrainSegment, Spectrum
from filmgrain_codec.grain.samples import Samples

Field = NDArray[np.float64]

_ROUNDS = 3
_MOST_BLOCKS = 16000
_MOST_SINGLES = 8
_PATCHES = 48
"""Patches judged per single frame."""
_VANISHED = 2e-4
_CURVE_MOST = 8.0
_MIXED, _PURE = (1.15, 0.2), (1.5, 0.35)
"""How far means may lie above what low quantiles say and count as grain, and which quantiles: of blocks that
may hold picture, and of pure ones."""
_UNSURE, _SURER, _COARSE = 0.3, 1.5, 1.6
"""Confidence below which another start is tried and which it must reach, how much surer it must be than the
first, and its size in samples."""
_SUREST = 150
"""Of the former, how many are asked for the spectrum."""


class GrainAnalyzer:
    """Measures the grain of one shot; an ``Analyzer`` of ``GrainSegment``.

    ``fmt``: format of the frames. ``ref``: every ``observe`` brings the same frame, denoised. ``follow``
    matches blocks of consecutive frames to the sample; without it they are matched to 4 samples, which
    reads 10 to 20 % too much where everything is textured and moves fast. ``judge``: a second opinion
    on patches, asked where no two frames could be compared (see ``grain.judged``).
    """

    def __init__(
        self,
        fmt: FrameFormat,
        *,
        ref: bool = False,
        follow: Follow | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._fmt, self._ref, self._follow, self._judge = fmt, ref, follow, judge
        self._patches: list[Array] = []
        self._previous: Frame | None = None
        self._pairs: list[Samples] = []
        self._singles: list[Samples] = []
        self._occupancy = np.zeros(BINS)
        self._first: int | None = None
        self._last = 0

    def observe(self, frame: Frame, ref: Frame | None = None) -> None:
        """Take one frame, indices rising; raises ``UsageError`` for a wrong or missing ``ref``."""
        self._note(frame)
        if self._ref:
            if ref is None or [p.shape for p in ref.planes] != [p.shape for p in frame.planes]:
                raise UsageError(f"Frame {frame.index} needs its denoised version of the same size.")
            self._keep(samples.of_reference(frame.planes, ref.planes, self._fmt))
            return
        before, self._previous = self._previous, frame
        if before is not None and before.index + 1 == frame.index:
            grid = samples.GRIDS[frame.index % len(samples.GRIDS)]
            self._keep(samples.of_pair(before.planes, frame.planes, self._fmt, self._follow, grid))
        elif len(self._singles) < _MOST_SINGLES:
            self._singles.append(samples.of_frame(frame.planes, self._fmt))
            if self._judge is not None:
                self._patches.append(judged.patches(frame.planes[0], _PATCHES))

    def _note(self, frame: Frame) -> None:
        luma = frame.planes[0][::4, ::4]
        self._occupancy += np.bincount(flat.luma_bin(luma).ravel(), minlength=BINS)
        self._first = frame.index if self._first is None else min(self._first, frame.index)
        self._last = max(self._last, frame.index)

    def _keep(self, found: Samples) -> None:
        if not len(found):
            return
        self._pairs.append(found)
        count = sum(len(p) for p in self._pairs)
        if count > _MOST_BLOCKS:
            whole = Samples.join(self._pairs)
            energy = whole.picture[:, spectrum_fit.low_band()].sum(1)
            self._pairs = [whole.take(flat.lowest(energy, whole.luma, 0.7 * _MOST_BLOCKS / count, 100))]

    def finish(self) -> GrainSegment:
        """The segment of the frames seen (first to last); its seed is 0 and left to the caller.

        With nothing to measure the level is 0 and so is the confidence.
        """
        start = self._first or 0
        end = self._last + 1 if self._first is not None else start
        parts = self._pairs or [s for s in self._singles if len(s)]
        if not parts:
            return GrainSegment(start, end, 0.0, confidence=0.0)
        occupancy = self._occupancy / max(self._occupancy.sum(), 1.0)
        found = measure(Samples.join(parts), self._fmt, occupancy, single=not self._pairs)
        segment = _segment(found, self._fmt, occupancy, start, end)
        if self._judge is None or self._pairs or not self._patches:
            return segment
        return judged.second_opinion(segment, judged.judged(self._judge, np.concatenate(self._patches)))


def estimate_frames(
    frames: Iterable[Frame], follow: Follow | None = None, judge: Judge | None = None
) -> GrainSegment:
    """Grain of some frames of one shot; raises ``UsageError`` if there is none."""
    analyzer: GrainAnalyzer | None = None
    for frame in frames:
        analyzer = analyzer or GrainAnalyzer(frame.fmt, follow=follow, judge=judge)
        analyzer.observe(frame)
    if analyzer is None:
        raise UsageError("No frame was given to estimate grain from.")
    return analyzer.finish()


@dataclass(frozen=True, slots=True)
class Measured:
    """What the block statistics of a shot say, before it becomes a segment."""

    samples: Samples
    curve: CurveFit
    spectrum: Spectrum
    misfit: float
    variance: Field
    single: bool


def measure(found: Samples, fmt: FrameFormat, occupancy: Field, single: bool = False) -> Measured:
    """Strength curve and spectrum of a shot.

    Taken for fine, coarse grain over fine camera noise leaves hardly a block that passes for grain alone:
    then it is begun again from coarse grain, and what explains far more of the blocks holds.
    """
    first = _measured(found, fmt, occupancy, single, Spectrum())
    sure = _confidence(first, occupancy)
    if single or sure >= _UNSURE:
        return first
    second = _measured(found, fmt, occupancy, single, Spectrum(_COARSE))
    return second if _confidence(second, occupancy) >= max(_UNSURE, _SURER * sure) else first


def _measured(found: Samples, fmt: FrameFormat, occupancy: Field, single: bool, start: Spectrum) -> Measured:
    """Strength curve and spectrum, each fitted with the other's last result."""
    floor = 1.0 / (12.0 * fmt.peak**2)
    spectrum, misfit = start, 10.0
    for _ in range(_ROUNDS):
        model = spectrum_fit.expected(spectrum)
        curve = curve_fit.fit(found, model, floor, occupancy, single)
        luma, factor = curve_fit.unclipped(found)
        variance = np.maximum(curve_fit.block_variance(curve.knots, found, luma), curve_fit.LEAST)
        best, chosen = _best(curve, factor)
        if len(best) < curve_fit.FEWEST:
            break
        best = best[:_SUREST] if chosen else best
        powers = (found.grain[best] - floor) / variance[best, None, None]
        spectrum, misfit = _spectrum(powers, not chosen, spectrum.size)
    return Measured(found, curve, spectrum, misfit, variance, single)


def _spectrum(powers: Field, pure: bool, start: float) -> tuple[Spectrum, float]:
    """Spectrum of blocks (n, 16, 16) of grain of unit variance, and the misfit of its Gaussians."""
    trust = _PURE if pure else _MIXED
    fitted = spectrum_fit.fit(spectrum_fit.typical(powers, *trust), (16, 16), pure=pure, start=start)
    rings = spectrum_fit.sure(correction_fit.rings(powers), correction_fit.sizes(), *trust)
    doubt = correction_fit.PURE if pure else correction_fit.MIXED
    return correction_fit.corrected(rings, fitted.spectrum, doubt), fitted.rms


def _best(curve: CurveFit, factor: Field) -> tuple[NDArray[np.int64], bool]:
    """Unclipped blocks of grain alone, and whether the grain itself played a part in the choice.

    Pure ones, where there are enough; else the most trusted: all good ones, or the best 200.
    """
    trust = curve.trust * (factor < 1.05)
    calm = np.flatnonzero((curve.pure > 0.5) & (factor < 1.05))
    if len(calm) >= max(200, 0.5 * (trust > 0.7).sum()):
        return calm, False
    order = np.argsort(-trust, kind="stable")
    return order[: max(200, int((trust > 0.7).sum()))][: int((trust > 0).sum())], True


def _segment(found: Measured, fmt: FrameFormat, occupancy: Field, start: int, end: int) -> GrainSegment:
    knots = found.curve.knots
    level = float(curve_fit.at(knots, np.array([0.5]))[0])
    confidence = _confidence(found, occupancy)
    if level < _VANISHED:
        return GrainSegment(start, end, 0.0, confidence=confidence)
    ratios = np.clip(knots / level, 0.0, _CURVE_MOST)
    curve: Curve = tuple(float(r) for r in ratios) if level <= LEVEL_MAX else FLAT_CURVE  # type: ignore[assignment]
    best, _ = _best(found.curve, np.ones(len(found.samples)))
    chroma = fit_chroma(found.samples.take(best), found.variance[best] / level**2, level, found.spectrum, fmt)
    made = GrainSegment(
        start,
        end,
        min(level, LEVEL_MAX),
        curve,
        found.spectrum,
        chroma,
        confidence=confidence,
        law=WRITTEN_LAW,
    )
    pure = np.flatnonzero(found.curve.pure > 0.1)
    doubt = _doubt(found.curve)
    skew, slope = fit_skew(found.samples.take(pure), found.variance[pure], made, doubt)
    made = replace(made, skew=skew, skew_slope=slope)
    if found.single:
        return made
    # what little picture is left in pure blocks is enough to raise it
    surest = pure[np.argsort(-found.curve.trust[pure], kind="stable")][: max(len(pure) // 2, 100)]
    kurtosis, steep = fit_kurtosis(found.samples.take(surest), found.variance[surest], made, doubt)
    return replace(made, kurtosis=kurtosis, kurtosis_slope=steep)


def _doubt(curve: CurveFit) -> float:
    """0..1: how much fewer blocks there are in tones of grain alone than are trusted.

    Where everything moves, tones pass for such that are not quite, which third and fourth moments show first.
    """
    return max(0.0, 1.0 - float((curve.pure > 0.5).sum()) / max(float((curve.trust > 0.7).sum()), 1.0))


def _confidence(found: Measured, occupancy: Field) -> float:
    """0..1: enough trusted blocks, over the picture's tones and near luma 0.5, and a spectrum that fits."""
    trusted = float(found.curve.trust.sum())
    enough = 1.0 - np.exp(-trusted / 80.0)
    covered = float(occupancy[found.curve.worth >= 2.0].sum() / max(occupancy.sum(), 1e-9))
    fits = np.exp(-((found.misfit / 2.5) ** 2))
    value = enough * (0.4 + 0.6 * covered) * (0.3 + 0.7 * fits) * (0.6 + 0.4 * _seen_at_half(found))
    return float(np.clip(value * (0.5 if found.single else 1.0), 0.0, 1.0))


def _seen_at_half(found: Measured) -> float:
    """0..1: whether the level was read near luma 0.5 or comes from the rest of the curve."""
    near = found.curve.trust[np.abs(found.samples.luma - 0.5) < 0.1]
    if not len(near):
        return 0.0
    return float((1.0 - np.exp(-near.sum() / 20.0)) * min(1.0, 2.5 * near.mean()))
