"""Tier 0: frames, nodes and the graph. NumPy only, no input or output."""
