"""ONNX Runtime sessions: loaded late, once per (model part, threads), shared by threads."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer.store import Part

Array = NDArray[np.float32]
PROVIDERS = ("CPUExecutionProvider",)
"""The default: the same bits on the same machine and runtime version, whatever else is installed."""
GRAPHICS = "CUDAExecutionProvider"
_EXACT = {"use_tf32": "0"}
"""TF32 keeps ten bits of a number, which ten-bit pictures would show."""
_lock = Lock()


class Net(Protocol):
    """What runs a model part: named float32 arrays in, one float32 array out; safe to share."""

    part: Part

    def run(self, inputs: Mapping[str, Array]) -> Array: ...

    def blank(self, shape: tuple[int, ...]) -> Array: ...


class Blanks(threading.local):
    """Memory of arrays to fill for a net, one of the largest size asked for by every thread.

    Pictures are large: giving their memory back and asking for it anew costs as much as filling it.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.float32)

    def get(self, shape: tuple[int, ...]) -> Array:
        size = math.prod(shape)
        if size > self._kept.size:
            self._kept = np.empty(size, np.float32)
        return self._kept[:size].reshape(shape)


class Session:
    """One loaded ONNX file. ``run`` may be called from several threads at once."""

    def __init__(self, part: Part, threads: int = 1, cuda: bool = False) -> None:
        self.part = part
        self._session = _load_cuda(part) if cuda else _load(part, threads, list(PROVIDERS))
        self._blanks = Blanks()

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """The first output. Raises ``ModelError`` with the runtime's reason."""
        given = {k: np.ascontiguousarray(v, np.float32) for k, v in inputs.items()}
        try:
            made: Array = self._session.run(None, given)[0]
        except Exception as error:
            raise ModelError(f"Model file {self.part.path.name} failed to run: {error}") from error
        return made

    def blank(self, shape: tuple[int, ...]) -> Array:
        """An array to fill and run; it is the caller's until this thread asks for the next."""
        return self._blanks.get(shape)


def session(part: Part, threads: int = 1, cuda: bool = False) -> Session:
    """The shared session of a verified part. Raises ``ModelError``."""
    with _lock:
        return _session(part, threads, cuda)


@cache
def _session(part: Part, threads: int, cuda: bool) -> Session:
    return Session(part, threads, cuda)


def conflict() -> str:
    """Why the installed runtime may misbehave, '' if nothing speaks against it."""
    found = {d.name.lower().replace("_", "-") for d in metadata.distributions() if d.name}
    if {"onnxruntime", "onnxruntime-gpu"} <= found:
        return (
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files: "
            "uninstall both, then install the one you want"
        )
    return ""


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "ONNX Runtime is not installed: pip install 'filmgrain-codec[cpu]' (or [gpu])."
        ) from error
    return onnxruntime


@cache
def _warn_once() -> None:
    reason = conflict()
    if reason:
        warnings.warn(reason, RuntimeWarning, stacklevel=5)


def _load_cuda(part: Part) -> Any:
    """A session on the GPU; without one ONNX Runtime would quietly take the CPU."""
    runtime = _runtime()
    if hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = _load(part, 1, [(GRAPHICS, _EXACT), *PROVIDERS])
    if made.get_providers()[0] != GRAPHICS:
        raise ModelError(
            "ONNX Runtime finds no CUDA device: check the driver with nvidia-smi and that onnxruntime-gpu is "
            "installed alone, or use backend onnxruntime."
        )
    return made


def _load(part: Part, threads: int, providers: list[Any]) -> Any:
    runtime = _runtime()
    _warn_once()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The session is made of the very bytes that were checked.
    content = part.verified().read_bytes()
    try:
        return runtime.InferenceSession(content, options, providers=providers)
    except Exception as error:
        raise ModelError(f"Model file {part.path} cannot be loaded: {error}") from error
