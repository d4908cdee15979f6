"""Turns a layer into its weights: named arrays, filters first."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from service.inspection.dataflow import Dataflow
from service.inspection.errors import NoWeights, UnknownChannel
from service.inspection.graph import LayerTable
from service.inspection.layer import Layer

Weights = Mapping[str, NDArray[np.generic]]
"""By role, in the order in which the operator reads them, their dtype as in the file."""

_ROLES: Mapping[str, Sequence[str]] = {
    "Conv": ("weight", "bias"),
    "ConvTranspose": ("weight", "bias"),
    "Gemm": ("weight", "bias"),
    "MatMul": ("weight",),
    "BatchNormalization": ("scale", "bias", "mean", "variance"),
    "InstanceNormalization": ("scale", "bias"),
    "LayerNormalization": ("scale", "bias"),
    "PRelu": ("slope",),
    "Add": ("constant",),
    "Sub": ("constant",),
    "Mul": ("constant",),
    "Div": ("constant",),
    "Pow": ("constant",),
}
"""What the fixed inputs of an operator are."""


def read_weights(table: LayerTable, layer: Layer, channel: int | None = None) -> Weights:
    """The weights of a layer.

    `weight` of a convolution is (filters, channels that each reads, height, width), of a transposed one (channels read,
    filters of each group, height, width), of a dense layer (outputs, inputs), whichever way round the file has it. All
    else is one number for each channel, or as the file has it.

    Args:
        table: of the network.
        layer: one of the table's.
        channel: what makes this channel of the output alone, as arrays whose first dimension is 1; None: everything.

    Raises:
        NoWeights: it has none; the message names the layers that do.
        UnknownChannel: there is no such channel; the message says which there are.
    """
    values = _find(table, layer)
    if not values:
        having = ", ".join(each.name for each in table.layers if _find(table, each)) or "none"
        raise NoWeights(f"layer {layer.name!r} ({layer.kind}) has no weights; those that have are {having}")
    if channel is not None and not 0 <= channel < (layer.output_shape or [1])[0]:
        raise UnknownChannel(
            f"layer {layer.name!r} has the channels 0 to {(layer.output_shape or [1])[0] - 1}, there is no {channel}"
        )
    found = {name: _bring(table.flow, node, value, name) for name, (node, value) in values.items()}
    return found if channel is None else {name: _pick(layer, name, array, channel) for name, array in found.items()}


def weigh_weights(table: LayerTable, layer: Layer) -> int:
    """How many numbers a layer's weights are."""
    return sum(int(np.prod(table.flow.fixed.shape(value))) for _, value in _find(table, layer).values())


def _find(table: LayerTable, layer: Layer) -> dict[str, tuple[NodeProto, str]]:
    """The node and the value by role; of what several nodes do as one, the numbers in it are no weights."""
    part = table.parts[layer.name]
    if part.kind:
        return {}
    found = {}
    for node in part.nodes:
        roles = _ROLES.get(node.op_type, ()) if node is part.main else ("bias",)
        # Of several, each has its place behind the input; a single one may stand on either side of an operator.
        values = node.input[1:] if len(roles) > 1 else [value for value in node.input if value in table.flow.fixed]
        for role, value in zip(roles, values, strict=False):
            if value in table.flow.fixed:
                found[role] = node, value
    return found


def _bring(flow: Dataflow, node: NodeProto, value: str, name: str) -> NDArray[np.generic]:
    """An array in the form that is promised of it."""
    array = flow.fixed[value]
    if name == "bias" and node.op_type in {"Add", "Gemm"}:
        return array.reshape(-1)
    if name == "weight" and _is_inputs_first(node, value) and array.ndim == 2:
        return array.T
    return array


def _is_inputs_first(node: NodeProto, value: str) -> bool:
    """Whether a matrix has a column, not a row, for each output."""
    if node.op_type == "MatMul":
        return bool(node.input[1] == value)
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return bool(node.op_type == "Gemm" and not transposed)


def _pick(layer: Layer, name: str, array: NDArray[np.generic], channel: int) -> NDArray[np.generic]:
    if layer.kind == "conv_transpose" and name == "weight":
        groups = int(str(layer.attributes.get("group", 1)))
        reads, makes = array.shape[0] // groups, array.shape[1]
        first = channel // makes * reads
        return array[np.newaxis, first : first + reads, channel % makes]
    channels = (layer.output_shape or [1])[0]
    if array.ndim == len(layer.output_shape) + 1 and array.shape[0] == 1 and name in {"constant", "slope"}:
        array = array[0]
    return array[channel : channel + 1] if array.ndim and array.shape[0] == channels else array
