"""Weights of codec repair to begin with: those of an earlier run, or of a model that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor

from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import store
from filmgrain_codec.nodes.codec_repair import ROLE
from filmgrain_codec.train.codec.slim import without
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.codec import Block, CodecNets, RepairNet
from filmgrain_codec.train.networks.codec_unet import nets_of

State = Mapping[str, Tensor]
PART = "repair"
UP = "ConvTranspose"
"""What the step up is in ONNX, with weights of its own making (see ``networks.codec.Up``)."""


def begun(tier: str, start: str | None) -> CodecNets:
    """Nets of a tier: new ones, or with the weights of ``start``, a run's folder or the id of a model, which
    may be slimmed. Raises ``InputError`` for a folder without a checkpoint, ``ModelError`` for an unknown id,
    ``UsageError`` where the weights are of another tier.
    """
    if start is None:
        return nets_of(tier)
    state = earlier(start)
    nets = shaped(tier, state)
    try:
        nets.load_state_dict(state, strict=False)
    except RuntimeError as error:
        problem = f"The weights of {start} do not fit this tier: name another --tier."
        raise UsageError(problem) from error
    return nets


def shaped(tier: str, state: State) -> CodecNets:
    """New nets of a tier whose blocks have as many channels inside as those of ``state`` (see ``slim``)."""
    nets = nets_of(tier)
    if isinstance(nets.repair, RepairNet):
        for k, block in enumerate(nets.repair.blocks):
            assert isinstance(block, Block)
            inside = block.second.weight.shape[1]
            kept = state.get(f"repair.blocks.{k}.second.weight", block.second.weight).shape[1]
            without(block, torch.arange(inside) < kept, torch.zeros(inside))
    return nets


def earlier(start: str) -> State:
    """Weights by name."""
    if Path(start).is_dir():
        state: State = load_checkpoint(Path(start) / "checkpoint.pt")["average"]
        return state
    model = store.resolve(start, ROLE)
    return {f"{PART}.{name}": value for name, value in weights(model.part(PART)).items()}


def weights(part: store.Part) -> dict[str, Tensor]:
    """What an exported net learned. Raises ``ModelError`` if the file is not one of ours."""
    graph = onnx.load(str(part.verified())).graph
    held = {i.name: torch.from_numpy(np.array(onnx.numpy_helper.to_array(i))) for i in graph.initializer}
    found = {name: value for name, value in held.items() if "::" not in name}
    for node in graph.node:
        if node.op_type == UP and node.input[1] in held:
            square = held[node.input[1]]
            found["up.weight"] = square.permute(1, 2, 3, 0).reshape(-1, square.shape[0], 1, 1)
    if not found:
        raise ModelError(f"{part.path} holds no weights by name: begin with the run that it came of.")
    return found
