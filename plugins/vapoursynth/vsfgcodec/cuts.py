"""Where shots begin, so that windows end there: found as ``fgcodec filter`` finds it, by random access.

The detector of ``pipeline.shots`` needs a few small pictures around a frame, which are clips here. Its
rule that of cuts too near to each other the largest counts is followed ``BACK`` frames back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import vapoursynth as vs

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.properties import SHOT
from filmgrain_codec.pipeline import shots
from vsfgcodec.clips import Job, parallel, planes_of, shifted

Cuts = Literal["auto"] | Sequence[int] | None
FLAG = "FGCut"
"""1 on the first frame of a shot; taken off again before a clip leaves this module."""
_CHANGE, _LIKELY = "FGChange", "FGLikely"
BACK = 4 * shots.SHORTEST


def marked(job: Job, clip: Any, cuts: Cuts) -> Any:
    """``clip`` (from ``clips.opened``) with ``FLAG`` on every frame.

    ``cuts``: 'auto' takes FGShot where a frame has it and looks at the pictures elsewhere; a list states
    first frames of shots; None means that there are none.
    """
    if cuts is None or not isinstance(cuts, str):
        return _stated(clip, _checked(cuts or (), job.length))
    if cuts != "auto":
        raise UsageError(f"cuts must be 'auto', a list of frame numbers or None, not {cuts!r}")
    found, told = _found(job, clip), _told(clip)
    flags = clip.std.FrameEval(lambda n, f: told if SHOT in f.props else found, prop_src=clip)
    return clip.std.CopyFrameProps(flags, props=[FLAG])


def _checked(cuts: Sequence[int], length: int) -> set[int]:
    if any(isinstance(c, bool) or not isinstance(c, int) or not 0 < c < length for c in cuts):
        raise UsageError(f"cuts must be frame numbers from 1 to {length - 1}, not {list(cuts)!r}")
    return set(cuts)


def _stated(clip: Any, cuts: set[int]) -> Any:
    with_flag, without = clip.std.SetFrameProps(**{FLAG: 1}), clip.std.SetFrameProps(**{FLAG: 0})
    return clip.std.FrameEval(lambda n: with_flag if n in cuts else without)


def _told(clip: Any) -> Any:
    """Shots as the properties tell them: one begins where FGShot changes."""

    def work(n: int, f: Any) -> Any:
        out = f[0].copy()
        out.props[FLAG] = int(n > 0 and f[1].props.get(SHOT) != f[0].props.get(SHOT))
        return out

    return clip.std.ModifyFrame([clip, shifted(clip, -1)], work)


def _found(job: Job, clip: Any) -> Any:
    """Shots as the pictures tell them."""
    likely = _likely(job, _changes(job, _small(job, clip)))
    around = [shifted(likely, k) for k in range(-BACK, shots.SHORTEST)]

    def work(n: int, f: list[Any]) -> Any:
        cuts: list[tuple[int, float]] = []
        for k, frame in zip(range(n - BACK, n + shots.SHORTEST), f, strict=True):
            if 0 <= k < job.length and frame.props[_LIKELY] > 0:
                shots.add(cuts, k, frame.props[_LIKELY])
        out = f[BACK].copy()
        out.props[FLAG] = int(any(index == n for index, _ in cuts))
        return out

    flags = parallel(job.name, likely, around, work)
    return clip.std.CopyFrameProps(flags, props=[FLAG])


def _small(job: Job, clip: Any) -> Any:
    """The detector's pictures as a clip."""
    form = clip.std.BlankClip(width=shots.COLUMNS, height=shots.ROWS, format=vs.GRAYS, keep=True)
    weights = shots.weights(job.fmt)

    def work(n: int, f: list[Any]) -> Any:
        out = f[0].copy()
        np.copyto(np.asarray(out[0]), shots.small(shots.luma(planes_of(f[1]), weights)))
        return out

    return parallel(job.name, form, [form, clip], work)


def _changes(job: Job, small: Any) -> Any:
    def work(n: int, f: list[Any]) -> Any:
        out = f[0].copy()
        before, here = (planes_of(frame)[0] for frame in (f[1], f[0]))
        out.props[_CHANGE] = shots.difference(before, here) if n else 0.0
        return out

    return parallel(job.name, small, [small, shifted(small, -1)], work)


def _likely(job: Job, small: Any) -> Any:
    """How much changes at frames that are cuts but for their neighbours, 0 elsewhere."""
    around = [shifted(small, k) for k in range(-shots.LOOK, shots.LOOK + 1)]

    def seen(k: int, frame: Any) -> shots.Seen:
        return shots.Seen(k, planes_of(frame)[0], frame.props[_CHANGE])

    def work(n: int, f: list[Any]) -> Any:
        change = f[shots.LOOK].props[_CHANGE]
        inside = shots.SHORTEST <= n <= job.length - shots.SHORTEST and change >= shots.CHANGE
        if inside:
            window = zip(range(n - shots.LOOK, n + shots.LOOK + 1), f, strict=True)
            pictures = [seen(k, frame) for k, frame in window if 0 <= k < job.length]
            inside = shots.is_cut(pictures, min(n, shots.LOOK))
        out = f[shots.LOOK].copy()
        out.props[_LIKELY] = change if inside else 0.0
        return out

    return parallel(job.name, small, around, work)
