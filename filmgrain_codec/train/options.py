"""Options that trainers of codec nets share."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train.level import seconds


def some(text: str) -> int:
    """A whole number from 1 on. Raises ``UsageError``."""
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"'{text}' is no number of things: write 1 or more.")
    return int(text)


def add_common(parser: argparse.ArgumentParser, config: type) -> None:
    """From what, to where, how long, from which seed, and whether it goes on; the defaults are those of
    ``config``, a dataclass with a field for each.
    """
    parser.add_argument("--data", type=Path, required=True, help="folder with photos*/ and video_clean/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and curve")
    parser.add_argument("--budget", type=seconds, help="wall-clock length: 60m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--scenes", type=some, help="coded scenes in a pool that is made")
    parser.add_argument("--batch", type=int, help="patches a step")
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.set_defaults(**{f.name: f.default for f in fields(config) if f.default is not MISSING})
