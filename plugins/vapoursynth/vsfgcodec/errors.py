"""Errors as script authors know them: ``vs.Error("fg.denoise: ...")``, at construction wherever possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

import vapoursynth as vs

from filmgrain_codec.errors import FgcodecError


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Errors of the codec come out as ``vs.Error`` that begins with the function's name."""
    try:
        yield
    except FgcodecError as error:
        raise vs.Error(f"{name}: {error}") from error


def public[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """A function of the module, its errors reported under its own name."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with reported(f"fg.{function.__name__}"):
            return function(*args, **kwargs)

    return called
