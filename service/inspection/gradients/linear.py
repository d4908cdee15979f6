"""Turns cotangents of matrix products into cotangents of their factors."""

from collections.abc import Sequence

from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute


def _gemm(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Y = alpha · A' B' + beta · C with A' = A or its transpose: dA' = alpha · dY B'ᵀ, dB' = alpha · A'ᵀ dY."""
    left, right = node.input[:2]
    turned_left, turned_right = attribute(node, "transA", 0), attribute(node, "transB", 0)
    alpha = attribute(node, "alpha", 1.0)
    to_left = (
        b.op("Gemm", right, cotangent, alpha=alpha, transA=turned_right, transB=1)
        if turned_left
        else b.op("Gemm", cotangent, right, alpha=alpha, transB=1 - turned_right)
    )
    to_right = (
        b.op("Gemm", cotangent, left, alpha=alpha, transA=1, transB=turned_left)
        if turned_right
        else b.op("Gemm", left, cotangent, alpha=alpha, transA=1 - turned_left)
    )
    if len(node.input) < 3 or not node.input[2]:
        return [to_left, to_right]
    bias = b.unbroadcast(cotangent, node.input[2], node.output[0])
    return [to_left, to_right, b.op("Mul", bias, b.number(attribute(node, "beta", 1.0), node.input[2]))]


def _matmul(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """With Y = A B: dA = dY Bᵀ and dB = Aᵀ dY, summed over the dimensions in which a factor was repeated."""
    left, right = node.input
    left_shape, right_shape, shape = (b.shape(value) for value in (left, right, node.output[0]))
    if len(left_shape) == 1:  # a row, which the result has not
        left, left_shape = b.op("Unsqueeze", left, b.integers(0)), (1, *left_shape)
        at = len(shape) - (len(right_shape) > 1)
        cotangent, shape = b.op("Unsqueeze", cotangent, b.integers(at)), (*shape[:at], 1, *shape[at:])
    if len(right_shape) == 1:  # a column
        right, right_shape = b.op("Unsqueeze", right, b.integers(1)), (*right_shape, 1)
        cotangent, shape = b.op("Unsqueeze", cotangent, b.integers(len(shape))), (*shape, 1)
    to_left = b.op("MatMul", cotangent, _turn(right, len(right_shape), b))
    to_right = b.op("MatMul", _turn(left, len(left_shape), b), cotangent)
    to_left = b.narrow(to_left, left_shape, (*shape[:-2], *left_shape[-2:]))
    to_right = b.narrow(to_right, right_shape, (*shape[:-2], *right_shape[-2:]))
    return [
        result if len(b.shape(value)) > 1 else b.reshape(result, value)
        for result, value in ((to_left, node.input[0]), (to_right, node.input[1]))
    ]


def _turn(value: str, dimensions: int, b: Builder) -> str:
    """The transpose of each matrix of a stack."""
    order = [*range(dimensions - 2), dimensions - 1, dimensions - 2]
    return b.op("Transpose", value, perm=order)


RULES: Rules = {"Gemm": _gemm, "MatMul": _matmul}
