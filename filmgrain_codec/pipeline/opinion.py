"""The level net as a judge of single frames, loaded when the first patch is to be judged."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from filmgrain_codec.errors import ModelError
from filmgrain_codec.grain.flat import Array
from filmgrain_codec.grain.judged import Judge
from filmgrain_codec.infer import store

ROLE, PART, INPUT = "level", "luma", "pair"
WITHOUT = (
    "single frames were measured by their statistics alone, which take fine texture for grain: the level "
    "net needs {missing}"
)


def judge() -> Judge | None:
    """The level net of this installation, or None where it cannot run (``missing`` says why)."""
    return None if missing() else _judge


def missing() -> str:
    """What the level net lacks here, '' if it can run."""
    if find_spec("onnxruntime") is None:
        return "ONNX Runtime: pip install 'filmgrain-codec[cpu]'"
    try:
        store.resolve("fast", ROLE)
    except ModelError:
        return "a model of role 'level', which is not installed"
    return ""


def _judge(patches: Array) -> Array:
    """Log sigma, log variance, log size, log variance (n, 4) of patches (n, 2, 64, 64)."""
    from filmgrain_codec.infer.session import session

    found = session(store.resolve("fast", ROLE).part(PART)).run({INPUT: patches})
    return np.asarray(found, np.float32)
