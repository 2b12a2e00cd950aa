"""Decoding times of clips that end before an encoder's B-frame delay is over."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import av


def mend(packets: Sequence[av.Packet], time_base: Fraction) -> None:
    """Give all the packets of a short clip decoding times, where the encoder left them undefined.

    libx265 derives them from the time of a frame that such a clip does not have, and returns whatever
    memory held. ``packets``: every packet of the clip, in decoding order; sound ones stay as they are.
    """
    if not packets or _sound(packets, time_base):
        return
    shown = sorted(_pts(p) for p in packets)
    delay = next(d for d in range(len(shown)) if _fits(shown, packets, d))
    for n, packet in enumerate(packets):
        packet.dts = shown[n - delay] if n >= delay else shown[0] - (delay - n)


def _sound(packets: Sequence[av.Packet], time_base: Fraction) -> bool:
    """Whether decoding times rise and lie before the pictures', by no more than the clip and a second."""
    times = [p.dts for p in packets if p.dts is not None]
    shown = [_pts(p) for p in packets]
    reach = max(shown) - min(shown) + 1 / time_base
    rising = all(a < b for a, b in pairwise(times))
    near = all(0 <= s - t <= reach for s, t in zip(shown, times, strict=False))
    return len(times) == len(packets) and rising and near


def _fits(shown: Sequence[int], packets: Sequence[av.Packet], delay: int) -> bool:
    return all(shown[n - delay] <= _pts(p) for n, p in enumerate(packets) if n >= delay)


def _pts(packet: av.Packet) -> int:
    return packet.pts or 0
