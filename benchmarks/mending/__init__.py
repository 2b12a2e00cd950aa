"""What the benchmark ``repair`` is made of: clips, methods, figures, sheets."""
