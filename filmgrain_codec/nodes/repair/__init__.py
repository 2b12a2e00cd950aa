"""Repair: what is damage (``detect``, ``gates``, ``lines``), what belongs in its place (``fill``)."""

from filmgrain_codec.errors import UsageError

KINDS = ("dust", "scratches")
"""Names of the filters that repair film."""
BEST = "best"
BOTH_BEST = ("dust:detector=net,passes=2", "scratches")
"""What ``best`` stands for."""


def named(text: str, option: str) -> list[str]:
    """The filters that ``option`` names: kinds with commas, or best. Raises ``UsageError``."""
    words = [word.strip() for word in text.split(",")]
    if words == [BEST]:
        return list(BOTH_BEST)
    for word in words:
        if word not in KINDS:
            known = " or ".join(KINDS)
            raise UsageError(f"{option} knows no {word!r}: name {known}, both with a comma, or {BEST}")
    if len(set(words)) < len(words):
        raise UsageError(f"{option} names one kind twice: {text!r}")
    return words
