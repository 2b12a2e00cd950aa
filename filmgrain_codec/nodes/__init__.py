"""Tier 2: the filters of the frame graph."""
