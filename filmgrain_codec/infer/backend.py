"""What runs filters' nets: ONNX Runtime on the CPU or by CUDA, or OpenVINO at full or at bf16 precision.

Grain that is put on never comes here: a synthesizer's net stays on ONNX Runtime's CPU provider, whose bits
are promised. Removal and repair may use what is fastest. Each backend gives the same bits for any number of
threads and in any order of frames; two backends differ by rounding. CUDA has not been tried yet, so ``auto``
never means it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import openvino
from filmgrain_codec.infer.names import AUTO, BACKENDS, BF16, CUDA, OPENVINO, ORT
from filmgrain_codec.infer.session import Net, session
from filmgrain_codec.infer.store import Part

VARIABLE = "FGCODEC_BACKEND"
"""Environment variable: what ``auto`` stands for."""
PRECISIONS = {OPENVINO: "f32", BF16: "bf16"}


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend on this machine. ``problem``: why it cannot be used, '' if it can."""

    name: str
    version: str
    problem: str = ""


def net(part: Part, threads: int = 1, backend: str = AUTO) -> Net:
    """A model part ready to run, shared by all callers; each picture on ``threads`` cores.

    Raises ``UsageError`` for an unknown backend, ``ModelError`` where it is not installed, where the
    processor lacks what it needs, or where the model file cannot be loaded.
    """
    name = chosen(backend)
    if name in (ORT, CUDA):
        return session(part, threads, cuda=name == CUDA)
    return openvino.session(part, threads, PRECISIONS[name])


def chosen(backend: str = AUTO) -> str:
    """The backend meant: as named, else as FGCODEC_BACKEND names it, else the faster one here.

    That is OpenVINO at bf16 where it is installed and the processor multiplies bf16 numbers (close to
    twice as fast there), and ONNX Runtime everywhere else: at full precision OpenVINO gains too little.
    """
    name = backend if backend != AUTO else os.environ.get(VARIABLE, AUTO) or AUTO
    if name not in BACKENDS:
        where = "" if name == backend else f" (in {VARIABLE})"
        raise UsageError(f"There is no backend '{name}'{where}: choose one of {', '.join(BACKENDS)}.")
    if name == AUTO:
        return BF16 if not problem(BF16) else ORT
    if problem(name):
        raise ModelError(problem(name))
    return name


@cache
def problem(name: str) -> str:
    """Why a backend cannot be used here and what to do, '' if it can. Cheap where it is not installed."""
    if name == CUDA and _version("onnxruntime-gpu") is None:
        return (
            "ONNX Runtime for CUDA is not installed: pip install 'filmgrain-codec[gpu]' in place of [cpu], "
            "or use backend onnxruntime."
        )
    if name not in PRECISIONS:
        return ""
    if _version("openvino") is None:
        return (
            "OpenVINO is not installed: pip install 'filmgrain-codec[openvino]' or use backend onnxruntime."
        )
    if name == BF16 and not _has_bf16():
        return "This processor has no bf16 arithmetic: use backend openvino or onnxruntime."
    return ""


def found() -> tuple[Backend, ...]:
    """Every backend, usable here or not, for diagnosis."""
    gpu = _version("onnxruntime-gpu")
    versions = {ORT: _version("onnxruntime") or gpu, CUDA: gpu}
    return tuple(
        Backend(name, versions.get(name, _version("openvino")) or "", problem(name)) for name in BACKENDS[1:]
    )


def _has_bf16() -> bool:
    """By the kernel's word where it gives one, which is quick; else by OpenVINO's, whose import is not.

    Where OpenVINO cannot be loaded at all, that is for ``openvino.session`` to report.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "BF16" in openvino.capabilities()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
