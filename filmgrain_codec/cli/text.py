"""Plain text for people: nested values as indented lines, rows as aligned columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def tree(value: Mapping[str, Any], indent: int = 0) -> str:
    """``key: value`` lines, nested mappings and lists of mappings indented; empty values left out."""
    lines = []
    for key, item in value.items():
        if item is None or item == "" or (isinstance(item, (list, tuple, Mapping)) and not item):
            continue
        lines += _entry(str(key), item, "  " * indent, indent)
    return "\n".join(lines)


def _entry(key: str, item: Any, pad: str, indent: int) -> list[str]:
    if isinstance(item, Mapping):
        return [f"{pad}{key}:", tree(item, indent + 1)]
    if _rows(item):
        return [line for n, row in enumerate(item) for line in (f"{pad}{key} {n}:", tree(row, indent + 1))]
    return [f"{pad}{key}: {scalar(item)}"]


def _rows(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and bool(item) and all(isinstance(row, Mapping) for row in item)


def scalar(item: Any) -> str:
    """Short text of one value."""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:.4g}"
    if isinstance(item, (list, tuple)):
        return ", ".join(scalar(part) for part in item)
    return str(item)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows with their cells aligned to the left; no trailing blanks."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
