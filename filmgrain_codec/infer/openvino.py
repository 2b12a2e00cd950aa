"""OpenVINO sessions: loaded late, compiled once per picture size, shared by threads.

Fixed sizes make OpenVINO's plan for a net a third faster than open ones. A picture is computed on
``threads`` cores; as many pictures at a time as there are cores for it run side by side ("streams").
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import numpy as np

from filmgrain_codec.core.executor import cores
from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer.openvino_graph import channels_last
from filmgrain_codec.infer.session import Array, Blanks
from filmgrain_codec.infer.store import Part

SIZES = 12
"""Compiled sizes kept: the tiles of one large picture have nine at most."""
Shapes = tuple[tuple[str, tuple[int, ...]], ...]
_lock = Lock()


class Session:
    """One loaded ONNX file. ``run`` may be called from several threads at once.

    ``precision``: f32, or bf16 for convolutions (sums on the way in and out stay in float32).
    """

    def __init__(self, part: Part, threads: int = 1, precision: str = "f32") -> None:
        self.part = part
        streams = max(1, cores() // threads)
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": streams * threads,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        }
        # The net is made of the very bytes that were checked.
        self._content = part.verified().read_bytes()
        self._sizes: OrderedDict[Shapes, _Sized] = OrderedDict()
        self._lock = Lock()
        self._blanks = Blanks()
        self._read()

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """The first output. Raises ``ModelError`` with OpenVINO's reason."""
        shapes = tuple((k, v.shape) for k, v in inputs.items())
        given = {k: np.ascontiguousarray(last(v), np.float32) for k, v in inputs.items()}
        try:
            return self._sized(shapes).run(given)
        except Exception as error:
            raise ModelError(f"Model file {self.part.path.name} failed to run: {_reason(error)}") from error

    def blank(self, shape: tuple[int, ...]) -> Array:
        """An array to fill and run, the channels last in memory; see ``session.Session.blank``."""
        batch, channels, rows, columns = shape
        return self._blanks.get((batch, rows, columns, channels)).transpose(0, 3, 1, 2)

    def _sized(self, shapes: Shapes) -> _Sized:
        with self._lock:
            if shapes not in self._sizes:
                self._sizes[shapes] = self._compiled(shapes)
                while len(self._sizes) > SIZES:
                    self._sizes.popitem(last=False)
            self._sizes.move_to_end(shapes)
            return self._sizes[shapes]

    def _compiled(self, shapes: Shapes) -> _Sized:
        model = self._read()
        model.reshape({name: list(shape) for name, shape in shapes})
        return _Sized(_core().compile_model(channels_last(model), "CPU", self._settings))

    def _read(self) -> Any:
        try:
            return _core().read_model(self._content)
        except RuntimeError as error:
            raise ModelError(f"Model file {self.part.path} cannot be loaded: {_reason(error)}") from error


class _Sized:
    """A net compiled for one size. Requests hold buffers, so they are used again."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._shape = tuple(compiled.output(0).shape)
        self._idle: SimpleQueue[Any] = SimpleQueue()

    def run(self, given: Mapping[str, Array]) -> Array:
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        made = np.empty(self._shape, np.float32)
        request.set_output_tensor(0, _library().Tensor(made, shared_memory=True))
        request.infer(dict(given), share_inputs=True, share_outputs=True)
        self._idle.put(request)
        return made.transpose(0, 3, 1, 2) if made.ndim == 4 else made


def last(array: Array) -> Array:
    """A picture (1, C, H, W) as (1, H, W, C); what is no picture as it is."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def session(part: Part, threads: int = 1, precision: str = "f32") -> Session:
    """The shared session of a verified part. Raises ``ModelError``."""
    with _lock:
        return _session(part, threads, precision)


def capabilities() -> tuple[str, ...]:
    """What the processor computes natively, in OpenVINO's words (FP32, BF16, ...); loads OpenVINO."""
    return tuple(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@cache
def _session(part: Part, threads: int, precision: str) -> Session:
    return Session(part, threads, precision)


@cache
def _core() -> Any:
    return _library().Core()


@cache
def _library() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            f"OpenVINO cannot be loaded ({error}): pip install 'filmgrain-codec[openvino]', "
            "or use backend onnxruntime."
        ) from error
    return openvino


def _reason(error: Exception) -> str:
    """OpenVINO's own words without the places in its sources."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(("Exception from", "Check")))
