"""A trained net without the channels inside its blocks that hardly ever speak.

Many fall silent in training: ReLU passes nothing of them. Channels are ranked by how much of a block's output
they vary (variance behind ReLU times the squared weights that read it), those of least are taken out of all
blocks together, and what they say on average goes into the bias behind them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from filmgrain_codec.train.codec.batches import Batch
from filmgrain_codec.train.codec.losses import asked, beside
from filmgrain_codec.train.networks.codec import Block, RepairNet, pack


def slimmed(net: RepairNet, batches: Iterable[Batch], count: int) -> RepairNet:
    """A copy of the net without the ``count`` channels that matter least on the batches."""
    seen = heard(net, batches)
    worth = [
        (s.var(0) * _block(b).second.weight.square().sum((0, 2, 3)))
        for b, s in zip(net.blocks, seen, strict=True)
    ]
    least = torch.cat(worth).sort().values[count - 1]
    made = copy.deepcopy(net)
    for block, own, said in zip(made.blocks, worth, seen, strict=True):
        without(_block(block), own > least, said.mean(0))
    return made.eval()


@torch.no_grad()
def heard(net: RepairNet, batches: Iterable[Batch]) -> list[Tensor]:
    """What the channels inside each block say behind ReLU: (samples, channels)."""
    said: list[list[Tensor]] = [[] for _ in net.blocks]

    def listen(k: int) -> object:
        return _block(net.blocks[k]).second.register_forward_pre_hook(
            lambda _, given: said[k].append(given[0].movedim(1, -1).flatten(0, -2))
        )

    hooks = [listen(k) for k in range(len(net.blocks))]
    for batch in batches:
        given = pack(batch["luma"], batch["chroma"])
        net(*asked(given, batch["told"], beside(batch, given)))
    for hook in hooks:
        hook.remove()  # type: ignore[attr-defined]
    return [torch.cat(each) for each in said]


@torch.no_grad()
def without(block: Block, kept: Tensor, mean: Tensor) -> None:
    """Leave the channels that are not ``kept`` out of a block, in place."""
    second, film = block.second, block.film.linear
    assert second.bias is not None
    second.bias += second.weight[:, ~kept].sum((2, 3)) @ mean[~kept]
    second.weight = nn.Parameter(second.weight[:, kept].clone())
    for part, rows in ((block.first, kept), (film, kept.repeat(2))):
        part.weight = nn.Parameter(part.weight[rows].clone())
        assert part.bias is not None
        part.bias = nn.Parameter(part.bias[rows].clone())


def _block(part: nn.Module) -> Block:
    assert isinstance(part, Block)
    return part
