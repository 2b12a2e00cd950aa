"""Repair: what is damage (``detect``, ``gates``, ``lines``), what belongs in its place (``fill``)."""
