"""Turns cotangents of arithmetic, number by number, into cotangents of its operands."""

import math
from collections.abc import Sequence

from onnx import NodeProto

from service.inspection.gradients.activation import times
from service.inspection.gradients.builder import Builder, Rules


def _add(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.unbroadcast(cotangent, value, node.output[0]) for value in node.input]


def _sub(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    left, right = _add(node, cotangent, b)
    return [left, b.op("Neg", right or "")]


def _mul(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    left, right = node.input
    return [
        b.unbroadcast(b.op("Mul", cotangent, right), left, node.output[0]),
        b.unbroadcast(b.op("Mul", cotangent, left), right, node.output[0]),
    ]


def _div(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    left, right = node.input
    divided = b.op("Div", cotangent, right)
    to_right = b.op("Neg", b.op("Mul", divided, node.output[0]))
    return [b.unbroadcast(divided, left, node.output[0]), b.unbroadcast(to_right, right, node.output[0])]


def _pow(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """For x^p: p · x^(p - 1) for the base, x^p · log x for the exponent."""
    x, power = node.input
    fixed = b.facts.constant(power)
    if fixed is not None and fixed.size == 1:
        exponent = float(fixed.reshape(()))
        lower = b.op("Pow", x, b.number(exponent - 1, x)) if exponent != 2 else x
        slope = b.op("Mul", lower, b.number(exponent, x))
        return [b.unbroadcast(b.op("Mul", cotangent, slope), x, node.output[0]), None]
    typed = b.op("Cast", power, to=b.type(x))
    slope = b.op("Mul", typed, b.op("Pow", x, b.op("Sub", typed, b.number(1, x))))
    growth = b.op("Mul", node.output[0], b.op("Log", x))
    return [
        b.unbroadcast(b.op("Mul", cotangent, slope), x, node.output[0]),
        b.unbroadcast(b.op("Mul", cotangent, growth), power, node.output[0]),
    ]


def _extreme(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Max and Min: to the operand that it is; operands that are equal share alike, as PyTorch has it."""
    whole = node.output[0]
    if len(node.input) == 1:
        return [cotangent]
    chosen = [b.op("Cast", b.op("Equal", value, whole), to=b.type(whole)) for value in node.input]
    shared = b.op("Div", cotangent, b.op("Sum", *chosen))
    return [
        b.unbroadcast(b.op("Mul", shared, mask), value, whole) for value, mask in zip(node.input, chosen, strict=True)
    ]


def _mean(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    shared = b.op("Div", cotangent, b.number(len(node.input), node.output[0]))
    return _add(node, shared, b)


def _where(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    condition, left, right = node.input
    zero = b.number(0, node.output[0])
    return [
        None,
        b.unbroadcast(b.op("Where", condition, cotangent, zero), left, node.output[0]),
        b.unbroadcast(b.op("Where", condition, zero, cotangent), right, node.output[0]),
    ]


def _neg(_: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.op("Neg", cotangent)]


def _log(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.op("Div", cotangent, node.input[0])]


def _exp(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    return [b.op("Mul", cotangent, node.output[0])]


def _sqrt(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    y = node.output[0]
    return [b.op("Div", cotangent, b.op("Mul", y, b.number(2, y)))]


def _abs(node: NodeProto, b: Builder) -> str:
    return b.op("Sign", node.input[0])


def _reciprocal(node: NodeProto, b: Builder) -> str:
    y = node.output[0]
    return b.op("Neg", b.op("Mul", y, y))


def _erf(node: NodeProto, b: Builder) -> str:
    """2 / √π · exp(-x²)."""
    x = node.input[0]
    bell = b.op("Exp", b.op("Neg", b.op("Mul", x, x)))
    return b.op("Mul", bell, b.number(2 / math.sqrt(math.pi), x))


def _sin(node: NodeProto, b: Builder) -> str:
    return b.op("Cos", node.input[0])


def _cos(node: NodeProto, b: Builder) -> str:
    return b.op("Neg", b.op("Sin", node.input[0]))


def _passed(_: NodeProto, cotangent: str, __: Builder) -> Sequence[str | None]:
    """Identity."""
    return [cotangent]


def _dropout(_: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """As in inference, where it does nothing."""
    training = b.constant(2)
    if training is not None and bool(training):
        raise b.refusal("it is in training mode")
    return [cotangent]


def _cast(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Back to the type that it was."""
    kind = b.type(node.input[0])
    return [cotangent if kind == b.type(node.output[0]) else b.op("Cast", cotangent, to=kind)]


def _cast_like(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Only the type of the second input is read, so that its derivative is 0."""
    return [*_cast(node, cotangent, b), b.zeros(node.input[1])]


def _flat(node: NodeProto, _: str, b: Builder) -> Sequence[str | None]:
    """Roundings: constant but for steps, so that the derivative is 0."""
    return [b.zeros(node.input[0])]


RULES: Rules = {
    "Add": _add,
    "Sum": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Pow": _pow,
    "Max": _extreme,
    "Min": _extreme,
    "Mean": _mean,
    "Where": _where,
    "Neg": _neg,
    "Log": _log,
    "Exp": _exp,
    "Sqrt": _sqrt,
    "Abs": times(_abs),
    "Reciprocal": times(_reciprocal),
    "Erf": times(_erf),
    "Sin": times(_sin),
    "Cos": times(_cos),
    "Identity": _passed,
    "Dropout": _dropout,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Ceil": _flat,
    "Floor": _flat,
    "Round": _flat,
    "Sign": _flat,
}
