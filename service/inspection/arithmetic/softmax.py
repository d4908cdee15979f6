"""Turns a place in a softmax's output into every exponential, and their sum."""

import math

import numpy as np
from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result
from service.inspection.arithmetic.movement import Box
from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.arithmetic.trace import ExponentTerms

_ONE_AXIS = 13
"""Since this version of ONNX's operators it is over one axis; before, over all from that axis on."""


def account_for_softmax(reading: Reading, node: NodeProto, index: Index) -> Account:
    """Softmax and LogSoftmax. The largest input is subtracted from all first, as every implementation does."""
    array = reading.array(node.input[0])
    one = reading.flow.opset >= _ONE_AXIS
    axis = int(str(reading.attributes(node).get("axis", -1 if one else 1))) % array.ndim
    over = {axis} if one else set(range(axis, array.ndim))
    part = array[tuple(slice(None) if place in over else at for place, at in enumerate(index))].astype(np.float64)
    inputs = part.ravel()
    chosen = int(np.ravel_multi_index([at for place, at in enumerate(index) if place in over], part.shape))
    largest = float(inputs.max())
    exponentials = np.exp(inputs - largest)
    total = float(exponentials.sum())
    logarithm = node.op_type == "LogSoftmax"
    value = float(exponentials[chosen]) / total
    formula = f"exp({inputs[chosen]:.4g} − {largest:.4g}) / {total:.4g}"
    if logarithm:
        value = float(inputs[chosen]) - largest - math.log(total)
        formula = f"log({formula})"
    terms = ExponentTerms(
        inputs=inputs.tolist(),
        chosen=chosen,
        largest=largest,
        exponentials=exponentials.tolist(),
        sum=total,
        logarithm=logarithm,
    )
    first = tuple(0 if place in over else at for place, at in enumerate(index))
    last = tuple(array.shape[place] - 1 if place in over else at for place, at in enumerate(index))
    return Account(value, terms, result(formula, value), [Box(node.input[0], first, last)])
