"""Nodes from the plain values of a filter's text form (see ``filmgrain_codec.nodes``)."""

from __future__ import annotations

from filmgrain_codec.core.node import Node
from filmgrain_codec.core.window import OPEN_END
from filmgrain_codec.grain.profile import (
    DEFAULT_CURVE,
    FLAT_CURVE,
    Chroma,
    GrainSegment,
    Spectrum,
)
from filmgrain_codec.nodes.synth import Grain


def grain(
    *,
    level: float,
    size: float,
    anisotropy: float,
    weight: float,
    spread: float,
    chroma: float,
    chroma_size: float,
    skew: float,
    curve: str,
    seed: int,
) -> Grain:
    """One grain for the whole clip. Units and ranges as registered."""
    segment = GrainSegment(
        start=0,
        end=OPEN_END,
        level=level,
        curve=FLAT_CURVE if curve == "flat" else DEFAULT_CURVE,
        spectrum=Spectrum(size, anisotropy, weight, spread),
        chroma=Chroma(cb=chroma, cr=chroma, size=chroma_size),
        skew=skew,
        seed=seed,
    )
    return Grain(segment, level=level)


def denoise(*, level: float | None = None, model: str, blind: bool, threads: int, backend: str) -> Node:
    """One level for the whole clip; without one the networks are blind."""
    from filmgrain_codec.nodes.denoise import Denoise

    return Denoise(level, model=model, blind=blind, threads=threads, backend=backend)
