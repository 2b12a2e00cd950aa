"""What a mask net is for: it decides what its samples hold (``train.repair_samples``)."""

from __future__ import annotations

from dataclasses import dataclass

CLEAN, CLIPS, GUARDED = 0.2, 0.25, 0.3


@dataclass(frozen=True, slots=True)
class Aim:
    """What a net is for.

    ``stills``: so many of so many samples, by number, are stills, where damage is harder to tell.
    ``spotted``, ``mottled``: shares with clumps in the grain, and with an uneven density of the film, which
    are others in every frame. ``weaker``: by how much weak damage is weaker. ``dropped``: share of the moving
    samples that is shown as stills. ``clean``, ``clips``, ``guarded``: shares without damage, of clips with
    real motion, and (of what moves) with things to leave alone. ``crowded``: whether a film's severity is
    drawn (``SEVERITIES``), not a count of specks. ``compact``: share with small sharp specks too
    (``train.repair_compact``). ``soft``: share whose scene is drawn as softly as a lens and a film draw it.
    ``inverted``: chance of a batch to be seen as a negative.
    """

    stills: tuple[int, int]
    spotted: float
    mottled: float
    weaker: tuple[float, float]
    dropped: float
    clean: float = CLEAN
    clips: float = CLIPS
    guarded: float = GUARDED
    crowded: bool = False
    compact: float = 0.0
    soft: float = 0.0
    inverted: float = 0.5


# What is on one frame only is what dirt is on a clip: to learn there that clumps are none would unlearn dust.
AIMS = {
    "both": Aim((2, 5), spotted=0.12, mottled=0.15, weaker=(0.1, 1.0), dropped=0.1),
    "clips": Aim(
        (0, 1), 0.0, 0.0, weaker=(0.2, 1.0), dropped=0.05, clean=0.3, clips=0.35, guarded=0.35, crowded=True
    ),
    # Most dust of scans lay on a negative: bright, small, and sharper than the film.
    "scans": Aim(
        (1, 1),
        spotted=0.25,
        mottled=0.15,
        weaker=(0.3, 1.0),
        dropped=0.0,
        guarded=0.04,
        compact=0.7,
        soft=0.5,
        inverted=0.2,
    ),
}
