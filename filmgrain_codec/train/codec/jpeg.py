"""Frames through JPEG plane by plane, so that no colour conversion stands between."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from filmgrain_codec.core import quantiser
from filmgrain_codec.core.frame import Frame, Plane


def as_jpeg(frame: Frame, quality: float) -> Frame:
    """A Y'CbCr frame of libjpeg's quality (1 to 100, rounded), 8 bit, with props ``qp`` and ``codec``."""
    number = round(quality)
    planes = tuple(_through(p, _tables(number)[k > 0]) for k, p in enumerate(frame.planes))
    props = {"qp": quantiser.of_jpeg(number), "codec": "jpeg"}
    return replace(frame, planes=planes, fmt=replace(frame.fmt, bits=8), props=props)


def _through(plane: Plane, table: list[int]) -> Plane:
    out = io.BytesIO()
    codes = np.rint(plane.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(codes).save(out, "jpeg", qtables=[table])
    return np.asarray(Image.open(out), np.float32) / np.float32(255)


@lru_cache(maxsize=128)
def _tables(quality: int) -> list[list[int]]:
    """Luma's and chroma's quantisers as libjpeg scales them."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "jpeg", quality=quality)
    return [list(t) for t in Image.open(out).quantization.values()]  # type: ignore[attr-defined]
