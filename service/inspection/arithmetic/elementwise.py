"""Turns a place behind elementwise operators into the number that went in, and what each made of it."""

from collections.abc import Iterator

from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result, show
from service.inspection.arithmetic.functions import compute
from service.inspection.arithmetic.movement import Box, originate, point
from service.inspection.arithmetic.reading import MOVING, Index, Reading, fit
from service.inspection.arithmetic.sources import locate
from service.inspection.arithmetic.trace import Branch, BranchTerms, Step, StepTerms


def account_for_function(reading: Reading, node: NodeProto, index: Index) -> Account:
    """A function of one number: Relu, Sigmoid, Clip and the like."""
    operands = [reading.number(value, index) if value else None for value in node.input]
    attributes = reading.attributes(node)
    lines = compute(node.op_type, operands, attributes)
    steps = [Step(operator=node.op_type, formula=result(*line), value=line[1]) for line in lines]
    x = operands[0] or 0.0
    told = {name: float(value) for name, value in attributes.items() if isinstance(value, int | float)}
    if node.op_type == "PRelu" and operands[1] is not None:
        told["slope"] = operands[1]
    box = point(node.input[0], fit(index, reading.shape(node.input[0])))
    return Account(steps[-1].value, StepTerms(x=x, parameters=told, steps=steps), steps[-1].formula, [box])


def account_for_branches(reading: Reading, node: NodeProto, index: Index) -> Account:
    """Add, Mul and the like: a number of each branch, some of which may be constants."""
    branches, drawn = [], []
    for value in node.input:
        box = point(value, fit(index, reading.shape(value)))
        constant = reading.is_constant(value)
        sources = [] if constant else locate(reading, [box])
        branches.append(Branch(value=reading.number(value, index), constant=constant, sources=sources))
        drawn += [] if constant else [box]
    numbers = [branch.value for branch in branches]
    ((formula, total),) = compute(node.op_type, numbers, reading.attributes(node))
    return Account(total, BranchTerms(operator=node.op_type, branches=branches), result(formula, total), drawn)


def account_for_chain(reading: Reading, index: Index) -> Account:
    """Several nodes that are one layer: preprocessing, or an activation written out in simple operators.

    The number's place is followed back to where it goes in, and then each node is worked out from there.
    """
    places: dict[str, Index] = {reading.part.output: index}
    for node in reversed(reading.part.nodes):
        places |= {box.value: box.first for box in _before(reading, node, places[node.output[0]])}
    made = {output for node in reading.part.nodes for output in node.output}
    (entry,) = [value for value in places if value not in made]
    numbers = {entry: reading.number(entry, places[entry])}
    steps: list[Step] = []
    for node in reading.part.nodes:
        steps += _work_out(reading, node, numbers, places)
        numbers[node.output[0]] = steps[-1].value
    formula = result(_write_out(reading, entry, numbers, places), steps[-1].value)
    terms = StepTerms(x=numbers[entry], parameters={}, steps=steps)
    return Account(steps[-1].value, terms, formula, [point(entry, places[entry])])


def _before(reading: Reading, node: NodeProto, index: Index) -> list[Box]:
    """Where what a node reads of the picture was, for one number of its output."""
    if node.op_type in MOVING:
        return originate(reading, node, point(node.output[0], index))
    return [
        point(value, fit(index, reading.shape(value)))
        for value in node.input
        if value and not reading.is_constant(value)
    ]


def _work_out(reading: Reading, node: NodeProto, numbers: dict[str, float], places: dict[str, Index]) -> Iterator[Step]:
    index = places[node.output[0]]
    if node.op_type in MOVING:
        before = places[node.input[0]]
        moved = f"{_write(before)} → {_write(index)}" if before != index else "as it is"
        yield Step(operator=node.op_type, formula=moved, value=numbers[node.input[0]])
        return
    operands = [
        numbers[value] if value in numbers else reading.number(value, index) if value else None for value in node.input
    ]
    for line in compute(node.op_type, operands, reading.attributes(node)):
        yield Step(operator=node.op_type, formula=result(*line), value=line[1])


_SIGNS = {"Add": "+", "Sub": "−", "Mul": "×", "Div": "/", "Pow": "^"}


def _write_out(reading: Reading, entry: str, numbers: dict[str, float], places: dict[str, Index]) -> str:
    """All steps in one formula: `(213 / 255 − 0.1307) / 0.3081`, `0.3 × sigmoid(0.3)`."""
    texts = {entry: f"{numbers[entry]:.4g}"}
    for node in reading.part.nodes:
        index = places[node.output[0]]
        inputs = [value for value in node.input if value]
        if node.op_type in {*MOVING, "Cast"}:
            texts[node.output[0]] = texts[node.input[0]]
            continue
        operands = [texts[value] if value in texts else show(reading.number(value, index)) for value in inputs]
        if node.op_type in _SIGNS:
            bracketed = [f"({text})" if " " in text else text for text in operands]
            texts[node.output[0]] = f" {_SIGNS[node.op_type]} ".join(bracketed)
        else:
            texts[node.output[0]] = f"{node.op_type.lower()}({', '.join(operands)})"
    return texts[reading.part.output]


def _write(index: Index) -> str:
    """Without the batch dimension."""
    return f"({', '.join(map(str, index[1:]))})"
