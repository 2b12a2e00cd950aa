"""Ways to find damage: the mask net, morphology on one picture; maps in 0..1 and masks of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

from benchmarks.damage.cases import SMALLEST, Map, Mask
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.nodes.repair.aligned import Aligned
from filmgrain_codec.nodes.repair.detect import Suspects
from filmgrain_codec.nodes.repair.net import CROWD, FAINT, MASK, MaskNet, weighed
from filmgrain_codec.nodes.repair.specks import painted, specks

Ask = Callable[[Aligned | None, Map], Map]


def net(model: str, crowd: float = CROWD) -> Ask:
    """What the mask net says of a picture, with its neighbours or without (None), as the filter weighs it."""
    found = MaskNet(model)

    def ask(aligned: Aligned | None, here: Map) -> Map:
        aligned = aligned or alone(here)
        return weighed(found.maps(aligned)[MASK], aligned.alone, crowd)

    return ask


def alone(here: Map) -> Aligned:
    """A picture without neighbours."""
    fmt = FrameFormat(here.shape[1], here.shape[0], "gray", 0, 0, 8, ColorInfo(range=2))
    return Aligned([Frame((here,), fmt, 0, 0, Fraction(1, 24))] * 3)


def morphology(here: Map) -> Map:
    """Without a net: what opening or closing takes off, over what it takes off nearby; 0..1."""
    codes, found = np.rint(here * 255).astype(np.uint8), np.zeros(here.shape, np.float32)
    for side in (5, 9, 15):
        shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
            off = cv2.morphologyEx(codes, way, shape).astype(np.float32)
            usual = cv2.blur(off, (65, 65)) + 1.5 * np.sqrt(cv2.blur(off**2, (65, 65)))
            found = np.maximum(found, off / (usual + 2))
    return (found / (found + 3)).astype(np.float32)


def masked(score: Map, sure: float) -> Mask:
    """Pieces that hold a sample over ``sure``, as far as the map stays over ``FAINT`` of it."""
    found = Suspects((score > sure).astype(np.uint8), (score > FAINT * sure).astype(np.uint8))
    return painted(specks(found, 0, SMALLEST), score.shape)
