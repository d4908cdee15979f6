"""Makes small networks of single operators, and holds a trace of their numbers to what onnxruntime computed."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.engine import Provider
from service.inspection.activations import Inspector
from service.inspection.arithmetic.number import check_operator, trace_at
from service.inspection.arithmetic.reading import Reading, read
from service.inspection.arithmetic.trace import BranchTerms, MovedTerms, PoolTerms, StepTerms, Trace, WindowTerms
from service.inspection.graph import read_table
from service.inspection.sessions import Making

Pixels = NDArray[np.uint8]

CENTRE, WIDTH = 100.0, 32.0
"""Pixels become (pixel - CENTRE) / WIDTH."""


def front() -> list[NodeProto]:
    """From `pixels`, (n, h, w, c) uint8, to `x`, (n, c, h, w) float32."""
    return [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["cast", "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "width"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["x"], perm=[0, 3, 1, 2]),
    ]


def network(
    nodes: Sequence[NodeProto],
    shape: Sequence[int],
    constants: Mapping[str, NDArray[np.generic]] | None = None,
    opset: int = 20,
) -> Inspector:
    """Of a graph whose nodes lead from `x`, (n, *shape) float32, to `out`; each is named after its first output."""
    for node in nodes:
        node.name = node.output[0]
    channels, *size = shape
    fixed = {"centre": np.float32(CENTRE), "width": np.float32(WIDTH), **(constants or {})}
    graph = helper.make_graph(
        [*front(), *nodes],
        "test",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *size, channels])],
        [helper.make_empty_tensor_value_info("out")],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in fixed.items()],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return Inspector(read_table(model), Making("test", Provider.CPU, 1))


def with_attributes(node: NodeProto, attributes: Mapping[str, object]) -> NodeProto:
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return node


def picture(shape: Sequence[int], seed: int = 0) -> Pixels:
    """(h, w, c) uint8."""
    channels, *size = shape
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)


def positions(reading: Reading, most: int = 40, seed: int = 0) -> Iterable[tuple[int, int | None, int | None]]:
    """All positions of a layer, or so many of them."""
    shape = reading.output.shape[1:]
    every = list(np.ndindex(*shape))
    chosen = np.random.default_rng(seed).permutation(len(every))[:most]
    for place in chosen:
        channel, y, x = (*(int(at) for at in every[place]), None, None)[:3]
        assert channel is not None
        yield channel, y, x


def check(inspector: Inspector, pixels: Pixels, name: str = "out", most: int = 40) -> list[Trace]:
    """Trace numbers of a layer; each has to be what onnxruntime computed, and its terms have to come to it."""
    check_operator(inspector, name)
    reading = read(inspector, pixels, [name], top=5)[name]
    scale = float(np.abs(reading.output).max())
    found = []
    for channel, y, x in positions(reading, most):
        trace = trace_at(reading, channel, y, x)
        tolerance = 1e-4 * max(abs(trace.runtime_value), scale) + 1e-30
        assert abs(trace.value - trace.runtime_value) <= tolerance, trace
        assert abs(add_up(trace) - trace.value) <= tolerance, trace
        found.append(trace)
    return found


def add_up(trace: Trace) -> float:
    """The value, from what a client is told of the terms alone."""
    terms, bias = trace.terms, trace.bias or 0.0
    match terms.form:
        case "window":
            return sum_products(terms) + bias
        case "weighted":
            assert terms.count == len(terms.contributions) + terms.rest_count
            return sum(each.input * each.weight for each in terms.contributions) + terms.rest_sum + bias
        case "pool":
            return sum_up(terms)
        case "exponents":
            quotient = terms.exponentials[terms.chosen] / sum(terms.exponentials)
            return float(np.log(quotient)) if terms.logarithm else quotient
        case "neighbours":
            told, x = terms.parameters, terms.inputs[trace.channel - terms.channels[0]]
            return float(x / (told["bias"] + told["alpha"] / told["size"] * sum(terms.squares)) ** told["beta"])
    return read_off(terms)


def sum_products(terms: WindowTerms) -> float:
    products = [
        0.0 if value is None else value * weight
        for channel, kernel in zip(terms.inputs, terms.kernel, strict=True)
        for row, weights in zip(channel, kernel, strict=True)
        for value, weight in zip(row, weights, strict=True)
    ]
    assert np.allclose(products, np.ravel(terms.products))
    assert np.allclose(np.sum(terms.products, axis=(1, 2)), terms.sums)
    return sum(terms.sums)


def sum_up(terms: PoolTerms) -> float:
    inputs = [value for row in terms.inputs for value in row if value is not None]
    if terms.chosen is None:
        return sum(inputs) / (terms.divisor or 1)
    row, column = terms.chosen
    chosen = terms.inputs[row][column]
    assert chosen == (max(inputs) if terms.operation == "max" else min(inputs))
    assert chosen is not None
    return chosen


def read_off(terms: StepTerms | BranchTerms | MovedTerms) -> float:
    if terms.form == "branches":
        return float(BRANCHES[terms.operator](np.array([branch.value for branch in terms.branches])))
    return terms.steps[-1].value if terms.form == "steps" else terms.input


BRANCHES: dict[str, Callable[[NDArray[np.float64]], np.float64]] = {
    "Add": np.sum,
    "Sum": np.sum,
    "Mean": np.mean,
    "Max": np.max,
    "Min": np.min,
    "Mul": np.prod,
    "Sub": lambda values: values[0] - values[1],
    "Div": lambda values: values[0] / values[1],
    "Pow": lambda values: values[0] ** values[1],
}


def assert_nothing_else_matters(inspector: Inspector, pixels: Pixels, trace: Trace) -> None:
    """Change every number of the picture that isn't among the sources: the traced number stays what it is."""
    changed = picture((pixels.shape[2], *pixels.shape[:2]), seed=1)
    for source in trace.sources:
        assert source.layer == "preprocessing"
        assert source.channels is not None
        assert source.y is not None
        assert source.x is not None
        box = tuple(slice(first, last + 1) for first, last in (source.y, source.x, source.channels))
        changed[box] = pixels[box]
    again = trace_at(read(inspector, changed, [trace.layer])[trace.layer], trace.channel, trace.y, trace.x)
    assert abs(again.runtime_value - trace.runtime_value) <= 1e-5 * max(1, abs(trace.runtime_value))
