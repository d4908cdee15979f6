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


RULES: Rules = {"BatchNormalization": _batch_normalization, "LRN": _lrn}
