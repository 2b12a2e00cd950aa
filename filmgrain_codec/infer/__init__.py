"""Tier 1: ONNX models: store, sessions, tiling."""
