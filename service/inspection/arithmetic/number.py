"""Turns a layer and a position in its output into the arithmetic of the number there. Read this file first."""

from collections.abc import Callable, Mapping, Sequence

from onnx import NodeProto

from service.engine import Pixels
from service.inspection.activations import Inspector
from service.inspection.arithmetic.account import Account
from service.inspection.arithmetic.convolution import account_for_convolution, account_for_transposed
from service.inspection.arithmetic.dense import account_for_gemm, account_for_matmul
from service.inspection.arithmetic.elementwise import account_for_branches, account_for_chain, account_for_function
from service.inspection.arithmetic.functions import BRANCHING, FUNCTIONS
from service.inspection.arithmetic.moved import account_for_moved
from service.inspection.arithmetic.normalisation import (
    account_for_batch_norm,
    account_for_instance_norm,
    account_for_layer_norm,
    account_for_lrn,
)
from service.inspection.arithmetic.pooling import (
    account_for_average_pool,
    account_for_global,
    account_for_max_pool,
    account_for_reduction,
)
from service.inspection.arithmetic.reading import MOVING, Index, Reading, read
from service.inspection.arithmetic.softmax import account_for_softmax
from service.inspection.arithmetic.sources import locate
from service.inspection.arithmetic.trace import Trace
from service.inspection.errors import UnknownChannel, UnknownPosition, UntraceableOperator
from service.inspection.layer import Layer

ACCOUNTS: Mapping[str, Callable[[Reading, NodeProto, Index], Account]] = {
    **dict.fromkeys(FUNCTIONS, account_for_function),
    **dict.fromkeys(BRANCHING, account_for_branches),
    **dict.fromkeys(MOVING, account_for_moved),
    "Conv": account_for_convolution,
    "ConvTranspose": account_for_transposed,
    "Gemm": account_for_gemm,
    "MatMul": account_for_matmul,
    "MaxPool": account_for_max_pool,
    "AveragePool": account_for_average_pool,
    "GlobalMaxPool": account_for_global,
    "GlobalAveragePool": account_for_global,
    "ReduceMean": account_for_reduction,
    "ReduceSum": account_for_reduction,
    "ReduceMax": account_for_reduction,
    "ReduceMin": account_for_reduction,
    "BatchNormalization": account_for_batch_norm,
    "InstanceNormalization": account_for_instance_norm,
    "LayerNormalization": account_for_layer_norm,
    "LRN": account_for_lrn,
    "Softmax": account_for_softmax,
    "LogSoftmax": account_for_softmax,
}
"""What can be told of, by ONNX's name of the operator that does a layer's work."""

_AXES = ("channel", "row (y)", "column (x)")


def trace(  # noqa: PLR0913, PLR0917 - each is a part of the question
    inspector: Inspector, pixels: Pixels, name: str, channel: int, y: int | None, x: int | None, top: int = 50
) -> Trace:
    """Why one number of a layer's output is what it is.

    Args:
        inspector: of the network.
        pixels: (h, w, c) uint8.
        name: of the layer.
        channel: from 0.
        y: row, from 0; None where the layer has none.
        x: column, likewise.
        top: how many products of a dense layer to tell one by one.

    Raises:
        UnknownLayer, UnknownChannel, UnknownPosition: there is no such number; the message says which there are.
        UntraceableOperator: the layer's operator isn't understood.
    """
    check_operator(inspector, name)
    return trace_at(read(inspector, pixels, [name], top)[name], channel, y, x)


def trace_at(reading: Reading, channel: int, y: int | None, x: int | None) -> Trace:
    """As `trace`, of a layer that has been read: for many positions of one picture."""
    layer, part = reading.layer, reading.part
    index = find_index(layer, reading.output.shape[1:], channel, y, x)
    account = account_for_chain(reading, index) if part.kind else ACCOUNTS[part.main.op_type](reading, part.main, index)
    return Trace(
        layer=layer.name,
        kind=layer.kind,
        operator=layer.operator,
        channel=channel,
        y=index[2] if len(index) > 2 else None,
        x=index[3] if len(index) > 3 else None,
        value=account.value,
        runtime_value=float(reading.output[index]),
        terms=account.terms,
        bias=account.bias,
        formula=account.formula,
        sources=locate(reading, account.drawn),
    )


def check_operator(inspector: Inspector, name: str) -> None:
    """Make sure that a layer can be told of.

    Raises:
        UnknownLayer: there is no layer of that name.
        UntraceableOperator: it can't.
    """
    layer = inspector.table.find(name)
    part = inspector.table.parts[name]
    operators = [part.main] if part.kind is None else part.nodes
    for node in operators:
        known = ACCOUNTS if part.kind is None else {*FUNCTIONS, *MOVING}
        if node.op_type not in known or node.domain not in {"", "ai.onnx"}:
            raise UntraceableOperator(
                f"layer {name!r} is the operator {node.op_type}, whose arithmetic can't be told; its sources can:"
                f" {', '.join(layer.inputs)}"
            )


def find_index(layer: Layer, shape: Sequence[int], channel: int, y: int | None, x: int | None) -> Index:
    """The place in the layer's output with its batch dimension.

    A layer without rows or columns takes 0 for them too.

    Args:
        layer: whose output it is.
        shape: that the output really has; the table's comes from ONNX's rules, which runtimes don't follow to the last.
        channel: from 0.
        y: row.
        x: column.

    Raises:
        UnknownChannel, UnknownPosition: there is no such place; the message says which there are.
        UntraceableOperator: the output has more dimensions than channel, row and column, or none.
    """
    if len(shape) not in {1, 2, 3}:
        raise UntraceableOperator(
            f"layer {layer.name!r} ({layer.operator}) gives values of shape {list(shape)}: channel, row and column"
            " don't name a place in them"
        )
    if not 0 <= channel < shape[0]:
        raise UnknownChannel(f"layer {layer.name!r} has the channels 0 to {shape[0] - 1}, there is no {channel}")
    for place, size, axis in zip((y, x), (*shape[1:], None, None), _AXES[1:], strict=False):
        if size is None and place not in {None, 0}:
            raise UnknownPosition(f"layer {layer.name!r} has no {axis}: leave it out")
        if size is not None and (place is None or not 0 <= place < size):
            asked = "none was given" if place is None else f"there is no {place}"
            raise UnknownPosition(f"layer {layer.name!r} has for the {axis} 0 to {size - 1}, {asked}")
    return (0, channel, *(place for place in (y, x)[: len(shape) - 1] if place is not None))
