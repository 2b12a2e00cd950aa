"""The user's own degrained clip as the base layer: the source's timing, frame for frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import UsageError
from filmgrain_codec.pipeline.clip import Clip


def same_shape(clip: Clip, base: Clip) -> None:
    """Raise ``UsageError`` unless two clips have the same size and chroma format."""
    a, b = clip.fmt, base.fmt
    if (a.width, a.height, a.family, a.sub_w, a.sub_h) != (b.width, b.height, b.family, b.sub_w, b.sub_h):
        raise UsageError(f"{base.path.name}: --ref must have the size and chroma format of {clip.path.name}")


def matched(base: Clip, times: Sequence[Fraction], time_base: Fraction) -> Iterator[Frame]:
    """The frames of ``base`` at the source's ``times`` (seconds), in units of ``time_base``.

    Raises ``UsageError`` if there are fewer or more of them than times.
    """
    seen = 0
    for seen, frame in enumerate(base.frames(), 1):
        if seen > len(times):
            break
        yield replace(frame, pts=int(times[seen - 1] / time_base), time_base=time_base)
    if seen != len(times):
        more = "at least " if seen > len(times) else ""
        raise UsageError(
            f"{base.path.name}: --ref has {more}{seen} frames and the source has {len(times)}; "
            f"both must show the same pictures"
        )
