"""Turns cotangents of activation functions into cotangents of what they were applied to: times the derivative."""

import math
from collections.abc import Callable, Sequence

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rule, Rules, attribute


def _relu(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The cotangent where the output is positive: at 0 the derivative is 0."""
    zero = b.number(0, node.input[0])
    return [b.op("Where", b.op("Greater", node.output[0], zero), cotangent, zero)]


def _leaky_relu(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [_bent(node, cotangent, b.number(attribute(node, "alpha", 0.01), node.input[0]), b)]


def _prelu(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    value, slope = node.input
    to_slope = b.op("Mul", cotangent, b.op("Min", value, b.number(0, value)))
    return [_bent(node, cotangent, slope, b), b.unbroadcast(to_slope, slope, node.output[0])]


def _bent(node: NodeProto, cotangent: str, slope: str, b: Builder) -> str:
    """The cotangent where the input is positive, times a slope elsewhere."""
    positive = b.op("Greater", node.input[0], b.number(0, node.input[0]))
    return b.op("Where", positive, cotangent, b.op("Mul", cotangent, slope))


def _exponential_unit(gamma: float, alpha: float) -> Rule:
    """Elu and Selu, gamma · (x where positive, else alpha · (exp(x) - 1)), with these defaults."""

    def rule(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
        x, y = node.input[0], node.output[0]
        scale, depth = attribute(node, "gamma", gamma), attribute(node, "alpha", alpha)
        slope = b.op("Add", y, b.number(scale * depth, x))
        positive = b.op("Greater", x, b.number(0, x))
        return [b.op("Mul", cotangent, b.op("Where", positive, b.number(scale, x), slope))]

    return rule


def _celu(node: NodeProto, b: Builder) -> str:
    x = node.input[0]
    below = b.op("Min", x, b.number(0, x))
    return b.op("Exp", b.op("Div", below, b.number(attribute(node, "alpha", 1.0), x)))


def _thresholded_relu(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    x = node.input[0]
    passing = b.op("Greater", x, b.number(attribute(node, "alpha", 1.0), x))
    return [b.op("Where", passing, cotangent, b.number(0, x))]


def _clip(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The cotangent where nothing was cut off.

    On the bounds themselves PyTorch's clamp passes it and its ReLU6 doesn't; both are this operator.
    """
    x = node.input[0]
    bounds = [value or None for value in [*node.input[1:], "", ""][:2]]
    low, high = (None if bound is None else b.constant(at + 1) for at, bound in enumerate(bounds))
    is_relu6 = low is not None and high is not None and (float(low), float(high)) == (0.0, 6.0)
    inside = cotangent
    for bound, operator in zip(bounds, ("Greater", "Less"), strict=True):
        if bound is not None:
            kept = b.op(operator if is_relu6 else f"{operator}OrEqual", x, bound)
            inside = b.op("Where", kept, inside, b.number(0, x))
    return [inside]


def _sigmoid(node: NodeProto, b: Builder) -> str:
    y = node.output[0]
    return b.op("Mul", y, b.op("Sub", b.number(1, y), y))


def _tanh(node: NodeProto, b: Builder) -> str:
    y = node.output[0]
    return b.op("Sub", b.number(1, y), b.op("Mul", y, y))


def _hard_sigmoid(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    y = node.output[0]
    slope = b.op("Mul", cotangent, b.number(attribute(node, "alpha", 0.2), y))
    return [b.op("Where", _within_0_and_1(y, b), slope, b.number(0, y))]


def _within_0_and_1(value: str, b: Builder) -> str:
    return b.op("And", b.op("Greater", value, b.number(0, value)), b.op("Less", value, b.number(1, value)))


def _hard_swish(node: NodeProto, b: Builder) -> str:
    """Of x · h with h = x / 6 + 1/2, cut off below 0 and above 1: h, and where it isn't cut off x / 6 more."""
    x = node.input[0]
    gate = b.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)
    rising = b.op("And", b.op("Greater", gate, b.number(0, x)), b.op("Less", gate, b.number(1, x)))
    return b.op("Add", gate, b.op("Where", rising, b.op("Div", x, b.number(6, x)), b.number(0, x)))


def _swish(node: NodeProto, b: Builder) -> str:
    """Of x · s with s = σ(alpha · x): s + alpha · y · (1 - s)."""
    x, y = node.input[0], node.output[0]
    alpha = b.number(attribute(node, "alpha", 1.0), x)
    gate = b.op("Sigmoid", b.op("Mul", alpha, x))
    return b.op("Add", gate, b.op("Mul", alpha, b.op("Mul", y, b.op("Sub", b.number(1, x), gate))))


def _softplus(node: NodeProto, b: Builder) -> str:
    return b.op("Sigmoid", node.input[0])


def _softsign(node: NodeProto, b: Builder) -> str:
    """1 / (1 + |x|)²."""
    x = node.input[0]
    width = b.op("Add", b.op("Abs", x), b.number(1, x))
    return b.op("Reciprocal", b.op("Mul", width, width))


def _mish(node: NodeProto, b: Builder) -> str:
    """Of x · t with t = tanh(softplus(x)): t + x · (1 - t²) · σ(x)."""
    x = node.input[0]
    gate = b.op("Tanh", b.op("Softplus", x))
    slope = b.op("Sub", b.number(1, x), b.op("Mul", gate, gate))
    return b.op("Add", gate, b.op("Mul", b.op("Mul", x, slope), b.op("Sigmoid", x)))


def _gelu(node: NodeProto, b: Builder) -> str:
    """Of x · Φ(x): Φ(x) + x · φ(x), or the same of the approximation by a tanh."""
    return _gelu_by_tanh(node, b) if attribute(node, "approximate", "none") == "tanh" else _gelu_by_erf(node, b)


def _gelu_by_erf(node: NodeProto, b: Builder) -> str:
    x = node.input[0]
    share = b.op("Erf", b.op("Mul", x, b.number(math.sqrt(0.5), x)))
    share = b.op("Mul", b.op("Add", share, b.number(1, x)), b.number(0.5, x))
    bell = b.op("Exp", b.op("Mul", b.op("Mul", x, x), b.number(-0.5, x)))
    return b.op("Add", share, b.op("Mul", b.op("Mul", x, bell), b.number(1 / math.sqrt(2 * math.pi), x)))


def _gelu_by_tanh(node: NodeProto, b: Builder) -> str:
    """0.5 · x · (1 + tanh u) with u = √(2/π) · (x + 0.044715 · x³)."""
    x = node.input[0]
    one, half, root = b.number(1, x), b.number(0.5, x), math.sqrt(2 / math.pi)
    square = b.op("Mul", x, x)
    inner = b.op("Add", b.op("Mul", square, b.number(0.044715 * root, x)), b.number(root, x))
    gate = b.op("Tanh", b.op("Mul", x, inner))
    inner_slope = b.op("Add", b.op("Mul", square, b.number(3 * 0.044715 * root, x)), b.number(root, x))
    slope = b.op("Mul", b.op("Sub", one, b.op("Mul", gate, gate)), b.op("Mul", x, inner_slope))
    return b.op("Mul", half, b.op("Add", b.op("Add", one, gate), slope))


def times(derivative: Callable[[NodeProto, Builder], str]) -> Rule:
    """The rule of a function of one number, from its derivative."""

    def rule(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
        return [b.op("Mul", cotangent, derivative(node, b))]

    return rule


RULES: Rules = {
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Elu": _exponential_unit(1.0, 1.0),
    "Selu": _exponential_unit(1.0507009873554805, 1.6732632423543772),
    "Celu": times(_celu),
    "ThresholdedRelu": _thresholded_relu,
    "Clip": _clip,
    "Sigmoid": times(_sigmoid),
    "Tanh": times(_tanh),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": times(_hard_swish),
    "Swish": times(_swish),
    "Softplus": times(_softplus),
    "Softsign": times(_softsign),
    "Mish": times(_mish),
    "Gelu": times(_gelu),
}
