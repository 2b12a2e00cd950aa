"""Grain generators for training and benchmarks (NumPy)."""
