"""What ``decode --repair`` names: off, codec or auto; behind a colon, values of the filter codec_repair."""

from __future__ import annotations

from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import NODES, format_node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.codec_repair import REPAIR_FROM

OFF = "off"
WORDS = (OFF, *REPAIR_FROM)


def checked(text: str, option: str = "--repair") -> str | None:
    """The filter that ``codec:strength=0.8,model=best`` names, None for off. Raises ``UsageError``."""
    word, _, values = text.partition(":")
    if word not in WORDS or (word == OFF and values):
        raise UsageError(
            f"{option} is one of {', '.join(WORDS)}, with the filter's values behind a colon "
            f"(codec:strength=0.8), not {text!r}"
        )
    if word == OFF:
        return None
    _, given = NODES.parse(f"codec_repair:{values}" if values else "codec_repair")
    return format_node("codec_repair", {"least": REPAIR_FROM[word], **given})


def node_of(text: str) -> Node | None:
    """The node of it, with its net loaded."""
    found = checked(text)
    return None if found is None else NODES.build(found)
