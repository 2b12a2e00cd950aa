"""All realism figures of one set of grain against another, from sums that are taken frame by frame.

``tally`` reads frames once; tallies of clips of any sizes add up, and ``figures`` compares two of them by
the metrics of ``grain.metrics``. Beside each figure stands its floor, from two halves of the real set:
``halved``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain import metrics
from filmgrain_codec.grain.metrics import Array

Field = NDArray[np.float64]
Figures = dict[str, float | None]
REACH = 3
PERIOD = 16
"""Tiles and blocks of synthesizers repeat at multiples of this many samples."""
COLOURED = 0.02
"""Chroma grain below this share of luma's counts as none, as the estimator has it."""
ENOUGH = 500_000
"""Effective samples from which a target counts as it stands."""
NEAR_FLOOR = 1.5
"""Times the floor that a figure may be where there are fewer."""
TARGETS = {
    "curve": 0.05, "curve_worst": 0.12, "psd_db": 0.5, "acf": 0.03, "channels": 0.05, "skew": 0.1,
    "kurtosis": 0.2, "temporal": 0.01, "periodic": 0.01, "shift": 0.25,
}  # fmt: skip
"""The most that a figure may be."""
OVER_FLOOR = {"kld": 2.0, "jsd": 2.0, "nss": 2.0}
"""The most that a figure may be over its floor."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over frames of grain; see the functions of ``grain.metrics`` that make them.

    ``spectra``: (planes, 64, 64). ``lags``: (7, 7) summed autocovariances of luma.
    """

    powers: Field
    codes: Field
    spectra: Field
    lags: Field
    products: Field
    nss: Field

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def samples(self) -> float:
        return float(self.powers[:, 0].sum())

    @property
    def effective(self) -> float:
        """N / sum of squared autocorrelations of luma: squared mean of its spectrum over mean square."""
        power = self.spectra[0]
        return self.samples * float(power.mean() ** 2 / max((power**2).mean(), 1e-60))

    @property
    def acf(self) -> Field:
        return self.lags / max(float(self.lags[REACH, REACH]), 1e-30)

    @property
    def coloured(self) -> bool:
        sigma = np.sqrt(np.diag(self.products))
        return bool(len(sigma) > 1 and sigma[1:].max() > COLOURED * sigma[0])


def tally(grain: Sequence[Array], luma: Array) -> Tally:
    """The sums of one clip.

    ``grain``: per plane (frames, rows, columns), what was added. ``luma``: the clean luma under it.
    Fractions of full scale.
    """
    own = metrics.autocorrelation(grain[0], REACH) * float(np.var(grain[0])) * np.size(grain[0])
    return Tally(
        metrics.power_sums(grain[0], luma),
        metrics.code_counts(grain[0], luma),
        np.stack([metrics.spectrum_sums(p) for p in grain]),
        own,
        metrics.product_sums(grain),
        metrics.nss_counts(np.asarray(luma) + grain[0]),
    )


def figures(real: Tally, fake: Tally) -> Figures:
    """Every figure that two tallies give; chroma's are None where the real grain is grey.

    ``curve``, ``curve_worst``: ln of strength over luma. ``psd_db``, ``psd_worst_db``: luma spectrum, RMS
    and largest. ``acf``: L2 over 7 x 7. ``skew``, ``kurtosis``: worst third of luma. ``kld``, ``jsd``:
    grain given luma, in nats. ``nss``: JSD-NSS. ``shift``: brightness in 8-bit codes. ``channels``:
    correlation. ``psd_chroma_db``, ``chroma_strength`` (ln): the worse plane.
    """
    mine, theirs = metrics.curve_of(fake.powers), metrics.curve_of(real.powers)
    curve = metrics.curve_error(mine.sigma, theirs.sigma, theirs.occupancy)
    ratio = metrics.psd_ratio(metrics.radial(fake.spectra[0]), metrics.radial(real.spectra[0]))
    skew, kurtosis = metrics.largest_difference(
        metrics.moments_of(real.powers), metrics.moments_of(fake.powers)
    )
    told = metrics.divergence_of(real.codes, fake.codes)
    return {
        "curve": curve.mean,
        "curve_worst": curve.worst,
        "psd_db": float(np.sqrt((ratio**2).mean())),
        "psd_worst_db": float(np.abs(ratio).max()),
        "acf": float(np.linalg.norm(fake.acf - real.acf)),
        "skew": skew,
        "kurtosis": kurtosis,
        "kld": told.kld,
        "jsd": told.jsd,
        "nss": metrics.divergence(real.nss, fake.nss).jsd,
        "shift": metrics.shift_by_luma(fake.powers),
        **_colour(real, fake),
    }


def _colour(real: Tally, fake: Tally) -> Figures:
    if not real.coloured:
        return {"channels": None, "psd_chroma_db": None, "chroma_strength": None}
    pairs = list(zip(real.spectra[1:], fake.spectra[1:], strict=True))
    spectra = [metrics.psd_distance(metrics.radial(a), metrics.radial(b)) for a, b in pairs]
    mine, theirs = metrics.correlation_of(fake.products), metrics.correlation_of(real.products)
    energy = [np.maximum(np.diag(t.products)[1:], 1e-12) for t in (fake, real)]
    strength = np.log(energy[0] / energy[1]) / 2
    return {
        "channels": float(np.abs(np.nan_to_num(mine) - theirs).max()),
        "psd_chroma_db": max(spectra),
        "chroma_strength": float(np.abs(strength).max()),
    }


def halved(real: tuple[Tally, Tally], fake: tuple[Tally, Tally]) -> tuple[Figures, Figures]:
    """Figures of half sets, and their floors: (synthetic against the other half of real, real against real).

    Both sides hold the same number of samples, as divergences need: they grow as samples get fewer.
    """
    crossed = [figures(real[0], fake[1]), figures(real[1], fake[0])]
    means = {k: None if v is None else (v + (crossed[1][k] or 0.0)) / 2 for k, v in crossed[0].items()}
    return means, figures(*real)


def in_time(clips: Sequence[Array]) -> Figures:
    """What the grain of several clips (frames, rows, columns) repeats.

    ``temporal``: largest correlation of consecutive frames at lags up to 3 samples; None for single frames.
    ``periodic``: largest at lags that are multiples of ``PERIOD``, within a frame or from one to the next.
    """
    between = _pooled([(g[:-1], g[1:]) for g in clips if len(g) > 1])
    within = _pooled([(g, g) for g in clips])
    near = None if between is None else float(np.abs(_middle(between, (REACH, REACH))).max())
    far = [_at_periods(m) for m in (between, within) if m is not None]
    return {"temporal": near, "periodic": max(far) if far else None}


def _pooled(pairs: Sequence[tuple[Array, Array]]) -> Field | None:
    """Mean correlation at all lags that every pair has, lag 0 in the middle."""
    if not pairs:
        return None
    reach = tuple((min(np.shape(a)[k] for a, _ in pairs) - 1) // 2 for k in (1, 2))
    maps = [_middle(np.fft.fftshift(metrics.lag_map(a, b)), (reach[0], reach[1])) for a, b in pairs]
    return np.average(maps, 0, [np.size(a) for a, _ in pairs])


def _middle(centred: Field, reach: tuple[int, int]) -> Field:
    (y, x), (down, across) = (n // 2 for n in centred.shape), reach
    return centred[y - down : y + down + 1, x - across : x + across + 1]


def _at_periods(centred: Field) -> float:
    """Largest amount at multiples of ``PERIOD`` in either direction, lag 0 left out."""
    y, x = (n // 2 for n in centred.shape)
    found = np.abs(centred[y % PERIOD :: PERIOD, x % PERIOD :: PERIOD])
    found[y // PERIOD, x // PERIOD] = 0.0
    return float(found.max())


@dataclass(frozen=True, slots=True)
class Findings:
    """Figures of whole sets; of half sets beside their floors; and what the sets are worth.

    ``effective``: effective samples of the smaller set.
    """

    whole: Figures
    half: Figures
    floor: Figures
    effective: float

    def passed(self) -> dict[str, bool]:
        """Which figures reach their targets; one that was not taken is left out.

        With fewer than ``ENOUGH`` effective samples the half sets must come within 1.5 times their floor.
        """
        fewer = self.effective < ENOUGH
        limits = {name: self._floor(name, NEAR_FLOOR) if fewer else most for name, most in TARGETS.items()}
        values = {name: (self.half if fewer else self.whole).get(name) for name in TARGETS}
        limits |= {name: self._floor(name, times) for name, times in OVER_FLOOR.items()}
        values |= {name: self.half.get(name) for name in OVER_FLOOR}
        return {n: v <= limits[n] for n, v in values.items() if v is not None}

    def _floor(self, name: str, times: float) -> float:
        return times * (self.floor.get(name) or 0.0)
