"""Turns cotangents of normalisations into cotangents of what they normalised."""

from collections.abc import Sequence
from math import prod

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute


def _batch_normalization(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """As in inference: each channel times scale / √(variance + epsilon)."""
    value, scale, _, __, variance = node.input
    if attribute(node, "training_mode", 0):
        raise b.refusal("it is in training mode")
    spread = b.op("Sqrt", b.op("Add", variance, b.number(attribute(node, "epsilon", 1e-5), value)))
    factor = b.op("Div", scale, spread)
    return [b.op("Mul", cotangent, _per_channel(factor, value, b))]


def _per_channel(value: str, like: str, b: Builder) -> str:
    """(C,) -> (C, 1, 1), to be broadcast to a map."""
    return b.op("Reshape", value, b.integers(-1, *[1] * (len(b.shape(like)) - 2)))


def _lrn(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """With y = x · d^-beta with d = bias + alpha · (mean square of `size` channels around).

    dx = g · d^-beta - 2 · alpha · beta · x · (mean of g · x · d^(-beta - 1) over the channels whose windows have it).
    """
    x = node.input[0]
    channels = b.sizes(x, [1])[0]
    places = prod(b.spatial(x))
    size, alpha, beta = (
        attribute(node, "size", 1),
        attribute(node, "alpha", 0.0001),
        attribute(node, "beta", 0.75),
    )
    before, after = (size - 1) // 2, size // 2

    def mean(value: str, pads: list[int]) -> str:
        """Over neighbouring channels, as a pooling of a map of channels times places; nothing counts as zero."""
        as_map = b.op("Reshape", value, b.integers(-1, 1, channels, places))
        pooled = b.op("AveragePool", as_map, kernel_shape=[size, 1], pads=pads, count_include_pad=1)
        return b.reshape(pooled, x)

    squares = mean(b.op("Mul", x, x), [before, 0, after, 0])
    divisor = b.op("Add", b.op("Mul", squares, b.number(alpha, x)), b.number(attribute(node, "bias", 1.0), x))
    direct = b.op("Mul", cotangent, b.op("Pow", divisor, b.number(-beta, x)))
    through = mean(b.op("Div", b.op("Mul", direct, x), divisor), [after, 0, before, 0])
    return [b.op("Sub", direct, b.op("Mul", b.op("Mul", through, x), b.number(2 * alpha * beta, x)))]


def _instance_normalization(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Over the places of each channel."""
    value, scale = node.input[:2]
    weighted = b.op("Mul", cotangent, _per_channel(scale, value, b))
    epsilon = b.number(attribute(node, "epsilon", 1e-5), value)
    return [_standardised(value, weighted, range(2, len(b.shape(value))), epsilon, b)]


def _layer_normalization(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Over all dimensions from `axis` on."""
    value, scale = node.input[:2]
    dimensions = len(b.shape(value))
    axes = range(attribute(node, "axis", -1) % dimensions, dimensions)
    weighted = b.op("Mul", cotangent, scale)
    epsilon = b.number(attribute(node, "epsilon", 1e-5), value)
    return [_standardised(value, weighted, axes, epsilon, b)]


def _group_normalization(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Over the places of all channels of a group."""
    value, scale = node.input[:2]
    groups = attribute(node, "num_groups", 1)
    if b.sizes(scale, [0]) != b.sizes(value, [1]):
        raise b.refusal("it has a scale for each group, as ONNX had it before it was mended in opset 21")
    weighted = b.op("Mul", cotangent, _per_channel(scale, value, b))
    grouped = b.integers(0, groups, -1)
    epsilon = attribute(node, "epsilon", 1e-5)
    parts = b.op("Reshape", value, grouped), b.op("Reshape", weighted, grouped)
    return [b.reshape(_standardised(*parts, [2], b.number(epsilon, value), b), value)]


def _standardised(value: str, cotangent: str, axes: Sequence[int], epsilon: str, b: Builder) -> str:
    """Through z = (x - mean) / √(variance + epsilon) over some dimensions: (g - mean g - z · mean(g · z)) / √…."""
    over = b.integers(*axes)
    centred = b.op("Sub", value, b.op("ReduceMean", value, over))
    variance = b.op("ReduceMean", b.op("Mul", centred, centred), over)
    spread = b.op("Sqrt", b.op("Add", variance, epsilon))
    z = b.op("Div", centred, spread)
    along = b.op("Mul", z, b.op("ReduceMean", b.op("Mul", cotangent, z), over))
    rest = b.op("Sub", b.op("Sub", cotangent, b.op("ReduceMean", cotangent, over)), along)
    return b.op("Div", rest, spread)


RULES: Rules = {
    "BatchNormalization": _batch_normalization,
    "GroupNormalization": _group_normalization,
    "InstanceNormalization": _instance_normalization,
    "LayerNormalization": _layer_normalization,
    "LRN": _lrn,
}
