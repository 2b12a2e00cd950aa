"""What a net costs: the multiply-accumulates of its convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def of_convolutions(net: nn.Module, *given: Tensor) -> int:
    """Multiply-accumulates of all convolutions when ``net`` is run on ``given``, once and in evaluation."""
    total = 0

    def count(module: nn.Module, before: tuple[Tensor, ...], after: Tensor) -> None:
        nonlocal total
        assert isinstance(module, CONVOLUTIONS)
        over = before[0] if isinstance(module, nn.ConvTranspose2d) else after
        total += over.shape[2] * over.shape[3] * module.weight.numel()

    handles = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, CONVOLUTIONS)]
    was_training = net.training
    with torch.no_grad():
        net.eval()(*given)
    net.train(was_training)
    for handle in handles:
        handle.remove()
    return total
