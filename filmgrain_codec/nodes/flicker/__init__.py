"""Deflicker: notes of every frame's light, what to do about it, and doing it (``correction``)."""
