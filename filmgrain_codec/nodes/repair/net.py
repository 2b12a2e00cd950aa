"""Specks as a net sees them: from the frame and its neighbours, or from the frame alone where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.names import AUTO
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import AFTER, BEFORE, Aligned, net_input
from filmgrain_codec.nodes.repair.detect import BLACK, SMALLEST, WHITE, Suspects
from filmgrain_codec.nodes.repair.gates import roughest
from filmgrain_codec.nodes.repair.specks import Speck, specks

Array = NDArray[np.float32]
ROLE, STILL_ROLE = "repair", "repair-still"
MASK, POLARITY = 0, 1
"""Of the net's four maps, the two that are used here."""
SURE, STILL_SURE, FAINT = 0.6, 0.7, 0.8
"""What of the weighed mask makes a speck at sensitivity 1, and one of a still; which share of that hangs
together with it."""
UNSTEADY = 0.1
"""How much more is asked of a speck for each sample that motion varies by around it (deviation)."""
AROUND, DOUBT, CROWD = 65, 1.0, 10.0
"""A mask counts less by so many times the doubt around it (over boxes of so many samples), and on a still,
where texture looks like dirt, by so many times all that is suspect there."""


@dataclass(frozen=True)
class MaskNet:
    """The installed mask net of a tier or id, and what runs it. Raises ``ModelError`` if there is none.

    Of an alias stills have a net of their own where one is installed.
    """

    name: str = "fast"
    backend: str = AUTO

    @cached_property
    def model(self) -> store.Model:
        """The net that is asked about frames with neighbours."""
        try:
            return store.resolve(self.name, ROLE)
        except ModelError:
            if self.name in store.TIERS:
                raise
            return store.resolve(self.name, STILL_ROLE)

    @cached_property
    def still_model(self) -> store.Model:
        """The net that is asked about stills: of an id the one of that id, whichever it is for."""
        try:
            return store.resolve(self.name, STILL_ROLE)
        except ModelError:
            return self.model

    def specks(self, aligned: Aligned, sensitivity: float) -> list[Speck]:
        """The damage of the middle frame; ``sensitivity`` s puts the threshold at its s-th power.

        Where motion varies the net must be surer: there it takes picture for damage.
        """
        maps = self.maps(aligned)
        usual = STILL_SURE if aligned.alone else SURE
        sure, mask = usual**sensitivity, weighed(maps[MASK], aligned.alone)
        masks = ((mask > np.float32(t)).astype(np.uint8) for t in (sure, FAINT * sure))
        found = specks(Suspects(*masks), 0, SMALLEST)
        if not aligned.alone:
            flows = [aligned.motion.flow(k) for k in (BEFORE, AFTER)]
            found = [s for s in found if certainty(s, mask) >= sure + UNSTEADY * roughest(s, flows)]
        return [coloured(s, maps[POLARITY]) for s in found]

    def maps(self, aligned: Aligned) -> Array:
        """Mask, polarity (1 = brighter), opacity and confidence, 0 to 1 (4, rows, columns)."""
        part = (self.still_model if aligned.alone else self.model).part("luma")
        given = net_input(None if aligned.alone else aligned, aligned.here)
        size = (given.shape[2], given.shape[3])
        tile = tiling.side(size, part.multiple)
        halo = -(-part.halo // part.multiple) * part.multiple
        tile = -(-tile // part.multiple) * part.multiple
        inputs = {"given": given}
        net = backends.net(part, 1, self.backend)
        return tiling.run(net, inputs, halo=halo, multiple=part.multiple, tile=tile)[0]


def certainty(speck: Speck, mask: Array) -> float:
    """The most that a mask says of a speck."""
    return float(mask[speck.rows, speck.columns][speck.shape].max())


def weighed(mask: Array, alone: bool, crowd: float = CROWD) -> Array:
    """The net's mask (rows, columns), less where its surroundings are in doubt; ``alone``: said of a still.

    Where motion fails or texture is like dirt, the net is undecided all around.
    """
    cv = opencv()
    doubt = crowd * mask if alone else DOUBT * 4 * mask * (1 - mask)
    usual: Array = cv.blur(doubt, (AROUND, AROUND))
    return np.asarray(mask * np.clip(1 - usual, 0, 1), np.float32)


def coloured(speck: Speck, polarity: Array) -> Speck:
    """A speck that knows whether it is bright or dark."""
    bright = float(polarity[speck.rows, speck.columns][speck.shape].mean()) > 0.5
    return Speck(speck.rows, speck.columns, speck.shape, WHITE if bright else BLACK)
