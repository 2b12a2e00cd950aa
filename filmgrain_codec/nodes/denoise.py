"""The removal node: takes film grain off luma and chroma with a pair of nets.

Works on native planes. The neighbours are drawn onto the centre frame along their motion first
(``nodes.align``); then everything is put in units of the grain's sigma (``nodes.normal``). The luma
net sees the window's luma, sigma and grain size; the chroma net its chroma, what luma looks like with
and without grain, sigma and size. Where the grain is not known (blind) the window is measured by
itself (``nodes.judge``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.window import OPEN_END
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainProfile, GrainSegment, Spectrum
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.names import AUTO
from filmgrain_codec.infer.session import Array
from filmgrain_codec.nodes import normal
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.judge import bands, careful, judged, stated
from filmgrain_codec.nodes.packed import PHASES
from filmgrain_codec.nodes.shares import share_of, untouched, weaker
from filmgrain_codec.nodes.sigma import SIGMA_FLOOR, averaged, block_sigma, stretched, told_sigma
from filmgrain_codec.nodes.stripes import Rows

LEVEL_PROP = "FGLevel"
"""Frame property set by this node: the level removed, 0 where there is no grain."""
UNKNOWN = 0.0
"""What the nets take for a size that is not known."""
Planes = Sequence[tuple[Rows, ...]]
"""The planes of a window's frames as the centre would show them."""


class Denoise:
    """Film grain removal; a pure node.

    ``grain``: a GrainProfile (each frame's segment by absolute index), one GrainSegment or a level
    (0 to 0.15) for every frame, or None, which means blind. Of a plain level the curve, the size and
    chroma are judged from each window, and blind the level too; hardly any grain (a plain level below
    0.004, a judged one below 0.007) is taken off less. ``model``: fast, balanced, best or an id.
    ``blind``: judge even where the grain is known; shots without grain still pass.
    ``threads``: cores for one frame, where the executor does not already run frames in parallel.
    ``backend``: what runs the nets (see ``infer.backend``). ``tile``: most samples (of a plane; at least 64)
    a side that go through a net at a time, not counting the margin that it needs; by default as many as a
    picture has up to 3 million samples, and 1024 of larger ones. It bounds memory; with ONNX Runtime the
    bits stay the same.

    ``props['FGShare']`` of a frame scales the grain that is told from place to place (``nodes.shares``).
    Frames without grain (no segment, segment not grainy, level 0) pass with the very same planes, as
    do chroma planes whose recorded strength is 0. Raises ``UsageError`` for a level or tile out of range and
    for RGB, ``ModelError`` for an unknown or damaged model.
    """

    def __init__(
        self,
        grain: GrainProfile | GrainSegment | float | None,
        model: str = "fast",
        *,
        blind: bool = False,
        threads: int = 1,
        backend: str = AUTO,
        tile: int | None = None,
    ) -> None:
        self._given = _everywhere(grain) if isinstance(grain, int | float) else grain
        self._rough = isinstance(grain, int | float)
        self._judges = blind or grain is None
        self.model = store.resolve(model)
        self.radius = self.model.radius
        self._tile = _checked(tile)
        self._luma, self._chroma = (
            backends.net(self.model.part(p), threads, backend) for p in ("luma", "chroma")
        )

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        if fmt.family == "rgb":
            raise UsageError("Grain removal works on YCbCr or gray, not on RGB: convert to 4:4:4 first.")
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        segment = self._segment(n)
        if self._given is not None and (segment is None or not _present(segment, self._rough)):
            return frame.with_planes(frame.planes, **{LEVEL_PROP: 0.0})
        motion = Motion([f.planes[0] for f in window], self.radius, self.model.motion, film=True)
        known = self._known(window, motion, segment)
        if known.level <= 0:
            return frame.with_planes(frame.planes, **{LEVEL_PROP: 0.0})
        seen = [tuple(motion.drawn(p, k) for p in f.planes) for k, f in enumerate(window)]
        sigma, share = self._told(frame.planes[0], known), share_of(frame)
        if share is not None:
            sigma = weaker(sigma, share)
        luma = self._clean_luma(frame, seen, sigma, known)
        planes = (luma, *self._clean_chroma(frame, seen, luma, sigma, known))
        made = frame.with_planes(planes, **{LEVEL_PROP: known.level})
        return made if share is None else untouched(frame, made, share)

    def _segment(self, n: int) -> GrainSegment | None:
        return self._given.at(n) if isinstance(self._given, GrainProfile) else self._given

    def _known(self, window: Sequence[Frame], motion: Motion, segment: GrainSegment | None) -> GrainSegment:
        """The grain of this window: as given, as judged, or of both."""
        if segment is not None and not (self._judges or self._rough):
            return segment
        found = self._judged(window, motion)
        return careful(found) if self._judges or segment is None else stated(found, segment)

    def _judged(self, window: Sequence[Frame], motion: Motion) -> GrainSegment:
        """What the centre and the two frames beside it say of their grain."""
        here, luma = window[self.radius], window[self.radius].planes[0].shape
        rows = [bands(p.shape, luma) for p in here.planes]
        near = [k for k in (self.radius - 1, self.radius + 1) if window[k] is not here]
        moved = [
            tuple(motion.shifted(p, k, r) for p, r in zip(window[k].planes, rows, strict=True)) for k in near
        ]
        return judged([p[r] for p, r in zip(here.planes, rows, strict=True)], moved)

    def _told(self, luma: Plane, known: GrainSegment) -> Array:
        return block_sigma(luma, known) if self._judges else told_sigma(luma, known)

    def _clean_luma(self, frame: Frame, seen: Planes, sigma: Array, known: GrainSegment) -> Plane:
        told = stretched(sigma, (0, 0), frame.fmt.shape(0))
        return self._run("luma", [p[:1] for p in seen], [told], known.spectrum.size)[0]

    def _clean_chroma(
        self, frame: Frame, seen: Planes, luma: Plane, sigma: Array, known: GrainSegment
    ) -> tuple[Plane, ...]:
        strengths = (known.chroma.cb, known.chroma.cr)
        if frame.fmt.family == "gray":
            return ()
        if not any(strengths):
            return frame.planes[1:]
        down = frame.fmt.sub_h, frame.fmt.sub_w
        weak = (np.maximum(sigma * np.float32(s), SIGMA_FLOOR) for s in strengths)
        told = [stretched(w, down, frame.fmt.shape(1)) for w in weak]
        guide = [averaged(p, *down) for p in (frame.planes[0], luma)]
        made = self._run("chroma", [p[1:] for p in seen], told, known.chroma.size, guide)
        chosen = zip(made, frame.planes[1:], strengths, strict=True)
        return tuple(new if strength > 0 else old for new, old, strength in chosen)

    def _run(
        self, part: str, frames: Planes, sigma: Sequence[Rows], size: float, guide: Sequence[Plane] = ()
    ) -> list[Plane]:
        """The clean centre planes."""
        net, told = (self._luma if part == "luma" else self._chroma), np.full((1, 1), size, np.float32)
        inputs = normal.Inputs(frames, sigma, guide)
        halo, multiple = net.part.halo // 2, net.part.multiple // 2
        tile = tiling.side(inputs.size, multiple, self._tile, scale=2)
        centre = [np.asarray(p) for p in frames[self.radius]]
        out = [np.empty_like(p) for p in centre]

        def given(rows: slice) -> dict[str, Array]:
            return {"given": inputs.rows(rows, net.blank), "size": told}

        for rows, grain in tiling.bands(net, given, inputs.size, halo=halo, tile=tile):
            for k, (plane, s, clean) in enumerate(zip(centre, sigma, out, strict=True)):
                phases = grain[0, PHASES * k : PHASES * (k + 1)]
                normal.take_off(plane, s, phases, 2 * rows.start, clean)
        return out


def _everywhere(level: float) -> GrainSegment:
    if not 0 <= level <= LEVEL_MAX:
        raise UsageError(f"Removal level {level} is out of range: give 0 to {LEVEL_MAX} of full scale.")
    return GrainSegment(start=0, end=OPEN_END, level=float(level), spectrum=Spectrum(size=UNKNOWN))


def _checked(tile: int | None) -> int | None:
    if tile is not None and tile < tiling.LEAST:
        raise UsageError(
            f"Removal in tiles of {tile} samples would be mostly margins: give {tiling.LEAST} or more."
        )
    return tile


def _present(segment: GrainSegment, stated: bool) -> bool:
    """A measured level counts from the 'no grain' threshold on, a stated one from above 0."""
    return segment.level > 0 if stated else segment.grainy
