"""The two-Gaussian spectrum seen through block DCTs, and its fit to measured grain.

Expected powers are exact: the covariance of the very filter of the synthesizer
(``filters.gaussian_taps``) is taken through the DCT of the block, so neither windows nor the block
mean need a correction. The lowest coefficients are left out of every fit, because slow picture
remnants live there, and both sides get a small floor so that frequencies that carry no visible
power do not steer it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import overload

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.filters import GrainFilter, Taps, gaussian_taps, grain_filter
from filmgrain_codec.grain.profile import Spectrum

Field = NDArray[np.float64]

SIZE_RANGE = (0.25, 3.0)
ANISOTROPY_RANGE = (0.5, 2.0)
SPREAD_RANGE = (1.3, 4.0)
WEIGHT_RANGE = (-0.35, 0.7)
WIDEST = 2.4
"""Largest second lobe, samples: a wider one lies where the blocks see picture, not grain."""
LOWEST = 2.9
"""DCT radius from which coefficients count as grain; lower ones only serve to reject picture."""
_FLOOR = 3e-3
_HUBER = 0.35
_SECOND_LOBE_GAIN, _SURE_GAIN = (0.4, 4e-3), (0.6, 2e-3)
"""A second lobe must lower the cost to this share and by this much, or the simpler spectrum is kept."""
_STEPS = 25


@lru_cache(maxsize=8)
def dct_matrix(side: int) -> Field:
    """Orthonormal DCT-II, rows = coefficients."""
    k, i = np.arange(side)[:, None], np.arange(side)[None, :]
    matrix = np.cos(np.pi * k * (2 * i + 1) / (2 * side)) * np.sqrt(2.0 / side)
    matrix[0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float64)


@lru_cache(maxsize=8)
def radius(rows: int, columns: int) -> Field:
    """Radius of every DCT coefficient (rows, columns), in steps of 1/32 cycle per sample."""
    down, across = np.arange(rows) * (16.0 / rows), np.arange(columns) * (16.0 / columns)
    return np.asarray(np.hypot(down[:, None], across[None, :]), np.float64)


def _line(first: float, second: float, side: int) -> tuple[Field, float]:
    """DCT powers (side) and variance of the covariance of two Gaussians in one direction."""
    lags = _lags(gaussian_taps(first), gaussian_taps(second), side)
    i = np.arange(side)
    toeplitz = lags[np.abs(i[:, None] - i[None, :])]
    dct = dct_matrix(side)
    return np.einsum("ki,ij,kj->k", dct, toeplitz, dct, optimize=True), float(lags[0])


def _lags(first: Taps, second: Taps, side: int) -> Field:
    """Covariance of two half kernels at lags 0 to ``side`` - 1."""
    covariance = np.convolve(_symmetric(first), _symmetric(second))
    middle = len(covariance) // 2
    lags = np.zeros(side)
    reach = min(side - 1, middle)
    lags[: reach + 1] = covariance[middle : middle + reach + 1]
    return lags


def _symmetric(taps: Taps) -> Field:
    half = np.array(taps)
    return np.concatenate([half[:0:-1], half])


def expected(spectrum: Spectrum, rows: int = 16, columns: int = 16) -> Field:
    """Expected squared DCT coefficients (rows, columns) of unit-variance grain with this spectrum."""
    if spectrum.corrected:
        return of_covariance(covariance(grain_filter(spectrum), rows, columns))
    stretch = float(np.sqrt(spectrum.anisotropy))
    lobes = [(1.0 - abs(spectrum.weight), spectrum.size)]
    if spectrum.weight:
        lobes.append((spectrum.weight, spectrum.size * spectrum.spread))
    power, variance = np.zeros((rows, columns)), 0.0
    for i, (first_weight, first) in enumerate(lobes):
        for j, (second_weight, second) in enumerate(lobes[i:], i):
            share = first_weight * second_weight * (1.0 if i == j else 2.0)
            down, down_variance = _line(first / stretch, second / stretch, rows)
            across, across_variance = _line(first * stretch, second * stretch, columns)
            power += share * np.outer(down, across)
            variance += share * down_variance * across_variance
    return np.asarray(np.maximum(power / max(variance, 1e-9), 1e-9), np.float64)


def covariance(grain: GrainFilter, rows: int, columns: int) -> Field:
    """Covariance of unit white noise behind a filter, at lags 0 to ``rows`` - 1 and ``columns`` - 1."""
    total = np.zeros((rows, columns))
    for i, a in enumerate(grain.terms):
        for j, b in enumerate(grain.terms[i:], i):
            share = a.weight * b.weight * (1.0 if i == j else 2.0)
            down, across = _lags(a.vertical, b.vertical, rows), _lags(a.horizontal, b.horizontal, columns)
            total += share * np.outer(down, across)
    return total


def of_covariance(lags: Field) -> Field:
    """Expected squared DCT coefficients (rows, columns) of an even covariance at lags from 0 on."""
    down, across = (_shares(n) for n in lags.shape)
    return np.asarray(np.maximum(down @ lags @ across.T, 1e-9), np.float64)


@lru_cache(maxsize=8)
def _shares(side: int) -> Field:
    """What every lag's covariance counts for in each coefficient's power, (side, side)."""
    apart = np.abs(np.arange(side)[:, None] - np.arange(side)[None, :]).ravel()
    return np.stack([np.bincount(apart, np.outer(row, row).ravel(), side) for row in dct_matrix(side)])


_EDGES = {16: (0, 1, 2, 3, 4, 6, 8, 12, 16), 8: (0, 1, 2, 3, 4, 6, 8)}


def _cell_edges(side: int) -> NDArray[np.int64]:
    return np.array(_EDGES.get(side, range(side + 1)))


def cells(power: NDArray[np.floating]) -> Field:
    """Means of (..., rows, columns) DCT powers over cells that widen with frequency, (..., c, c)."""
    down, across = (_cell_edges(n)[:-1] for n in power.shape[-2:])
    summed = np.add.reduceat(np.add.reduceat(power, down, -2), across, -1)
    return np.asarray(summed / areas(*power.shape[-2:]), np.float64)


def areas(rows: int, columns: int) -> Field:
    """Coefficients in each cell."""
    return np.asarray(np.outer(np.diff(_cell_edges(rows)), np.diff(_cell_edges(columns))), np.float64)


def typical(power: NDArray[np.floating], most: float = 1.15, quantile: float = 0.35) -> Field:
    """Cell powers (c, c) of grain from those of n blocks, some of which hold picture as well.

    A low quantile over blocks, scaled to the mean by the chi-square law that pure Gaussian grain
    follows, so that picture in up to half of the blocks hardly matters. Means that are not larger
    than ``most`` times that are taken as they are: they depend on no law.
    """
    return sure(cells(power), areas(*power.shape[-2:]), most, quantile)


def sure(found: Field, freedom: Field, most: float, quantile: float) -> Field:
    """``typical`` of means (n, ...) over so many coefficients each."""
    low = np.quantile(found, quantile, axis=0) / chi_square(quantile, freedom)
    return np.asarray(np.minimum(found.mean(0), most * low), np.float64)


@overload
def chi_square(quantile: float, freedom: float) -> float: ...
@overload
def chi_square(quantile: float, freedom: Field) -> Field: ...
def chi_square(quantile: float, freedom: float | Field) -> float | Field:
    """A quantile over the mean of the chi-square law with so many degrees of freedom.

    Wilson and Hilferty's approximation.
    """
    part = 2.0 / (9.0 * freedom)
    return (1 - part + NormalDist().inv_cdf(quantile) * part**0.5) ** 3


def band(model: Field) -> NDArray[np.bool_]:
    """Coefficients in which strength is measured: above the picture's, within 9 dB of the peak."""
    high = radius(*model.shape) >= LOWEST
    strong = model >= 0.12 * model[high].max()
    return np.asarray(high & strong, np.bool_)


def low_band(rows: int = 16, columns: int = 16) -> NDArray[np.bool_]:
    """Coefficients that tell picture from grain: below ``band``, without the mean and the slopes."""
    r = radius(rows, columns)
    return np.asarray((r > 1.2) & (r < LOWEST), np.bool_)


@dataclass(frozen=True, slots=True)
class SpectrumFit:
    """A fitted spectrum; ``rms`` is the misfit in dB over the coefficients used."""

    spectrum: Spectrum
    rms: float


def fit(
    measured: Field,
    shape: tuple[int, int],
    *,
    second_lobe: bool = True,
    pure: bool | None = None,
    start: float = 0.8,
    anisotropy: float | None = None,
) -> SpectrumFit:
    """The spectrum whose expected DCT powers in blocks of ``shape`` are nearest to ``measured``.

    ``measured``: powers per cell, as ``typical`` or ``cells`` gives them, any scale. ``pure``: of
    blocks of grain alone; False: of blocks that may hold picture and were chosen by what lies below
    ``LOWEST``, so that nothing is read there and no second lobe adds slow grain. ``start``: a first guess
    of the size. ``anisotropy``: a value to keep instead of fitting one. Powers that are nowhere positive
    give the default spectrum and a misfit of 20 dB.
    """
    if not measured.max() > 0.0:
        return SpectrumFit(Spectrum(), 20.0)
    problem = _Problem(measured, shape, anisotropy, (1.0 if pure is False else 0.65) * LOWEST)
    single = problem.descend(np.array([np.log(start), 0.0]))
    best = single
    if second_lobe:
        starts = [(-0.2, 1.8), *([] if pure is False else [(0.25, 2.2), (0.5, 2.8)])]
        tried = [problem.descend(np.array([*single, w, np.log(s)])) for w, s in starts]
        double, alone = min(tried, key=problem.cost), problem.cost(single)
        gain, least = _SURE_GAIN if pure else _SECOND_LOBE_GAIN
        allowed = pure is not False or double[2] < 0
        if allowed and problem.cost(double) < min(gain * alone, alone - least):
            best = double
    return SpectrumFit(problem.spectrum(best), float(10.0 / np.log(10.0) * problem.rms(best)))


def spectrum_of(parameters: Field) -> Spectrum:
    """Spectrum of (log size, log anisotropy[, weight, log spread])."""
    size, anisotropy = (float(np.exp(p)) for p in parameters[:2])
    if len(parameters) == 2:
        return Spectrum(size=size, anisotropy=anisotropy)
    spread = min(float(np.exp(parameters[3])), max(WIDEST / size, SPREAD_RANGE[0]))
    return Spectrum(size, anisotropy, float(parameters[2]), spread)


_BOUNDS = np.array([np.log(SIZE_RANGE), np.log(ANISOTROPY_RANGE), WEIGHT_RANGE, np.log(SPREAD_RANGE)])


class _Problem:
    """Robust least squares in log power, scale free."""

    def __init__(
        self, measured: Field, shape: tuple[int, int], anisotropy: float | None, lowest: float
    ) -> None:
        self.shape, self.anisotropy = shape, anisotropy
        at = cells(radius(*shape))
        self.used = (at >= lowest) & (at <= 16.0)
        # acceptance is radial: what counts is how much of the radius a cell stands for
        self.weight = areas(*shape)[self.used] / at[self.used]
        self.weight /= self.weight.sum()
        self.log = self._log(measured)

    def spectrum(self, parameters: Field) -> Spectrum:
        found = spectrum_of(parameters)
        return found if self.anisotropy is None else replace(found, anisotropy=self.anisotropy)

    def _log(self, power: Field) -> Field:
        used = power[self.used]
        return np.asarray(np.log(np.maximum(used / max(float(used.max()), 1e-30), 0.0) + _FLOOR), np.float64)

    def residuals(self, parameters: Field) -> Field:
        difference = self.log - self._log(cells(expected(self.spectrum(parameters), *self.shape)))
        trust = self._trust(difference - np.median(difference))
        return np.asarray(difference - np.average(difference, weights=trust), np.float64)

    def _trust(self, residual: Field) -> Field:
        return np.asarray(self.weight * np.minimum(1.0, _HUBER / np.maximum(np.abs(residual), 1e-9)))

    def cost(self, parameters: Field) -> float:
        r = np.abs(self.residuals(parameters))
        huber = np.where(r < _HUBER, 0.5 * r * r, _HUBER * (r - 0.5 * _HUBER))
        return float((self.weight * huber).sum())

    def rms(self, parameters: Field) -> float:
        return float(np.sqrt((self.weight * self.residuals(parameters) ** 2).sum()))

    def descend(self, start: Field) -> Field:
        """Levenberg-Marquardt with numerical derivatives and Huber weights."""
        at, damping, cost = self._inside(start), 1e-2, self.cost(start)
        for _ in range(_STEPS):
            trial = self._inside(at + self._step(at, damping))
            new = self.cost(trial)
            if new < cost:
                done = cost - new < 1e-5 * cost
                at, cost, damping = trial, new, max(damping / 5, 1e-6)
                if done:
                    break
            else:
                damping *= 8
                if damping > 1e5:
                    break
        return at

    def _step(self, at: Field, damping: float) -> Field:
        r, h = self.residuals(at), 1e-3
        jacobian = np.stack([(self.residuals(at + h * e) - r) / h for e in np.eye(len(at))], 1)
        w = self._trust(r)
        normal = jacobian.T @ (w[:, None] * jacobian)
        normal += damping * np.diag(np.diag(normal) + 1e-6)
        return np.asarray(np.clip(np.linalg.solve(normal, -jacobian.T @ (w * r)), -0.5, 0.5), np.float64)

    @staticmethod
    def _inside(p: Field) -> Field:
        bounds = _BOUNDS[: len(p)]
        return np.asarray(np.clip(p, bounds[:, 0], bounds[:, 1]), np.float64)
