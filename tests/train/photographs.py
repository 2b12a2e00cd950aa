"""Photographs to train on that are made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def photographs(root: Path, cells: int = 20) -> Path:
    """Write four, one of them held out, of so many coarse cells across; returns ``root``."""
    (root / "photos").mkdir()
    rng = np.random.default_rng(5)
    for number in (1, 2, 3, 4):
        coarse = rng.integers(0, 255, (cells, cells, 3), np.uint8)
        path = root / "photos" / f"{number}_0.jpg"
        Image.fromarray(coarse).resize((320, 320)).save(path, quality=95)
    return root
