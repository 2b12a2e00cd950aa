"""Turn trained nets into a model: ``python -m filmgrain_codec.train.export --run DIR --id ID``.

Writes <id>-<part>-<sha8>.onnx beside the manifest, its variant for vs-mlrt (``train.mlrt``), the manifest
entry and the model card. Models are immutable: a released id is never written again (``--replace`` is for
ids not yet released).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from filmgrain_codec.infer import store
from filmgrain_codec.train import card, mlrt
from filmgrain_codec.train.manifest import discard
from filmgrain_codec.train.networks.removal import MULTIPLE, TIERS, Removal, example, macs_per_sample, reach
from filmgrain_codec.train.removal import PARTS, trained
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced

ONNX_INPUTS = ("given", "size")
ONNX_OUTPUT = "grain"
LARGEST = 4 << 20
"""Bytes of a file that ships. The weights of a larger one are kept at half precision."""


def export(given: Shipment) -> list[Path]:
    """Write ONNX files, manifest entry and card; returns the ONNX files.

    Raises ``UsageError`` if the id exists, ``InputError`` if a part was not trained.
    """
    given.check()
    parts = [part(name, trained(given.run / name)) for name in PARTS]
    facts = facts_of(given.run / PARTS[0])
    about = {
        "role": "removal",
        "tier": facts["tier"],
        "radius": facts["shape"]["frames"] // 2,
        "motion": TIERS[facts["tier"]].motion,
        "train_commit": facts["commit"],
    }
    entry, files = given.write(about, parts)
    card.write(given.card, entry, given.run, given.data, given.metrics, given.note)
    variants = given.models / mlrt.FOLDER
    discard(variants, given.id, mlrt.export(store.resolve(given.id, where=given.models), variants))
    return files


def to_onnx(net: Removal) -> bytes:
    """The net as ONNX with free height and width."""
    free = {name: {2: "height", 3: "width"} for name in (ONNX_INPUTS[0], ONNX_OUTPUT)}
    content = traced(net, example(net.shape, 64), ONNX_INPUTS, ONNX_OUTPUT, free)
    return content if len(content) <= LARGEST else halved(content)


def halved(content: bytes) -> bytes:
    """The ONNX model with its weights rounded to 16 bit; it still computes in 32."""
    model = onnx.load_from_string(content)
    rounded, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2:
            rounded.append(tensor)
            continue
        half = f"{tensor.name}.half"
        rounded.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(rounded)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def part(name: str, net: Removal) -> Part:
    return Part(name, to_onnx(net), MULTIPLE, reach(net.shape), macs_per_sample(net.shape) / 1000)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train export``."""
    print(*export(ordered(arguments, "export", "trained removal nets", "removal-fast-3")), sep="\n")


if __name__ == "__main__":
    main()
