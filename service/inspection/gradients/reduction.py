"""Turns cotangents of sums, means, extremes and softmaxes into cotangents of what they were taken over."""

from collections.abc import Sequence
from math import prod

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute


def _axes(node: NodeProto, b: Builder) -> list[int]:
    """The dimensions that are reduced."""
    dimensions = len(b.shape(node.input[0]))
    given = b.constant(1)
    axes = attribute(node, "axes", []) if given is None else given.tolist()
    if not axes and not attribute(node, "noop_with_empty_axes", 0):
        axes = range(dimensions)
    return sorted(axis % dimensions for axis in axes)


def _kept(value: str, node: NodeProto, axes: Sequence[int], b: Builder) -> str:
    """A value of the output's shape with the reduced dimensions as ones."""
    if attribute(node, "keepdims", 1) or not axes:
        return value
    return b.op("Unsqueeze", value, b.integers(*axes))


def _reduce_sum(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.expand(_kept(cotangent, node, _axes(node, b), b), node.input[0])]


def _reduce_mean(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value, axes = node.input[0], _axes(node, b)
    kept = _kept(cotangent, node, axes, b)
    if None in (b.shape(value)[axis] for axis in axes):
        count = b.op("Div", b.op("Size", value), b.op("Size", node.output[0]))
        share = b.op("Div", kept, b.op("Cast", count, to=b.type(value)))
    else:
        share = b.op("Mul", kept, b.number(1 / prod(b.sizes(value, axes)), value))
    return [b.expand(share, value)]


def _reduce_extreme(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """To the largest or smallest; those that are equal share alike, as PyTorch has it."""
    value, axes = node.input[0], _axes(node, b)
    chosen = b.op("Equal", value, _kept(node.output[0], node, axes, b))
    mask = b.op("Cast", chosen, to=b.type(value))
    count = b.op("ReduceSum", mask, b.integers(*axes), keepdims=1) if axes else mask
    return [b.op("Mul", mask, b.op("Div", _kept(cotangent, node, axes, b), count))]


def _reduce_l1(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value = node.input[0]
    return [b.op("Mul", _kept(cotangent, node, _axes(node, b), b), b.op("Sign", value))]


def _reduce_l2(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The direction, x / |x|; 0 where all are 0."""
    value, axes = node.input[0], _axes(node, b)
    length = _kept(node.output[0], node, axes, b)
    safe = b.op("Where", b.op("Equal", length, b.number(0, value)), b.number(1, value), length)
    return [b.op("Mul", b.op("Div", _kept(cotangent, node, axes, b), safe), value)]


def _reduce_sum_square(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value = node.input[0]
    doubled = b.op("Mul", _kept(cotangent, node, _axes(node, b), b), b.number(2, value))
    return [b.op("Mul", doubled, value)]


def _reduce_log_sum_exp(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value, axes = node.input[0], _axes(node, b)
    shares = b.op("Exp", b.op("Sub", value, _kept(node.output[0], node, axes, b)))
    return [b.op("Mul", _kept(cotangent, node, axes, b), shares)]


def _softmax(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """With g for the cotangent: y · (g - Σ g · y)."""
    y, axis = node.output[0], b.integers(attribute(node, "axis", -1))
    total = b.op("ReduceSum", b.op("Mul", cotangent, y), axis, keepdims=1)
    return [b.op("Mul", y, b.op("Sub", cotangent, total))]


def _log_softmax(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """With g for the cotangent: g - exp(y) · Σ g."""
    y, axis = node.output[0], b.integers(attribute(node, "axis", -1))
    total = b.op("ReduceSum", cotangent, axis, keepdims=1)
    return [b.op("Sub", cotangent, b.op("Mul", b.op("Exp", y), total))]


RULES: Rules = {
    "ReduceSum": _reduce_sum,
    "ReduceMean": _reduce_mean,
    "ReduceMax": _reduce_extreme,
    "ReduceMin": _reduce_extreme,
    "ReduceL1": _reduce_l1,
    "ReduceL2": _reduce_l2,
    "ReduceSumSquare": _reduce_sum_square,
    "ReduceLogSumExp": _reduce_log_sum_exp,
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
}
