"""The removal node: takes film grain off luma and chroma with a pair of nets.

Works on native planes. The luma net sees three frames, the expected sigma at every sample and the
grain size; the chroma net sees three frames of chroma, luma before and after averaged down to its
size, sigma and size. Where the grain is not known (blind) sigma and size are zero and the nets judge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.window import OPEN_END
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainProfile, GrainSegment
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.session import Array, session

LEVEL_PROP = "FGLevel"
"""Frame property set by this node: the level removed, 0 where there is no grain; absent if unknown."""
SIGMA_FLOOR = 5e-4
"""A known sigma is never below this: to the nets zero means unknown."""
BLOCK = 4


class Denoise:
    """Film grain removal; a pure node.

    ``grain``: a GrainProfile (each frame's segment by absolute index), one GrainSegment or a level
    (0 to 0.15) for every frame, or None, which means blind. A plain level is taken as flat over
    luma and of unknown size, and chroma is then treated blind. ``model``: fast, balanced, best or an
    id. ``blind``: let the nets judge even where the grain is known; shots without grain still pass.
    ``threads``: cores for one frame, where the executor does not already run frames in parallel.

    Frames without grain (no segment, segment not grainy, level 0) pass with the very same planes, as
    do chroma planes whose recorded strength is 0. Raises ``UsageError`` for a level out of range and
    for RGB, ``ModelError`` for an unknown or damaged model.
    """

    def __init__(
        self,
        grain: GrainProfile | GrainSegment | float | None,
        model: str = "fast",
        *,
        blind: bool = False,
        threads: int = 1,
    ) -> None:
        self._given = _everywhere(grain) if isinstance(grain, int | float) else grain
        self._rough = isinstance(grain, int | float)
        self._blind = blind or grain is None
        self._threads = threads
        self.model = store.resolve(model)
        self.radius = self.model.radius
        self._luma, self._chroma = (session(self.model.part(p), threads) for p in ("luma", "chroma"))

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        if fmt.family == "rgb":
            raise UsageError("Grain removal works on YCbCr or gray, not on RGB: convert to 4:4:4 first.")
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        segment = self._segment(n)
        if self._given is not None and (segment is None or not _present(segment, self._rough)):
            return frame.with_planes(frame.planes, **{LEVEL_PROP: 0.0})
        known = None if self._blind else segment
        luma, sigma = self._clean_luma(window, known)
        planes = (luma, *self._clean_chroma(window, luma, sigma, known))
        props = {} if segment is None else {LEVEL_PROP: segment.level}
        return frame.with_planes(planes, **props)

    def _segment(self, n: int) -> GrainSegment | None:
        return self._given.at(n) if isinstance(self._given, GrainProfile) else self._given

    def _clean_luma(self, window: Sequence[Frame], known: GrainSegment | None) -> tuple[Plane, Array]:
        """The clean centre luma, and the sigma it was told (zeros if blind)."""
        centre = window[self.radius].planes[0]
        sigma = np.zeros_like(centre) if known is None else expected_sigma(centre, known)
        size = 0.0 if known is None or self._rough else known.spectrum.size
        inputs = {"frames": np.stack([f.planes[0] for f in window])[None], "sigma": sigma[None, None]}
        return self._run("luma", inputs, size)[0, 0], sigma

    def _clean_chroma(
        self, window: Sequence[Frame], luma: Plane, sigma: Array, known: GrainSegment | None
    ) -> tuple[Plane, ...]:
        frame = window[self.radius]
        if frame.fmt.family == "gray":
            return ()
        strengths = None if known is None or self._rough else (known.chroma.cb, known.chroma.cr)
        if strengths is not None and not any(strengths):
            return frame.planes[1:]
        down = frame.fmt.sub_h, frame.fmt.sub_w
        told = np.zeros((2, *frame.planes[1].shape), np.float32)
        if strengths is not None:
            expected = np.multiply.outer(np.asarray(strengths, np.float32), averaged(sigma, *down))
            told = np.maximum(expected, SIGMA_FLOOR)
        inputs = {
            "frames": np.stack([p for f in window for p in f.planes[1:]])[None],
            "guide": np.stack([averaged(p, *down) for p in (frame.planes[0], luma)])[None],
            "sigma": told[None],
        }
        size = 0.0 if strengths is None or known is None else known.chroma.size
        made = self._run("chroma", inputs, size)[0]
        kept = (True, True) if strengths is None else (s > 0 for s in strengths)
        return tuple(new if k else old for new, old, k in zip(made, frame.planes[1:], kept, strict=True))

    def _run(self, part: str, inputs: dict[str, Array], size: float) -> Array:
        net = self._luma if part == "luma" else self._chroma
        given = {**inputs, "size": np.full((1, 1), size, np.float32)}
        return tiling.run(net, given, halo=net.part.halo, multiple=net.part.multiple)


def expected_sigma(luma: Plane, segment: GrainSegment) -> Array:
    """Grain sigma at every luma sample (fraction of full scale), read at smoothed luma."""
    height, width = luma.shape
    small = smoothed(tiling.fitted(luma, 2 * BLOCK))
    sigma = np.maximum(segment.sigma(small), SIGMA_FLOOR).astype(np.float32)
    return stretched(stretched(sigma).T).T[:height, :width]


def smoothed(luma: Plane) -> Array:
    """4x4 means, then a 3x3 box; sides must be multiples of 4."""
    means = np.pad(averaged(luma, 2, 2), 1, mode="edge")
    rows = means[:-2] + means[1:-1] + means[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)


def stretched(small: Array) -> Array:
    """Four times the rows, linear between them (sample centres, clamped at the ends)."""
    above, below = np.concatenate([small[:1], small[:-1]]), np.concatenate([small[1:], small[-1:]])
    out = np.empty((len(small), BLOCK, small.shape[1]), np.float32)
    for phase, other, share in ((0, above, 0.375), (1, above, 0.125), (2, below, 0.125), (3, below, 0.375)):
        out[:, phase] = small + np.float32(share) * (other - small)
    return out.reshape(-1, small.shape[1])


def averaged(plane: Plane, down: int, across: int) -> Array:
    """Means of boxes of 2^down x 2^across samples; the last row and column are repeated where short."""
    rows, columns = 1 << down, 1 << across
    missing = -plane.shape[0] % rows, -plane.shape[1] % columns
    if any(missing):
        plane = np.pad(plane, ((0, missing[0]), (0, missing[1])), mode="edge")
    views = [plane[r::rows, c::columns] for r in range(rows) for c in range(columns)]
    if len(views) == 1:
        return plane
    total = views[0] + views[1]
    for view in views[2:]:
        total += view
    return total * np.float32(1 / len(views))


def _everywhere(level: float) -> GrainSegment:
    if not 0 <= level <= LEVEL_MAX:
        raise UsageError(f"Removal level {level} is out of range: give 0 to {LEVEL_MAX} of full scale.")
    return GrainSegment(start=0, end=OPEN_END, level=float(level))


def _present(segment: GrainSegment, stated: bool) -> bool:
    """A measured level counts from the 'no grain' threshold on, a stated one from above 0."""
    return segment.level > 0 if stated else segment.grainy
