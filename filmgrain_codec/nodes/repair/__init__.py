"""Repair: what is damage (``detect``, ``gates``, ``lines``), what belongs in its place (``fill``)."""

KINDS = ("dust", "scratches")
"""Names of the filters that repair film."""
