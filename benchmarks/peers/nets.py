"""Removal nets: the installed models through the product's own node, and a DeepFilmGrain net as ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.case import SCORED, Case, Planes
from benchmarks.peers.peer import Cleaned, Settings
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.window import Shots
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.infer import backend, store
from filmgrain_codec.nodes import (
    align,
    calm,
    denoise,
    flow,
    judge,
    normal,
    packed,
    shares,
    sigma,
    stripes,
)
from filmgrain_codec.nodes.denoise import Denoise

MODES = ("told", "blind")
THREADS = 2
_MULTIPLE = 32
AROUND = (align, calm, denoise, flow, judge, normal, packed, shares, sigma, stripes)
"""What the node is made of, but for the nets."""


@dataclass(frozen=True, slots=True)
class Ours:
    """An installed model; ``mode``: told level, curve, size and chroma of the grain, or blind."""

    model: store.Model
    mode: str = "told"
    oracle: bool = False
    frames: tuple[int, ...] = SCORED

    @property
    def name(self) -> str:
        return f"{self.model.id}, {self.mode}"

    @property
    def kmac(self) -> float:
        """Thousand multiply-accumulates per luma sample of 4:2:0, chroma net included."""
        shares = {"luma": 1.0, "chroma": 0.25}
        return sum(shares[p.name] * p.kmac for p in self.model.parts)

    def settings(self, case: Case) -> Settings:
        files = {p.name: p.sha256 for p in self.model.parts}
        told = None if self.mode == "blind" else asdict(case.segment)
        runs = {"backend": backend.chosen(), "code": node_code()}
        return {"model": self.model.id, "files": files, "told": told, **runs}

    def clean(self, case: Case) -> Cleaned:
        return denoised(case.grainy, self.node(case.segment), self.frames)

    def node(self, grain: GrainProfile | GrainSegment | float) -> Denoise:
        told = None if self.mode == "blind" else grain
        return Denoise(told, self.model.id, threads=THREADS)


def denoised(frames: Sequence[Frame], node: Denoise, wanted: tuple[int, ...]) -> Cleaned:
    """Frames of an excerpt through the node, windows as the graph makes them."""
    node.configure(frames[0].fmt)
    shots, last = Shots(), len(frames) - 1
    windows = {n: [frames[k] for k in shots.neighbours(n, node.radius, 0, last)] for n in wanted}
    return {n: node.process(window, n).planes for n, window in windows.items()}


@lru_cache(maxsize=1)
def node_code() -> str:
    """A digest of the code around the nets, which their answer depends on too."""
    files = [Path(str(module.__file__)) for module in AROUND]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def installed() -> Iterator[Ours]:
    """Every installed removal model, in both modes."""
    for model in store.catalogue():
        if model.role == "removal":
            yield from (Ours(model, mode) for mode in MODES)


@dataclass(frozen=True, slots=True)
class DeepFilmGrain:
    """DeepFilmGrain's net as ONNX: ``image`` (1, C, H, W) and ``level`` (1, 1) in, ``clean`` out.

    With three channels it works on R'G'B' of the frame (chroma repeated on the way in and averaged on
    the way out, so the change of colour space itself loses nothing), with one on luma alone.
    """

    file: Path
    name: str = "DeepFilmGrain Res-U-Net"
    oracle: bool = False
    frames: tuple[int, ...] = SCORED

    def settings(self, case: Case) -> Settings:
        return {"sha256": hashlib.sha256(self.file.read_bytes()).hexdigest()}

    @property
    def kmac(self) -> float:
        return macs(self.file) / 1000

    def clean(self, case: Case) -> Cleaned:
        return {n: applied(self.file, case.grainy[n], case.level) for n in self.frames}


def applied(file: Path, frame: Frame, level: float) -> Planes:
    """What a net of ``image`` and ``level`` makes of a frame; one plane if it knows luma only."""
    net = _session(file)
    channels = net.get_inputs()[0].shape[1]
    image = frame.planes[0][None] if channels == 1 else to_rgb(frame.planes)
    rows, columns = image.shape[1:]
    pad = (-rows % _MULTIPLE, -columns % _MULTIPLE)
    padded = np.pad(image, ((0, 0), (0, pad[0]), (0, pad[1])), mode="reflect")
    inputs = {"image": padded[None].astype(np.float32), "level": np.full((1, 1), level, np.float32)}
    wanted = {i.name for i in net.get_inputs()}
    made = net.run(None, {k: v for k, v in inputs.items() if k in wanted})[0][0, :, :rows, :columns]
    return (made[0],) if channels == 1 else to_yuv(made)


@lru_cache(maxsize=2)
def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


_FOOT, _SWING, _NEUTRAL = 64 / 1023, (876 / 1023, 896 / 1023), 512 / 1023


def to_rgb(planes: Planes) -> NDArray[np.float32]:
    """BT.709 limited-range 4:2:0 planes as (3, rows, columns) R'G'B' in 0..1."""
    rows, columns = planes[0].shape
    y = (planes[0] - _FOOT) / _SWING[0]
    cb, cr = ((p.repeat(2, 0).repeat(2, 1)[:rows, :columns] - _NEUTRAL) / _SWING[1] for p in planes[1:])
    return np.stack([y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb]).astype(np.float32)


def to_yuv(rgb: NDArray[np.float32]) -> Planes:
    """The way back; sides must be even."""
    red, green, blue = rgb
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    chroma = ((blue - y) / 1.8556, (red - y) / 1.5748)
    small = [c.reshape(c.shape[0] // 2, 2, c.shape[1] // 2, 2).mean((1, 3)) for c in chroma]
    return (_FOOT + _SWING[0] * y, *(_NEUTRAL + _SWING[1] * c for c in small))


def macs(file: Path, side: int = 128) -> float:
    """Multiply-accumulates per pixel of the convolutions of an ONNX net, by the shapes of a trial run."""
    import onnx
    import onnxruntime

    net = onnx.load(file)
    weights = {w.name: tuple(w.dims) for w in net.graph.initializer}
    convolutions = [node for node in net.graph.node if node.op_type == "Conv"]
    known = {value.name for value in net.graph.output}
    for node in convolutions:
        if node.output[0] not in known:
            net.graph.output.append(onnx.helper.make_empty_tensor_value_info(node.output[0]))
    session = onnxruntime.InferenceSession(net.SerializeToString(), providers=["CPUExecutionProvider"])
    shapes = {i.name: [d if isinstance(d, int) else side for d in i.shape] for i in session.get_inputs()}
    given = {name: np.full(shape, 0.05, np.float32) for name, shape in shapes.items()}
    names = [node.output[0] for node in convolutions]
    made = session.run(names, given)
    counted = (np.prod(weights[n.input[1]]) * m[0, 0].size for n, m in zip(convolutions, made, strict=True))
    return float(sum(counted)) / side**2


def steps(file: Path) -> int:
    """Training steps that an exported net's metadata state, 0 if they do not."""
    import onnx

    facts = {p.key: p.value for p in onnx.load(file, load_external_data=False).metadata_props}
    return int(facts.get("steps", 0))
