"""Flicker measured with a neural atlas of each shot; ``fit.fit`` is the way in."""
