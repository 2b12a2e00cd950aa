"""Ways to find damage: the mask net, morphology on one picture; maps in 0..1 and masks of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

from benchmarks.damage.cases import SMALLEST, Map, Mask
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.nodes.repair.aligned import AFTER, BEFORE, Aligned
from filmgrain_codec.nodes.repair.detect import Suspects
from filmgrain_codec.nodes.repair.gates import FLOWING
from filmgrain_codec.nodes.repair.net import CROWD, FAINT, MASK, UNSTEADY, MaskNet, weighed
from filmgrain_codec.nodes.repair.specks import painted, specks

Ask = Callable[[Aligned | None, Map], Map]


def net(model: str, crowd: float = CROWD) -> Ask:
    """What the mask net says of a picture, with its neighbours or without (None), as the filter weighs it.

    Where motion varies it is lowered by as much as the filter asks more there.
    """
    found = MaskNet(model)

    def ask(aligned: Aligned | None, here: Map) -> Map:
        aligned = aligned or alone(here)
        said = weighed(found.maps(aligned)[MASK], aligned.alone, crowd)
        return said if aligned.alone else said - UNSTEADY * roughness(aligned)

    return ask


def roughness(aligned: Aligned) -> Map:
    """Deviation of the motion around every sample, in luma samples; of both neighbours the larger."""
    height, width = aligned.here.shape
    side, made = 2 * FLOWING + 1, np.zeros((height, width), np.float32)
    for flow, unit in (aligned.motion.flow(k) for k in (BEFORE, AFTER)):
        if flow is None:
            continue
        spread = cv2.blur(flow * flow, (side, side)) - cv2.blur(flow, (side, side)) ** 2
        rough = unit * np.sqrt(np.maximum(spread.sum(-1), 0))
        whole = cv2.resize(
            rough, (flow.shape[1] * unit, flow.shape[0] * unit), interpolation=cv2.INTER_NEAREST
        )
        made = np.maximum(made, whole[:height, :width])
    return made


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
