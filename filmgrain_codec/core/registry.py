"""Nodes by name: what exists, which parameters it takes, and the text form of one.

Text form: ``name:key=value,key=value``, as in ``deflicker:radius=2,strength=0.5``. A flag may
stand alone (``denoise:blind``). A value that holds a comma is quoted with ' or ", or the comma is
written \\, (and the backslash itself \\\\). Colons and equals signs in values need nothing.
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError

Value = int | float | bool | str | Fraction | None
Factory = Callable[..., Node]
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
KINDS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Fraction: "a fraction like 24000/1001",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its type, default, closed range, unit and allowed words.

    ``kind`` is int, float, bool, str or Fraction. A default of None means 'not given': the
    factory is called without it.
    """

    name: str
    kind: type
    default: Value = None
    help: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Value:
        """The value of its text; raises ValueError saying what would be right."""
        try:
            value = _convert(self.kind, text)
        except (ValueError, ZeroDivisionError, OverflowError):
            raise ValueError(f"is {KINDS[self.kind]}, not {text!r}") from None
        self.check(value)
        return value

    def check(self, value: Value) -> None:
        """Raises ValueError for a value outside the range or the choices."""
        if self.choices and value not in self.choices:
            raise ValueError(f"is one of {', '.join(self.choices)}, not {value!r}")
        if isinstance(value, int | float | Fraction) and not self._inside(value):
            raise ValueError(f"is {self.range}, not {value}")

    @property
    def range(self) -> str:
        """The range in words, '' if there is none."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return unit.strip()
        if self.high is None:
            return f"at least {self.low}{unit}"
        return f"at most {self.high}{unit}" if self.low is None else f"{self.low} to {self.high}{unit}"

    def _inside(self, value: float | Fraction) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node by name. ``factory`` is 'module:callable', imported when the first node is made."""

    name: str
    factory: str | Factory
    help: str
    params: tuple[Param, ...] = ()

    def build(self, values: Mapping[str, Value]) -> Node:
        """A node with the values given and the defaults of the others."""
        known = {p.name: p.default for p in self.params} | dict(values)
        return self._load()(**{name: value for name, value in known.items() if value is not None})

    def param(self, key: str) -> Param:
        for param in self.params:
            if param.name == key:
                return param
        names = [p.name for p in self.params]
        raise UsageError(f"filter {self.name!r} has no parameter {key!r}{_nearest(key, names, 'it takes')}")

    def describe(self) -> str:
        """Name, purpose and one line for each parameter."""
        return "\n".join([f"{self.name}: {self.help}", *(f"  {_line(p)}" for p in self.params)])

    def _load(self) -> Factory:
        if not isinstance(self.factory, str):
            return self.factory
        module, _, name = self.factory.partition(":")
        factory: Factory = getattr(importlib.import_module(module), name)
        return factory


class Registry:
    """Node specs by name, in the order they were registered."""

    def __init__(self) -> None:
        self._specs: dict[str, NodeSpec] = {}

    def __iter__(self) -> Iterator[NodeSpec]:
        return iter(self._specs.values())

    def register(self, spec: NodeSpec) -> NodeSpec:
        """Add a spec; raises ``UsageError`` if the name is taken, changing nothing."""
        if spec.name in self._specs:
            raise UsageError(f"a filter named {spec.name!r} is registered already")
        self._specs[spec.name] = spec
        return spec

    def node(self, name: str, help: str, *params: Param) -> Callable[[Factory], Factory]:
        """Decorator: register a class or function under ``name``."""

        def decorate(factory: Factory) -> Factory:
            self.register(NodeSpec(name, factory, help, params))
            return factory

        return decorate

    def get(self, name: str) -> NodeSpec:
        """Raises ``UsageError`` with the nearest names if there is no such filter."""
        if name not in self._specs:
            raise UsageError(f"there is no filter {name!r}{_nearest(name, list(self._specs), 'there are')}")
        return self._specs[name]

    def parse(self, text: str) -> tuple[NodeSpec, dict[str, Value]]:
        """The spec and the values given in ``name:key=value,...``."""
        name, _, rest = text.partition(":")
        spec = self.get(name.strip())
        values: dict[str, Value] = {}
        for key, word in _pairs(rest, text):
            param = spec.param(key)
            if key in values:
                raise UsageError(f"filter {spec.name!r} is given {key!r} twice in {text!r}")
            values[key] = _value(spec, param, word)
        return spec, values

    def build(self, text: str) -> Node:
        """The node that ``name:key=value,...`` describes."""
        spec, values = self.parse(text)
        return spec.build(values)

    def describe(self) -> str:
        """All filters with their parameters, as shown by ``fgcodec filter --help``."""
        return "\n\n".join(spec.describe() for spec in self)


NODES = Registry()
"""The filters of this package; ``filmgrain_codec.nodes`` fills it."""


def build_chain(texts: Iterable[str]) -> list[Node]:
    """One node for each text, from ``NODES``; raises ``UsageError``."""
    return [NODES.build(text) for text in texts]


def format_node(name: str, values: Mapping[str, Value]) -> str:
    """The text that parses back to these values."""
    pairs = (f"{key}={_escaped(value)}" for key, value in values.items())
    return ":".join(part for part in (name, ",".join(pairs)) if part)


def _escaped(value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = text.strip() == text and not any(c in text for c in ",\\'\"")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _convert(kind: type, text: str) -> Value:
    if kind is bool:
        word = text.strip().lower()
        if word not in TRUE + FALSE:
            raise ValueError(text)
        return word in TRUE
    if kind is float and not math.isfinite(float(text)):
        raise ValueError(text)
    value: Value = kind(text)
    return value


def _value(spec: NodeSpec, param: Param, word: str | None) -> Value:
    if word is None and param.kind is not bool:
        raise UsageError(f"filter {spec.name!r}: {param.name!r} needs a value, as in {param.name}=...")
    try:
        return True if word is None else param.parse(word)
    except ValueError as error:
        raise UsageError(f"filter {spec.name!r}: {param.name!r} {error}") from None


def _pairs(rest: str, text: str) -> Iterator[tuple[str, str | None]]:
    for item in _split(rest, text):
        key, equals, word = item.partition("=")
        yield key.strip(), word if equals else None


def _split(rest: str, text: str) -> list[str]:
    """Cut at commas outside quotes, then drop quotes and escapes."""
    items, quote, chars = [""], "", iter(rest)
    for c in chars:
        if c == "\\":
            after = next(chars, "")
            items[-1] += after if after in ("\\", ",", "'", '"') else c + after
        elif c in "'\"" and quote in ("", c):
            quote = "" if quote else c
        elif c == "," and not quote:
            items.append("")
        else:
            items[-1] += c
    if quote:
        raise UsageError(f"the quote {quote} is never closed in {text!r}")
    if items == [""]:
        return []
    if any(not item.strip() for item in items):
        raise UsageError(f"there is an empty parameter in {text!r}; write name:key=value,key=value")
    return items


def _nearest(word: str, names: list[str], all_words: str) -> str:
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; {all_words} {', '.join(names)}" if names else f"; {all_words} none"


def _line(param: Param) -> str:
    kind = "|".join(param.choices) or param.kind.__name__.lower()
    notes = [param.range, "" if param.default is None else f"default {_shown(param.default)}"]
    extra = f" ({', '.join(n for n in notes if n)})" if any(notes) else ""
    return f"{param.name}={kind}: {param.help}{extra}"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
