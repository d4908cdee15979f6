"""Normalisations and softmaxes: the numbers that they measure, by hand and held to onnxruntime."""

import numpy as np
import pytest
from onnx import helper

from service.inspection.arithmetic.number import trace
from tests.service.inspection.arithmetic.graphs import (
    CENTRE,
    WIDTH,
    assert_nothing_else_matters,
    check,
    network,
    picture,
)

SHAPE = (3, 4, 5)


def random(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).random(shape).astype(np.float32) + 0.5


def test_batch_normalisation_by_hand() -> None:
    """(3 − 1) / √(3.75 + 0.25) = 1, times 5, plus 0.5."""
    constants = {name: np.array([value], np.float32) for name, value in zip("sbmv", (5, 0.5, 1, 3.75), strict=True)}
    node = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["out"], epsilon=0.25)
    pixels = np.full((1, 1, 1), 3 * WIDTH + CENTRE, np.uint8)
    found = trace(network([node], (1, 1, 1), constants), pixels, "out", 0, 0, 0)
    assert found.terms.form == "steps"
    assert [step.value for step in found.terms.steps] == [2, 1, 5, 5.5]
    assert found.terms.parameters == {"scale": 5, "bias": 0.5, "mean": 1, "variance": 3.75, "epsilon": 0.25}
    assert (found.value, found.runtime_value) == (5.5, 5.5)
    assert found.formula == "(3 − 1) / 2 × 5 + 0.5 = 5.5"


def test_batch_normalisation_of_maps() -> None:
    constants = {name: random(3) * place for place, name in enumerate("sbmv", 1)}
    found = check(
        network([helper.make_node("BatchNormalization", ["x", *"sbmv"], ["out"])], SHAPE, constants), picture(SHAPE)
    )
    assert {each.terms.parameters["mean"] for each in found if each.terms.form == "steps"} == set(
        map(float, constants["m"])
    )


def test_instance_normalisation_measures_the_map() -> None:
    node = helper.make_node("InstanceNormalization", ["x", "s", "b"], ["out"], epsilon=0.01)
    inspector, pixels = network([node], SHAPE, {"s": random(3), "b": -random(3)}), picture(SHAPE)
    found = check(inspector, pixels)
    assert_nothing_else_matters(inspector, pixels, found[0])
    assert found[0].sources[0].y == [0, 3]


@pytest.mark.parametrize(("axis", "shape"), [(-1, (5,)), (2, (4, 5)), (1, (3, 4, 5)), (-2, (4, 5))])
@pytest.mark.parametrize("biased", [False, True])
def test_layer_normalisation_measures_the_last_dimensions(axis: int, shape: tuple[int, ...], biased: bool) -> None:
    constants = {"s": random(*shape)} | ({"b": -random(*shape)} if biased else {})
    node = helper.make_node("LayerNormalization", ["x", *constants], ["out"], axis=axis)
    inspector, pixels = network([node], SHAPE, constants), picture(SHAPE)
    assert_nothing_else_matters(inspector, pixels, check(inspector, pixels)[0])


def test_neighbours_by_hand() -> None:
    """2 / (1 + 3 / 3 · (1² + 2² + 0²)) ^ 1 = 1/3; the fourth channel is none of the neighbours."""
    pixels = (np.array([1, 2, 0, 4]).reshape(1, 1, 4) * WIDTH + CENTRE).astype(np.uint8)
    node = helper.make_node("LRN", ["x"], ["out"], size=3, alpha=3.0, beta=1.0, bias=1.0)
    found = trace(network([node], (4, 1, 1)), pixels, "out", 1, 0, 0)
    assert found.terms.form == "neighbours"
    assert (found.terms.channels, found.terms.inputs, found.terms.squares) == ([0, 2], [1, 2, 0], [1, 4, 0])
    assert (found.terms.sum, found.terms.divisor) == (5, 6)
    assert found.formula == "2 / 6 = 0.3333"


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_neighbourhoods_of_any_size(size: int) -> None:
    """Odd ones: onnxruntime refuses the others."""
    node = helper.make_node("LRN", ["x"], ["out"], size=size, alpha=0.7, beta=0.75, bias=2.0)
    inspector, pixels = network([node], (6, 3, 3), opset=13), picture((6, 3, 3))
    for each in check(inspector, pixels):
        assert_nothing_else_matters(inspector, pixels, each)


def test_exponents_by_hand() -> None:
    pixels = (np.array([0, 1, 3]).reshape(1, 3, 1) * WIDTH + CENTRE).astype(np.uint8)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Softmax", ["flat"], ["out"])]
    found = trace(network(nodes, (1, 1, 3)), pixels, "out", 1, None, None)
    assert found.terms.form == "exponents"
    assert (found.terms.inputs, found.terms.largest, found.terms.chosen) == ([0, 1, 3], 3, 1)
    assert found.terms.exponentials == pytest.approx([np.exp(-3), np.exp(-2), 1])
    assert found.value == pytest.approx(np.exp(1) / (1 + np.exp(1) + np.exp(3)))
    assert found.formula == "exp(1 − 3) / 1.185 = 0.1142"
    assert [source.model_dump() for source in found.sources] == [
        {"layer": "flat", "channels": [0, 2], "y": None, "x": None}
    ]


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [None, 1, 2, 3, -1])
def test_softmaxes_over_any_axis(operator: str, opset: int, axis: int | None) -> None:
    """Before version 13 over all dimensions from the axis on."""
    node = helper.make_node(operator, ["x"], ["out"])
    if axis is not None:
        node.attribute.append(helper.make_attribute("axis", axis))
    inspector, pixels = network([node], SHAPE, opset=opset), picture(SHAPE)
    found = check(inspector, pixels)
    assert_nothing_else_matters(inspector, pixels, found[0])
    told = found[0].terms
    assert told.form == "exponents"
    whole = opset == 11 and axis in {None, 1}
    assert len(told.inputs) == (60 if whole else {None: 5, 1: 3, 2: 20 if opset == 11 else 4, 3: 5, -1: 5}[axis])
