"""Variants of the removal nets for vs-mlrt (``core.ort.Model``, ``core.ov.Model``): no torch needed.

    python -m filmgrain_codec.train.mlrt --model removal-fast-2

vs-mlrt runs nets of one input and one output, whose channels are the planes of the clips given. So what
``nodes.normal`` does before and after the net is part of these graphs. Clips are grey float of one size, in
codes / (2^bits - 1), both sides multiples of 8. The luma part takes

    the luma of the window's frames, drawn onto the centre; sigma; size

and gives clean luma. The chroma part takes, at the size of chroma,

    Cb and Cr of each of those frames; sigma of Cb, sigma of Cr; luma with and without grain; size

and gives clean Cb, clean Cr and, because three planes are what vs-mlrt can return, the last guide again.

Sigma is the grain expected at each sample, a fraction of full scale. Size is that of the grain, the same
everywhere; 0 where it is not known. Tiles must lie on multiples of 8, and overlap by the part's halo in the
manifest and ``LOWPASS`` more, for the local means.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from filmgrain_codec.infer import store
from filmgrain_codec.infer.store import Model, Part
from filmgrain_codec.nodes.normal import DETAIL, DIFFERENCE, LOWPASS, MOST, SIGMA
from filmgrain_codec.nodes.packed import PHASES
from filmgrain_codec.nodes.sigma import SIGMA_FLOOR

FOLDER = "mlrt"
"""Beside the models: the same file names."""
INPUT, OUTPUT = "input", "output"
PLANES = {"luma": (1, 0), "chroma": (2, 2)}
"""Planes per frame and guides of each part."""


def export(model: Model, folder: Path) -> list[Path]:
    """Write the variant of every part into ``folder``; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for part in model.parts:
        path = folder / part.path.name
        path.write_bytes(variant(part, 2 * model.radius + 1))
        files.append(path)
    return files


def variant(part: Part, frames: int) -> bytes:
    """One part as ONNX of one input and one output."""
    net = onnx.load_from_string(part.verified().read_bytes())
    planes, guides = PLANES[part.name]
    entering = planes * frames + planes + guides + 1
    leaving = 1 if planes == 1 else 3
    graph = Graph()
    clean = _around(graph, net, planes, guides, frames)
    graph.add("Identity", [clean], OUTPUT)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            f"{part.path.stem} for vs-mlrt",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, entering, "height", "width"])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, leaving, "height", "width"])],
            [*net.graph.initializer, *graph.constants],
        ),
        opset_imports=list(net.opset_import),
        ir_version=net.ir_version,
        producer_name="filmgrain_codec",
    )
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


@dataclass(slots=True)
class Graph:
    """Nodes and constants as they are added; names count up."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        name = output or f"mlrt_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, kind: type = np.float32) -> str:
        name = f"mlrt_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def taken(self, source: str, channels: Sequence[int]) -> str:
        return self.add("Gather", [source, self.constant(channels, np.int64)], axis=1)

    def scaled(self, difference: str, by: str, factor: np.float32) -> str:
        """difference * by * factor, clamped."""
        times = self.add("Mul", [by, self.constant(factor)])
        made = self.add("Mul", [difference, times])
        return self.add("Clip", [made, self.constant(-MOST), self.constant(MOST)])

    def lowpass(self, source: str) -> str:
        means = self.add("AveragePool", [source], kernel_shape=[LOWPASS, LOWPASS], strides=[LOWPASS, LOWPASS])
        scales = self.constant([1, 1, LOWPASS, LOWPASS])
        return self.add(
            "Resize", [means, "", scales], mode="linear", coordinate_transformation_mode="half_pixel"
        )

    def packed(self, source: str, planes: int) -> str:
        """Each plane's four phases side by side; ``SpaceToDepth`` puts the planes of a phase side by side."""
        made = self.add("SpaceToDepth", [source], blocksize=2)
        return self.taken(
            made, [phase * planes + plane for plane in range(planes) for phase in range(PHASES)]
        )


def _around(graph: Graph, net: Any, planes: int, guides: int, frames: int) -> str:
    """What lies before the net, the net, and what lies after it; the name of the clean planes."""
    middle, window = frames // 2, planes * frames
    centre = graph.taken(INPUT, range(middle * planes, middle * planes + planes))
    sigma = graph.taken(INPUT, range(window, window + planes))
    guide = [graph.taken(INPUT, [window + planes + k]) for k in range(guides)]
    each = graph.add("Reciprocal", [graph.add("Max", [sigma, graph.constant(SIGMA_FLOOR)])])
    parts = [
        *_differences(graph, centre, each, [k for k in range(frames) if k != middle], planes),
        graph.scaled(graph.add("Sub", [centre, graph.lowpass(centre)]), each, DETAIL),
        centre,
        graph.add("Mul", [sigma, graph.constant(SIGMA)]),
        *_guides(graph, sigma, guide),
    ]
    entering = planes * (frames + 2) + guides
    whole = graph.add("Concat", parts, axis=1)
    given, size = (i.name for i in net.graph.input)
    graph.add("Identity", [graph.packed(whole, entering)], given)
    _size(graph, window + planes + guides, size)
    graph.nodes += net.graph.node
    grain = graph.add("DepthToSpace", [net.graph.output[0].name], blocksize=2, mode="CRD")
    clean = graph.add("Sub", [centre, graph.add("Mul", [sigma, grain])])
    return graph.add("Concat", [clean, guide[-1]], axis=1) if guides else clean


def _differences(graph: Graph, centre: str, each: str, others: Sequence[int], planes: int) -> Iterator[str]:
    for k in others:
        plane = graph.taken(INPUT, range(k * planes, (k + 1) * planes))
        yield graph.scaled(graph.add("Sub", [plane, centre]), each, DIFFERENCE)


def _guides(graph: Graph, sigma: str, guide: Sequence[str]) -> Iterator[str]:
    if not guide:
        return
    mean = graph.add("ReduceMean", [sigma], axes=[1], keepdims=1)
    each = graph.add("Reciprocal", [graph.add("Max", [mean, graph.constant(SIGMA_FLOOR)])])
    yield graph.scaled(graph.add("Sub", list(guide)), each, DETAIL)
    yield graph.scaled(graph.add("Sub", [guide[1], graph.lowpass(guide[1])]), each, DETAIL)


def _size(graph: Graph, channel: int, name: str) -> None:
    """The net's one number, from the first sample of its plane."""
    starts, ends, axes = ([channel, 0, 0], [channel + 1, 1, 1], [1, 2, 3])
    corner = graph.add("Slice", [INPUT, *(graph.constant(v, np.int64) for v in (starts, ends, axes))])
    graph.add("Reshape", [corner, graph.constant([1, 1], np.int64)], name)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mlrt", description="Export removal nets for vs-mlrt.")
    parser.add_argument("--model", default="fast", help="fast, balanced, best or an id")
    parser.add_argument("--out", type=Path, help="folder to write into; default 'mlrt' beside the models")
    options = parser.parse_args(arguments)
    for path in export(store.resolve(options.model), options.out or store.folder() / FOLDER):
        print(path)


if __name__ == "__main__":
    main()
