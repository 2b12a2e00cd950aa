"""Removal by vs-mlrt: the nets' variants (see ``filmgrain_codec.train.mlrt``), and the clips they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import vapoursynth as vs

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.grain import properties, wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.infer import store
from filmgrain_codec.infer.store import Model
from filmgrain_codec.infer.tiling import fitted
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.sigma import SIGMA_FLOOR, averaged, stretched, told_sigma
from filmgrain_codec.nodes.stripes import whole
from vsfgcodec.clips import Job, fill, job, opened, parallel, planes_of, shifted
from vsfgcodec.cuts import Cuts, marked
from vsfgcodec.errors import public
from vsfgcodec.stages import window_of

FOLDER = "mlrt"
Name = Literal["luma", "chroma"]
_PART = "FGPart"


@public
def mlrt_model(part: Name = "luma", model: str = "fast") -> str:
    """Path of a net for ``core.ort.Model`` or ``core.ov.Model``.

    Raises ``vs.Error`` for an unknown model or part, and where no variant was exported.
    """
    found = store.resolve(model).part(part).path
    path = found.parent / FOLDER / found.name
    if not path.is_file():
        raise ModelError(
            f"{path} is missing: write it with python -m filmgrain_codec.train.mlrt --model {model}"
        )
    return str(path)


@public
def mlrt_inputs(
    clip: vs.VideoNode,
    part: Name = "luma",
    luma: vs.VideoNode | None = None,
    *,
    model: str = "fast",
    cuts: Cuts = "auto",
) -> list[vs.VideoNode]:
    """The clips that ``mlrt_model(part, model)`` takes: frames drawn onto the centre, sigma, size.

    Grey float in codes / (2^bits - 1), mirrored out at the right and bottom to multiples of 8. The grain is
    read from the properties of ``clip``, at least FGLevel and FGCurve. ``luma``: for the chroma part, what
    the luma part gave (cropped or not). The net's answer is that of ``denoise``, but for rounding; frames
    without grain are not left alone here. Raises ``vs.Error``.
    """
    found = job("fg.mlrt_inputs", clip)
    if found.fmt.family == "rgb" or (part == "chroma" and found.fmt.family == "gray"):
        raise UsageError(f"the {part} net takes YCbCr{' or gray' if part == 'luma' else ''}: convert first")
    if (luma is not None) != (part == "chroma"):
        raise UsageError("luma is what the luma part gave: give it for the chroma part, and only there")
    chosen = store.resolve(model)
    chosen.part(part)
    frames = marked(found, opened(found), cuts)
    around = [shifted(frames, k) for k in range(-chosen.radius, chosen.radius + 1)]
    clean = [] if luma is None else [_clean(found, luma)]
    count = 2 * chosen.radius + 3 if part == "luma" else 2 * (2 * chosen.radius + 1) + 5
    rows, columns = (-(-n // 8) * 8 for n in found.fmt.shape(int(part == "chroma")))
    form = clip.std.BlankClip(width=columns, height=rows, format=vs.GRAYS, keep=True)

    def work(n: int, f: list[Any]) -> Any:
        window = window_of(found, chosen.radius, chosen.radius, found.fmt, n, f[1 : len(around) + 1])
        known = _known(f[1 + chosen.radius].props, n)
        given = _Given(chosen, window, known)
        made = given.luma() if part == "luma" else given.chroma(planes_of(f[-1])[0])
        return _together(f[0], made)

    whole_clip = parallel(found.name, form, [form, *around, *clean], work)
    return [whole_clip.std.PropToClip(f"{_PART}{k}") for k in range(count)]


def _clean(found: Job, luma: Any) -> Any:
    other = job(found.name, luma, "luma")
    wide = other.fmt.width >= found.fmt.width and other.fmt.height >= found.fmt.height
    if luma.format.id != vs.GRAYS or not wide or other.length != found.length:
        raise UsageError("luma must be what the luma part gave: grey float, as large and as long as the clip")
    return luma


@dataclass(frozen=True, slots=True)
class _Given:
    """What a net is given of one window."""

    model: Model
    window: Sequence[Frame]
    known: GrainSegment

    def luma(self) -> list[Plane]:
        centre = self._centre.planes[0]
        sigma = whole(stretched(told_sigma(centre, self.known), (0, 0), centre.shape))
        size = np.full(centre.shape, self.known.spectrum.size, np.float32)
        return [*self._drawn([0]), sigma, size]

    def chroma(self, clean: Plane) -> list[Plane]:
        fmt, centre = self._centre.fmt, self._centre.planes[0]
        down, shape = (fmt.sub_h, fmt.sub_w), fmt.shape(1)
        blocks = told_sigma(centre, self.known)
        strengths = (self.known.chroma.cb, self.known.chroma.cr)
        weak = (np.maximum(blocks * np.float32(s), SIGMA_FLOOR) for s in strengths)
        sigma = [whole(stretched(w, down, shape)) for w in weak]
        clean = np.ascontiguousarray(clean[: fmt.height, : fmt.width])
        guide = [averaged(p, *down) for p in (centre, clean)]
        return [*self._drawn([1, 2]), *sigma, *guide, np.full(shape, self.known.chroma.size, np.float32)]

    @property
    def _centre(self) -> Frame:
        return self.window[self.model.radius]

    def _drawn(self, planes: Sequence[int]) -> list[Plane]:
        motion = Motion([f.planes[0] for f in self.window], self.model.radius, self.model.motion, film=True)
        return [motion.warp(f.planes[p], k) for k, f in enumerate(self.window) for p in planes]


def _known(props: Any, n: int) -> GrainSegment:
    if properties.LEVEL not in props or properties.CURVE not in props:
        raise UsageError(
            f"frame {n}: the properties {properties.LEVEL} and {properties.CURVE} are missing: set them with "
            f"fg.estimate or fg.apply_levels"
        )
    return properties.segment(props, 0, wire.MAX_FRAME)


def _together(form: Any, planes: Sequence[Plane]) -> Any:
    """All planes as properties of one frame, each a frame itself."""
    out = form.copy()
    for k, plane in enumerate(planes):
        one = form.copy()
        fill(one[0], fitted(plane, 8))
        out.props[f"{_PART}{k}"] = one
    return out
