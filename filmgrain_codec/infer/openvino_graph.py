"""A removal net written anew for OpenVINO, which is fastest where everything has the channels last.

Pictures come and go with the channels last. The nets' last step, the sum of neighbours weighed by gates,
slices channels and sums over a fifth axis: OpenVINO does that with the channels first only, and turns
large arrays round to get there. The same sums as convolutions of 1x1 stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAVE = "/leave/Conv"
"""The layer whose answer is the grain's phases, then one gate per neighbour."""
GIVEN = "given"
MERGED = 2.0
"""What merged differences count: the nets are given halves of them (``nodes.normal.DIFFERENCE``)."""
LEAST = np.float32(-30.0)
"""No gate is below this before the sigmoid; the limit also keeps OpenVINO from merging the sigmoid into the
convolution, where it is computed for four times as many channels."""


def channels_last(model: Any) -> Any:
    """``model``, of fixed sizes, with every picture's channels last on its way in and out."""
    model = gated(model)
    layout = import_module("openvino").Layout
    steps = import_module("openvino.preprocess").PrePostProcessor(model)
    ends = [(steps.input(p.any_name), p) for p in model.inputs]
    ends += [(steps.output(k), p) for k, p in enumerate(model.outputs)]
    for end, port in ends:
        if len(port.partial_shape) == 4:
            end.tensor().set_layout(layout("NHWC"))
            end.model().set_layout(layout("NCHW"))
    return steps.build()


def gated(model: Any) -> Any:
    """``model`` with its last step as convolutions, where it is one of the removal nets with gates."""
    leave = next((op for op in model.get_ordered_ops() if op.get_friendly_name() == LEAVE), None)
    if leave is None or leave.get_type_name() != "Add":
        return model
    # The mask net's last layer is called so too, but answers at half the size of what it is given.
    if leave.output(0).shape[2:] != model.input(GIVEN).shape[2:]:
        return model
    op = import_module("openvino.opset8")
    conv, bias = leave.input_value(0).get_node(), leave.input_value(1)
    fine, weights = conv.input_value(0), conv.input_value(1)
    given = model.input(GIVEN).get_node()
    phases, channels = model.output(0).shape[1], leave.output(0).shape[1]
    neighbours, entering = channels - phases, given.output(0).shape[1]

    def convolved(x: Any, matrix: Any) -> Any:
        return op.convolution(x, matrix, [1, 1], [0, 0], [0, 0], [1, 1])

    def mixed(x: Any, matrix: NDArray[np.floating]) -> Any:
        return convolved(x, op.constant(np.asarray(matrix, np.float32)[:, :, None, None]))

    def leaving(rows: Sequence[int]) -> Any:
        chosen = op.constant(np.asarray(rows, np.int64))
        own = convolved(fine, op.gather(weights, chosen, op.constant(0)))
        return op.add(own, op.gather(bias, chosen, op.constant(1)))

    gates = op.sigmoid(op.maximum(leaving(range(phases, channels)), op.constant(LEAST)))
    all_of_them = op.add(mixed(gates, np.ones((neighbours, neighbours))), op.constant(np.float32(1)))
    shares = mixed(op.divide(gates, all_of_them), np.repeat(np.eye(neighbours), phases, 0))
    differing = mixed(given, np.eye(neighbours * phases, entering))
    summed = mixed(op.multiply(differing, shares), np.tile(np.eye(phases), (1, neighbours)) * -MERGED)
    grain = op.add(summed, leaving(range(phases)))
    # The last convolution changes nothing but keeps the sum in the precision and order of the others.
    made = mixed(grain, np.eye(phases))
    return import_module("openvino").Model([made.output(0)], model.get_parameters(), model.get_name())
