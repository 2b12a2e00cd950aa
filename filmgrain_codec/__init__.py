"""Film-grain codec: measure grain, strip it, encode a clean base layer, synthesize it back."""

__version__ = "0.1.0"
