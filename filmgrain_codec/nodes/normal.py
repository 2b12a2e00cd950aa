"""What the removal nets are given: differences to the neighbours and detail, in units of sigma.

The same arithmetic as ``train.networks.removal.normalised`` (a test holds them together), in stripes
that stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.packed import PHASES, pack, unpack
from filmgrain_codec.nodes.sigma import SIGMA_FLOOR
from filmgrain_codec.nodes.stripes import Grown, Rows, bordered, mirrored, stripes

Array = NDArray[np.float32]
Blank = Callable[[tuple[int, ...]], Array]
DIFFERENCE, DETAIL, SIGMA = (np.float32(v) for v in (0.5, 0.25, 10.0))
MOST = np.float32(4.0)
LOWPASS = 8
"""Sides are mirrored out to multiples of this."""


class Inputs:
    """What a net is given of one window, packed (1, 4 * planes, rows / 2, columns / 2), a few rows at a time.

    ``frames``: the planes of every frame of the window, motion-compensated, the centre in the middle;
    ``sigma``: expected grain of every plane; ``guide``: luma with and without grain, for chroma.
    ``size``: packed rows and columns, mirrored out to multiples of 8 samples.
    """

    def __init__(
        self, frames: Sequence[Sequence[Rows]], sigma: Sequence[Rows], guide: Sequence[Plane] = ()
    ) -> None:
        middle = len(frames) // 2
        self._centre = [np.asarray(plane) for plane in frames[middle]]
        self._others = [plane for k, frame in enumerate(frames) if k != middle for plane in frame]
        self._sigma, self._guide = sigma, guide
        self._means = [lowpass(plane) for plane in (*self._centre, *guide[1:])]
        rows, columns = (-(-n // LOWPASS) * LOWPASS for n in self._centre[0].shape)
        self.size = rows // 2, columns // 2
        self._planes = len(self._others) + 3 * len(self._centre) + len(guide)

    def rows(self, packed: slice, blank: Blank | None = None) -> Array:
        """Some rows, by number in ``size``. ``blank`` makes the array that is filled (default: a new one)."""
        shape = (1, PHASES * self._planes, packed.stop - packed.start, self.size[1])
        out = blank(shape) if blank else np.empty(shape, np.float32)
        first, columns = 2 * packed.start, 2 * self.size[1]
        for stripe in stripes(2 * shape[2]):
            part = slice(first + stripe.start, first + stripe.stop)
            made = np.empty((self._planes, part.stop - part.start, columns), np.float32)
            self._normalise(made, part, columns)
            pack(made, out, stripe.start)
        return out

    def _normalise(self, made: Array, part: slice, columns: int) -> None:
        here = [mirrored(plane, part, columns) for plane in self._centre]
        near = (mirrored(plane, part, columns) for plane in self._others)
        light = [mirrored(plane, part, columns) for plane in self._guide]
        told = [mirrored(plane, part, columns) for plane in self._sigma]
        normalise(made, here, near, light, told, [mean[part] for mean in self._means])


def given(frames: Sequence[Sequence[Rows]], sigma: Sequence[Rows], guide: Sequence[Plane] = ()) -> Array:
    """All rows of ``Inputs``."""
    inputs = Inputs(frames, sigma, guide)
    return inputs.rows(slice(0, inputs.size[0]))


def normalise(
    out: Array,
    here: Sequence[Array],
    near: Iterable[Array],
    light: Sequence[Array],
    told: Sequence[Array],
    means: Sequence[Array],
) -> None:
    """One stripe of every plane that enters, in the order the nets were trained with."""
    differing, detail = ([inverse(s, factor) for s in told] for factor in (DIFFERENCE, DETAIL))
    slots = iter(out)
    for k, plane in enumerate(near):
        scaled(plane, here[k % len(here)], differing[k % len(here)], next(slots))
    for k, plane in enumerate(here):
        scaled(plane, means[k], detail[k], next(slots))
    for plane in here:
        np.copyto(next(slots), plane)
    for s in told:
        np.multiply(s, SIGMA, out=next(slots))
    if light:
        mean = inverse(np.add.reduce(told) / np.float32(len(told)), DETAIL)
        scaled(light[0], light[1], mean, next(slots))
        scaled(light[1], means[-1], mean, next(slots))


def inverse(sigma: Array, factor: np.float32) -> Array:
    """factor / sigma, which is taken for at least ``SIGMA_FLOOR``."""
    return np.divide(factor, np.maximum(sigma, SIGMA_FLOOR), dtype=np.float32)


def scaled(of: Array, minus: Array, by: Array, out: Array) -> None:
    """(of - minus) * by, clamped."""
    np.subtract(of, minus, out=out)
    np.multiply(out, by, out=out)
    np.clip(out, -MOST, MOST, out=out)


def lowpass(plane: Plane) -> Grown:
    """Means over 8x8 samples, stretched bilinearly back to the plane's size (mirrored out)."""
    cv = opencv()
    rows, columns = (-(-n // LOWPASS) * LOWPASS for n in plane.shape)
    if (rows, columns) != plane.shape:
        plane = mirrored(plane, slice(0, rows), columns)
    small = cv.resize(plane, (columns // LOWPASS, rows // LOWPASS), interpolation=cv.INTER_AREA)
    return Grown(bordered(small), (LOWPASS, LOWPASS), (rows, columns))


def taken_off(centre: Plane, sigma: Rows, grain: Array) -> Plane:
    """centre - sigma * grain, the grain packed (4, rows / 2, columns / 2) and at least as large."""
    out = np.empty_like(centre)
    take_off(centre, sigma, grain, 0, out)
    return out


def take_off(centre: Plane, sigma: Rows, grain: Array, top: int, out: Plane) -> None:
    """``taken_off``, into ``out``, for the rows that the grain has, from ``top`` (an even number) on."""
    rows, columns = centre.shape
    for stripe in stripes(min(2 * grain.shape[1], rows - top)):
        part = slice(top + stripe.start, top + stripe.stop)
        left = unpack(grain, stripe)[:, :columns]
        np.multiply(sigma[part], left, out=left)
        np.subtract(centre[part], left, out=out[part])
