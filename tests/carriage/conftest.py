"""Films encoded once for all carriage tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.carriage import material

Film = Callable[..., Path]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """film(codec, suffix='.mkv', **material.write's arguments): the file, made once per set of arguments."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, Path] = {}

    def get(codec: str, suffix: str = ".mkv", **arguments: object) -> Path:
        key = f"{codec}{suffix}{sorted(arguments.items())}"
        if key not in made:
            made[key] = folder / f"{codec}_{len(made)}{suffix}"
            material.write(made[key], codec, **arguments)  # type: ignore[arg-type]
        return made[key]

    return get
