"""Python values for the parameters of registered filters, checked as their text form is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from inspect import Parameter, Signature, signature
from typing import Any

from filmgrain_codec.core.registry import KINDS, NodeSpec, Param, Value
from filmgrain_codec.errors import UsageError

TAKEN: dict[type, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str,),
    Fraction: (int, Fraction),
}


def values_of(spec: NodeSpec, given: Mapping[str, Any]) -> dict[str, Value]:
    """The values of parameters given by name, None meaning not given. Raises ``UsageError``."""
    return {name: _value(spec.param(name), value) for name, value in given.items() if value is not None}


def _value(param: Param, given: Any) -> Value:
    wrong_bool = isinstance(given, bool) and param.kind is not bool
    if wrong_bool or not isinstance(given, TAKEN[param.kind]):
        raise UsageError(f"{param.name} must be {KINDS[param.kind]}, not {given!r}")
    if isinstance(given, float) and not math.isfinite(given):
        raise UsageError(f"{param.name} must be {KINDS[param.kind]}, not {given!r}")
    value: Value = param.kind(given)
    try:
        param.check(value)
    except ValueError as error:
        raise UsageError(f"{param.name} {error}") from None
    return value


def described(function: Callable[..., Any], spec: NodeSpec) -> Callable[..., Any]:
    """The function with the signature and the words of a filter, for ``help`` and for editors."""
    own = [p for p in signature(function).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    more = [
        Parameter(p.name, Parameter.KEYWORD_ONLY, default=p.default, annotation=p.kind) for p in spec.params
    ]
    function.__signature__ = Signature([*own, *more])  # type: ignore[attr-defined]
    function.__doc__ = spec.describe()
    return function
