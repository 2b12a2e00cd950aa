"""``python -m benchmarks NAME [OPTIONS]`` runs ``main`` of the module of that name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

PLUMBING = {"__init__", "__main__", "material", "picture", "plain", "quality", "report"}


def names() -> list[str]:
    """Benchmarks that can be run."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in PLUMBING)


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in names():
        print(f"usage: python -m benchmarks {{{','.join(names())}}} [options]", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:]) or 0)


if __name__ == "__main__":
    sys.exit(main())
