"""Options that trainers share."""

from __future__ import annotations

import argparse

from filmgrain_codec.train.level import seconds


def add_length(parser: argparse.ArgumentParser) -> None:
    """How long, on what, from which seed, and whether it goes on; the defaults are the trainer's own."""
    parser.add_argument("--budget", type=seconds, help="wall-clock length: 60m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--scenes", type=int, help="coded scenes in a pool that is made")
    parser.add_argument("--batch", type=int, help="patches a step")
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
