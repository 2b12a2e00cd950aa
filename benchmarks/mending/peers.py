"""Repair as VapourSynth's users know it, from its wheels: SpotLess and DeScratch. Luma only.

SpotLess is a median of three along MVTools' motion: zsmooth's Clense on compensated neighbours, as RemoveDirt
has it without motion. RemoveDirt itself, DeSpot and SpotDelta have no wheel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.vapour import clip_of, planes_of
from filmgrain_codec.core.frame import Frame

SIXTEEN, EIGHT = "GRAY16", "YUV420P8"


def spotless(given: Sequence[Frame]) -> list[Frame] | None:
    """Median of three along the motion; None where mvtools or zsmooth are not installed."""
    core = plugins("mv", "zsmooth")
    if core is None:
        return None
    clip = turned(clip_of([f.planes[:1] for f in given]), SIXTEEN)
    above = core.mv.Super(clip, pel=2)
    drawn = []
    for back in (1, 0):
        vectors = core.mv.Analyse(above, isb=back, blksize=8, overlap=4)
        drawn.append(core.mv.Compensate(clip, above, vectors, thscd1=10000, thscd2=255))
    after, before = drawn
    woven = core.std.Interleave([before, clip, after])
    return with_lumas(given, core.std.SelectEvery(core.zsmooth.Clense(woven), 3, 1))


def descratch(given: Sequence[Frame]) -> list[Frame] | None:
    """DeScratch of bright and dark lines at its usual settings; None where it is not installed."""
    core = plugins("descratch")
    if core is None:
        return None
    clip = turned(clip_of([f.planes[:1] for f in given]), EIGHT)
    return with_lumas(given, core.descratch.DeScratch(clip, mindif=5, minlen=100, modey=3))


def plugins(*names: str) -> Any:
    """VapourSynth's core if it has all of these, else None."""
    try:
        import vapoursynth as vs
    except ImportError:
        return None
    return vs.core if all(hasattr(vs.core, name) for name in names) else None


def turned(clip: Any, name: str) -> Any:
    """A clip of full range in another format, rounded, not dithered."""
    import vapoursynth as vs

    kind = getattr(vs, name)
    return vs.core.resize.Point(clip, format=kind, range_in=1, range=1, dither_type="none", matrix=1)


def with_lumas(given: Sequence[Frame], clip: Any) -> list[Frame]:
    import vapoursynth as vs

    luma = vs.core.std.ShufflePlanes(clip, 0, vs.GRAY)
    (lumas,) = planes_of(vs.core.resize.Point(luma, format=vs.GRAYS, range_in=1, range=1), 1)
    return [f.with_planes((p, *f.planes[1:])) for f, p in zip(given, lumas, strict=True)]
