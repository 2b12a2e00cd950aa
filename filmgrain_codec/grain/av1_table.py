"""Grain tables for AV1 encoders: the text form of AV1's grain model, a piece for every shot.

aomenc (``--film-grain-table``), SvtAv1EncApp (``--fgs-table``; its first piece only), rav1e and av1an read
it. The form is that of libaom's ``aom_dsp/grain_table.c``: "filmgrn1", then for each piece a line of its
times and seed, a line of parameters, three of points and three of coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from filmgrain_codec.grain.av1_filter import LAG
from filmgrain_codec.grain.av1_model import BY_LUMA, Av1Grain, Points, fitted, seed_of
from filmgrain_codec.grain.profile import GrainSegment

HEAD = "filmgrn1"
TICKS = 10_000_000
"""Of a second."""
Shot = tuple[GrainSegment, Fraction, Fraction]


def table(shots: Iterable[Shot]) -> str:
    """The table of shots (grain, start and end in seconds) in 4:2:0; shots without grain are left out."""
    lines = [HEAD]
    for segment, start, end in shots:
        grain = fitted(segment)
        if grain is not None:
            lines += [_entry(start, end, seed_of(segment, segment.start)), *_parameters(grain)]
    return "\n".join(lines) + "\n"


def _entry(start: Fraction, end: Fraction, seed: int) -> str:
    """Applied, with parameters of its own. Encoders cut times to whole ticks, and so it is done here."""
    return f"E {int(start * TICKS)} {int(end * TICKS)} 1 {seed} 1"


def _parameters(grain: Av1Grain) -> list[str]:
    head = (LAG, grain.ar_shift, grain.coarseness, grain.scaling, 0, 1, *BY_LUMA, *BY_LUMA)
    planes = (("Y", grain.luma, grain.ar_luma), ("Cb", grain.cb, grain.ar_cb), ("Cr", grain.cr, grain.ar_cr))
    return [
        _line("p", head),
        *(_line(f"s{name}", (len(points), *_flat(points))) for name, points, _ in planes),
        *(_line(f"c{name}", taps) for name, _, taps in planes),
    ]


def _flat(points: Points) -> list[int]:
    return [number for point in points for number in point]


def _line(name: str, numbers: Iterable[int]) -> str:
    return f"\t{name} " + " ".join(str(n) for n in numbers)
