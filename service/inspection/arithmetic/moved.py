"""Turns a place behind a layer that only moves numbers into where the number was."""

from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result
from service.inspection.arithmetic.movement import originate, point
from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.arithmetic.trace import MovedTerms


def account_for_moved(reading: Reading, node: NodeProto, index: Index) -> Account:
    """Flatten, Reshape, Transpose, Concat, Slice, Dropout and the like; Pad, whose padding comes from nowhere."""
    boxes = originate(reading, node, point(reading.part.output, index))
    if not boxes:
        value = float(reading.output[index])
        return Account(value, MovedTerms(input=value, constant=True), f"padding = {value:.4g}", [])
    (box,) = boxes
    value = float(reading.array(box.value)[box.first])
    place = f"({', '.join(map(str, box.first[1:]))})"
    terms = MovedTerms(input=value, constant=reading.is_constant(box.value))
    return Account(value, terms, result(f"the value at {place}", value), boxes)
