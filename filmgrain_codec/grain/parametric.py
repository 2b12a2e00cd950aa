"""The reference grain synthesizer: filtered, signal-dependent, channel-correlated noise.

Model (per plane p, frame n, sample x):

    out(x) = base(x) + sigma_p(Y)(x) * g_p(x)

g_p: hash noise (``fields``) through the two-Gaussian filter of the segment's ``Spectrum``, unit
variance (noise power spectrum: Stephenson and Saunders, "Simulating film grain using the noise
power spectrum", 2007), then a cubic map that gives third and fourth moment. sigma: the 8-knot
strength curve; that filtered Gaussian noise with a curve of this kind reproduces small-grained
film follows from the Boolean model (Newson, Delon, Galerne, "A stochastic film grain model for
resolution-independent rendering", 2017).

``yuv``: chroma has its own noise with a single Gaussian of ``chroma.size`` (chroma samples;
isotropic on the screen, apart from the luma's anisotropy), mixed with the luma grain brought to
chroma resolution by a box average, so that the correlations at lag 0 are those of the profile.
Its strength is level * chroma.cb (or cr) * curve(smoothed Y averaged over the chroma sample's block); in the
bent law the root of luma's variance averaged over that block.

``rgb``: a profile always speaks of Y, Cb and Cr. Its grain (unsubsampled) goes through the BT.709
matrix to R, G and B, and every channel's own value drives the curve. A profile without chroma
grain gives the three channels the same grain.

Nothing is clamped. Grain has zero mean, so the mean of the picture is kept.
Only elementwise float32 operations in a fixed order are used: the bits do not depend on bands,
crops or threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.grain import tone
from filmgrain_codec.grain.fields import WORD_SAMPLES, plane_key, white_words
from filmgrain_codec.grain.filters import GrainFilter, fir
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.grain.recipe import Recipe, prepare
from filmgrain_codec.grain.tone import buffer

_BAND_SAMPLES = 1 << 17  # large enough that margins cost little, small enough for a core's cache


def apply(
    frame: Frame,
    segment: GrainSegment,
    *,
    index: int | None = None,
    level: float | None = None,
    gain: float = 1.0,
    seed: int | None = None,
    threads: int = 1,
    fields: Fields | None = None,
) -> Frame:
    """``frame`` with grain; the frame itself when there is none to add. Sets no properties.

    ``index``: absolute frame number that drives the noise (default ``frame.index``). Other
    arguments as in ``synthesize``.
    """
    number = frame.index if index is None else index
    planes = synthesize(
        frame.planes,
        frame.fmt,
        segment,
        number,
        level=level,
        gain=gain,
        seed=seed,
        threads=threads,
        fields=fields,
    )
    return frame if planes is frame.planes else frame.with_planes(planes)


def strength(segment: GrainSegment, level: float | None = None, gain: float = 1.0) -> float:
    """The level really applied: an override as it stands, a recorded level only if it is grain."""
    base = (segment.level if segment.grainy else 0.0) if level is None else level
    return base * gain


def synthesize(
    planes: tuple[Plane, ...],
    fmt: FrameFormat,
    segment: GrainSegment,
    index: int,
    *,
    level: float | None = None,
    gain: float = 1.0,
    seed: int | None = None,
    origin: tuple[int, int] = (0, 0),
    threads: int = 1,
    band_rows: int | None = None,
    fields: Fields | None = None,
) -> tuple[Plane, ...]:
    """Planes with grain added, new float32 arrays; planes that get none are returned as they are.

    ``planes``: float32 in code / (2^bits - 1), shapes as ``fmt`` says. ``index``: absolute frame
    number. ``level`` (fraction of full scale) replaces the segment's, ``gain`` multiplies it,
    ``seed`` replaces its seed. ``origin``: luma coordinates (x, y) of the top-left sample when
    the planes are a crop of a larger frame, multiples of the subsampling: the grain is then the
    crop of the whole frame's grain, but for its strength within a few samples of an inner edge.
    ``threads`` and ``band_rows`` change speed only. ``fields`` makes the unit fields that are mixed
    instead of this model's own (see ``Fields``).
    Strength 0 (or a segment that is not ``grainy``) returns ``planes`` itself.
    """
    applied = strength(segment, level, gain)
    if applied == 0:
        return planes
    # seed and frame range do not matter to the recipe: without them shots of one stock share it
    recipe = prepare(
        replace(segment, level=applied, start=0, end=0, seed=0), fmt.family, fmt.sub_w, fmt.sub_h
    )
    chosen = segment.seed if seed is None else seed
    keys = tuple(plane_key(chosen, index, p) for p in range(fmt.planes))
    out = tuple(np.empty(p.shape, np.float32) if any(recipe.mix[i]) else p for i, p in enumerate(planes))
    made = fields(Request(recipe, fmt, planes, keys, origin, applied, threads)) if fields else None
    job = _Job(recipe, fmt, planes, out, keys, origin, made)
    _run(job, band_rows or _default_rows(recipe, fmt), threads)
    return out


@dataclass(frozen=True, slots=True)
class Request:
    """One picture whose unit fields are wanted: recipe, layout, base planes, a noise key per plane,
    ``origin`` and ``threads`` as in ``synthesize``, and the level applied."""

    recipe: Recipe
    fmt: FrameFormat
    planes: tuple[Plane, ...]
    keys: tuple[int, ...]
    origin: tuple[int, int]
    level: float
    threads: int = 1

    @property
    def subs(self) -> tuple[int, int]:
        """log2 subsampling of the fields after the first."""
        return (self.fmt.sub_w, self.fmt.sub_h) if self.fmt.family == "yuv" else (0, 0)

    def used(self, field: int) -> bool:
        """Whether any plane's grain holds some of this field."""
        return any(row[field] for row in self.recipe.mix[: len(self.planes)])


Fields = Callable[[Request], Sequence[NDArray[np.float32] | None] | None]
"""Makes the unit fields of a picture, each on the whole grid of its plane (luma's rounded up to whole chroma
blocks), without skew; they may be written into. None for a field that is not used, or to leave the picture
to this model."""


@dataclass(frozen=True, slots=True)
class _Job:
    recipe: Recipe
    fmt: FrameFormat
    planes: tuple[Plane, ...]
    out: tuple[Plane, ...]
    keys: tuple[int, ...]
    origin: tuple[int, int]
    fields: Sequence[NDArray[np.float32] | None] | None = None

    @property
    def subs(self) -> tuple[int, int]:
        return (self.fmt.sub_w, self.fmt.sub_h) if self.fmt.family == "yuv" else (0, 0)


def _default_rows(recipe: Recipe, fmt: FrameFormat) -> int:
    reach = max(recipe.luma.radius[1], recipe.chroma.radius[1])
    return max(_BAND_SAMPLES // max(fmt.width, 1), 4 * reach, 8)


@lru_cache(maxsize=8)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="grain")


def _run(job: _Job, rows: int, threads: int) -> None:
    step = 1 << job.subs[1]
    rows = max(step, rows // step * step)
    starts = range(0, job.planes[0].shape[0], rows)
    if threads < 2 or len(starts) < 2:
        _bands(job, starts, rows)
        return
    shares = [starts[i::threads] for i in range(threads)]
    for future in [_pool(threads).submit(_bands, job, share, rows) for share in shares]:
        future.result()


def _bands(job: _Job, starts: range, rows: int) -> None:
    # only infinite or undefined base samples overflow the table index; they stay what they are
    with np.errstate(invalid="ignore", over="ignore"):
        for top in starts:
            (_yuv_band if job.fmt.family == "yuv" else _channel_band)(job, top, rows)


def _channel_band(job: _Job, top: int, rows: int) -> None:
    """Grey and RGB: planes of one size, each driven by its own value."""
    height, width = job.planes[0].shape
    part = slice(top, min(top + rows, height))
    shape = (part.stop - part.start, width)
    used = [q for q in range(len(job.planes)) if any(job.recipe.mix[p][q] for p in range(len(job.planes)))]
    fields = {q: _field(job, q, top, shape) for q in used}
    for p, row in enumerate(job.recipe.mix[: len(job.planes)]):
        if any(row):
            seen = _seen(job, p, top, shape[0], shape, bent=p == 0)
            if p == 0:
                _bent(job, fields[0], seen)
            grain = _mixed([(c, fields[q]) for q, c in enumerate(row) if c], shape)
            _add(job.planes[p][part], _sigma(job, seen), grain, job.out[p][part])


def _yuv_band(job: _Job, top: int, rows: int) -> None:
    sub_w, sub_h = job.subs
    height, width = job.planes[0].shape
    part = slice(top, min(top + rows, height))
    # whole blocks, so that the last chroma sample of an odd size has its full average
    shape = (_blocks(part.stop - top, sub_h) << sub_h, _blocks(width, sub_w) << sub_w)
    luma, base = _field(job, 0, top, shape), job.planes[0][part]
    seen = _seen(job, 0, top, base.shape[0], shape)
    _bent(job, luma, seen)
    inside = slice(base.shape[0]), slice(width)
    _add(base, _sigma(job, seen)[inside], luma[inside], job.out[0][part])
    if any(job.recipe.mix[1]) or any(job.recipe.mix[2]):
        _chroma_band(job, top, luma, seen)


def _chroma_band(job: _Job, top: int, luma: NDArray[np.float32], seen: _Seen) -> None:
    """Chroma of a band, from its luma grain and what drives it, both of whole chroma blocks."""
    sub_w, sub_h = job.subs
    mix = job.recipe.mix
    shape = (luma.shape[0] >> sub_h, luma.shape[1] >> sub_w)
    part = slice(top >> sub_h, (top >> sub_h) + shape[0])
    fields: dict[int, NDArray[np.float32]] = {}
    if mix[1][0] or mix[2][0]:
        fields[0] = _box_sum(luma, sub_w, sub_h, "box grain")
    for q in (1, 2):
        if mix[1][q] or mix[2][q]:
            fields[q] = _field(job, q, top >> sub_h, shape)
    sigma = _chroma_sigma(job, seen)
    for p in (1, 2):
        if any(mix[p]):
            grain = _mixed([(c, fields[q]) for q, c in enumerate(mix[p]) if c], shape)
            np.multiply(grain, sigma, out=grain)
            np.add(job.planes[p][part], grain, out=job.out[p][part])


@dataclass(frozen=True, slots=True)
class _Seen:
    """Smoothed luma (in the bent law the variance of grain), and places in tables over luma where needed."""

    value: NDArray[np.float32]
    at: NDArray[np.intp] | None


def _seen(job: _Job, plane: int, top: int, rows: int, shape: tuple[int, int], *, bent: bool = True) -> _Seen:
    """What drives the grain of rows of a plane, padded to ``shape``; ``bent``: it also has skew."""
    recipe, source = job.recipe, job.planes[plane]
    if recipe.variance is None:
        luma = _padded(tone.smoothed(source, top, rows, recipe.tone), shape)
        return _Seen(luma, tone.places(luma))
    variance = _padded(tone.spread(source, top, rows, recipe.tone, recipe.variance), shape)
    if recipe.bends is None or not bent:
        return _Seen(variance, None)
    return _Seen(variance, tone.places(_padded(tone.smoothed(source, top, rows, recipe.tone), shape)))


def _sigma(job: _Job, seen: _Seen) -> NDArray[np.float32]:
    """Strength of a band's grain, in a scratch buffer."""
    if job.recipe.variance is None:
        assert seen.at is not None
        return tone.take(job.recipe.lut, seen.at)
    return tone.root(seen.value)


def _chroma_sigma(job: _Job, seen: _Seen) -> NDArray[np.float32]:
    """Strength of chroma grain on the grid of chroma, in a scratch buffer."""
    sub_w, sub_h = job.subs
    boxed = _box_sum(seen.value, sub_w, sub_h, "box base")
    share = 0.5 ** (sub_w + sub_h)
    if job.recipe.variance is None:
        return tone.take(job.recipe.lut, tone.places(boxed, share))
    return tone.root(boxed, share)


def _blocks(samples: int, sub: int) -> int:
    return -(-samples >> sub)


def _padded(base: Plane, shape: tuple[int, int]) -> Plane:
    if base.shape == shape:
        return base
    return np.pad(base, ((0, shape[0] - base.shape[0]), (0, shape[1] - base.shape[1])), mode="edge")


def _bent(job: _Job, field: NDArray[np.float32], seen: _Seen) -> None:
    """Luma grain's skew and kurtosis."""
    recipe = job.recipe
    if recipe.bends is None or seen.at is None:
        return
    if recipe.keeps is None or recipe.cubes is None:
        tone.bend(field, seen.at, recipe.bends, recipe.skew[2])
    else:
        tone.shape(field, seen.at, recipe.bends, recipe.keeps, recipe.cubes)


def _field(job: _Job, plane: int, top: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Unit-variance grain of one plane for the rows from ``top`` (plane samples), in a scratch buffer."""
    given = job.fields[plane] if job.fields is not None else None
    if given is not None:
        return given[top : top + shape[0], : shape[1]]
    sub_w, sub_h = job.subs if plane else (0, 0)
    x, y = job.origin[0] >> sub_w, (job.origin[1] >> sub_h) + top
    kernel = job.recipe.chroma if plane else job.recipe.luma
    return unit_field(job.keys[plane], kernel, x, y, shape, name=f"field {plane}")


def unit_field(
    key: int, kernel: GrainFilter, x: int, y: int, shape: tuple[int, int], *, name: str = "field"
) -> NDArray[np.float32]:
    """Unit-variance Gaussian grain on a rectangle (``shape`` = rows, columns) of one plane.

    ``key``: from ``fields.plane_key``; (``x``, ``y``): plane coordinates of the top-left sample.
    The result is a view of this thread's buffer ``name``: copy what you keep.
    """
    return unit_field_of_noise(key, kernel, x, y, shape, name=name)[0]


def unit_field_of_noise(
    key: int, kernel: GrainFilter, x: int, y: int, shape: tuple[int, int], *, name: str = "field"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As ``unit_field``, and the white noise at the same samples, a view of another buffer."""
    rx, ry = kernel.radius
    rows, columns = shape
    word = (x - rx) // WORD_SAMPLES
    words = -(-(x + columns + rx) // WORD_SAMPLES) - word
    pitch = words * WORD_SAMPLES
    noise = buffer("noise", (rows + 2 * ry, pitch))
    white_words(key, word, y - ry, words, noise)
    flat = _filtered(noise.reshape(-1), kernel, rows, pitch, name)
    first = x - rx - word * WORD_SAMPLES
    field = flat.reshape(rows, pitch)[:, first : first + columns]
    return field, noise[ry : ry + rows, first + rx : first + rx + columns]


def _filtered(
    noise: NDArray[np.float32], kernel: GrainFilter, rows: int, pitch: int, name: str
) -> NDArray[np.float32]:
    """Filter flat noise with margins of ``kernel.radius``; columns come out shifted by the radius."""
    rx, ry = kernel.radius
    total = buffer(name, (rows, pitch)).reshape(-1)
    across = buffer("across", (rows + 2 * ry, pitch)).reshape(-1)
    tmp = buffer("tmp", (rows + 2 * ry, pitch)).reshape(-1)
    for i, term in enumerate(kernel.terms):
        target = total if i == 0 else buffer("term", (rows, pitch)).reshape(-1)
        fir(noise, term.horizontal, 1, rx, across[: noise.size - 2 * rx], tmp)
        across[noise.size - 2 * rx :] = 0
        vertical = tuple(term.weight * k for k in term.vertical)
        fir(across, vertical, pitch, ry * pitch, target, tmp)
        if i:
            np.add(total, target, out=total)
    return total


def _box_sum(plane: NDArray[np.float32], sub_w: int, sub_h: int, name: str) -> NDArray[np.float32]:
    """Sum over blocks of 2^sub_w x 2^sub_h samples, rows first, in a fixed order."""
    rows, columns = plane.shape
    out = plane
    if sub_h:
        high = buffer(name + " rows", (rows >> sub_h, columns))
        np.add(out[0 :: 1 << sub_h], out[1 :: 1 << sub_h], out=high)
        for k in range(2, 1 << sub_h):
            np.add(high, out[k :: 1 << sub_h], out=high)
        out = high
    if sub_w:
        wide = buffer(name, (rows >> sub_h, columns >> sub_w))
        np.add(out[:, 0 :: 1 << sub_w], out[:, 1 :: 1 << sub_w], out=wide)
        for k in range(2, 1 << sub_w):
            np.add(wide, out[:, k :: 1 << sub_w], out=wide)
        out = wide
    return out


def _mixed(parts: list[tuple[float, NDArray[np.float32]]], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Weighted sum of fields, in plane order, in a scratch buffer."""
    out, tmp = buffer("mixed", shape), buffer("mixed tmp", shape)
    for i, (weight, field) in enumerate(parts):
        np.multiply(field, np.float32(weight), out=tmp if i else out)
        if i:
            np.add(out, tmp, out=out)
    return out


def _add(base: Plane, sigma: NDArray[np.float32], grain: NDArray[np.float32], out: Plane) -> None:
    np.multiply(sigma, grain, out=sigma)
    np.add(base, sigma, out=out)
