"""Turns a place in a product of matrices into its largest products and what the rest comes to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result, show
from service.inspection.arithmetic.movement import Box
from service.inspection.arithmetic.reading import Index, Reading, fit
from service.inspection.arithmetic.trace import Contribution, WeightedTerms

_Row = tuple[NDArray[Any], Box]
"""(k,) numbers that are multiplied with another row, one by one, and where they stand."""


def account_for_gemm(reading: Reading, node: NodeProto, index: Index) -> Account:
    """Gemm: alpha · A · B + beta · C, either of the first two transposed or not; alpha is told within the weights."""
    attributes = reading.attributes(node)
    row, column = index
    left = _line(reading, node.input[0], (row,), along=0 if attributes.get("transA") else 1)
    right = _line(reading, node.input[1], (column,), along=1 if attributes.get("transB") else 0)
    bias = None
    if len(node.input) > 2 and node.input[2]:
        bias = float(str(attributes.get("beta", 1.0))) * reading.number(node.input[2], index)
    return _add_up(reading, node, left, right, float(str(attributes.get("alpha", 1.0))), bias)


def account_for_matmul(reading: Reading, node: NodeProto, index: Index) -> Account:
    """MatMul, of a weight or of two computed values, with any number of leading dimensions."""
    *ahead, row, column = index if len(reading.shape(node.input[1])) > 1 else (*index, 0)
    left_ahead = fit(tuple(ahead), reading.shape(node.input[0])[:-2])
    right_ahead = fit(tuple(ahead), reading.shape(node.input[1])[:-2])
    left = _line(reading, node.input[0], (*left_ahead, row), along=len(left_ahead) + 1)
    if len(reading.shape(node.input[1])) > 1:
        right = _line(reading, node.input[1], (*right_ahead, column), along=len(right_ahead))
    else:
        right = _line(reading, node.input[1], (), along=0)
    return _add_up(reading, node, left, right, 1.0, reading.added(index))


def _line(reading: Reading, value: str, fixed: Index, along: int) -> _Row:
    """The numbers along one dimension of a value, at this place of the others."""
    array = reading.array(value)
    place: list[int | slice] = [*fixed[:along], slice(None), *fixed[along:]]
    first, last = (
        tuple(side if isinstance(each, slice) else each for each in place) for side in (0, array.shape[along] - 1)
    )
    return array[tuple(place)].astype(np.float64), Box(value, first, last)


def _add_up(  # noqa: PLR0913, PLR0917 - each is a part of the sum
    reading: Reading, node: NodeProto, left: _Row, right: _Row, scale: float, bias: float | None
) -> Account:
    (inputs, _), (weights, _) = (right, left) if reading.is_constant(node.input[0]) else (left, right)
    weights = weights * scale
    products = inputs * weights
    order = np.argsort(-np.abs(products), kind="stable")
    listed, rest = order[: reading.top], order[reading.top :]
    total = float(products.sum())
    value = total + (bias or 0.0)
    terms = WeightedTerms(
        count=products.size,
        contributions=[
            Contribution(index=int(at), input=inputs[at], weight=weights[at], product=products[at]) for at in listed
        ],
        rest_count=rest.size,
        rest_sum=float(products[rest].sum()),
    )
    formula = f"{total:.4g} (sum of {products.size} products)"
    if bias is not None:
        formula = f"{formula} + {show(bias)} (bias)"
    drawn = [box for _, box in (left, right) if not reading.is_constant(box.value)]
    return Account(value, terms, result(formula, value), drawn, bias)
