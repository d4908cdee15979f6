"""Functions of single numbers, chains and branches of them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto, helper
from torch import Tensor
from torch.nn import functional

from service.inspection.arithmetic.functions import BRANCHING, FUNCTIONS
from service.inspection.arithmetic.number import trace
from tests.service.inspection.arithmetic.graphs import CENTRE, WIDTH, check, network, picture

SHAPE = (3, 4, 5)

CASES: dict[str, tuple[dict[str, object], ...]] = {
    "Abs": ({},),
    "Ceil": ({},),
    "Celu": ({}, {"alpha": 0.5}),
    "Cos": ({},),
    "Elu": ({}, {"alpha": 0.5}),
    "Erf": ({},),
    "Exp": ({},),
    "Floor": ({},),
    "Gelu": ({}, {"approximate": "tanh"}),
    "HardSigmoid": ({}, {"alpha": 1 / 6, "beta": 0.4}),
    "HardSwish": ({},),
    "LeakyRelu": ({}, {"alpha": 0.3}),
    "Mish": ({},),
    "Neg": ({},),
    "Reciprocal": ({},),
    "Relu": ({},),
    "Round": ({},),
    "Selu": ({}, {"alpha": 1.5, "gamma": 1.1}),
    "Sigmoid": ({},),
    "Sign": ({},),
    "Sin": ({},),
    "Softplus": ({},),
    "Softsign": ({},),
    "Tanh": ({},),
    "ThresholdedRelu": ({}, {"alpha": 0.4}),
}
POSITIVE = {"Sqrt", "Log"}
ELSEWHERE = {"Cast", "Clip", "PRelu", "Identity", "Swish"} | POSITIVE


def test_every_function_is_held_to_onnxruntime() -> None:
    assert {*CASES, *ELSEWHERE, *BRANCHING} == set(FUNCTIONS)


@pytest.mark.parametrize("operator", CASES)
def test_functions_of_one_number(operator: str) -> None:
    for attributes in CASES[operator]:
        node = helper.make_node(operator, ["x"], ["out"], **attributes)  # type: ignore[arg-type]
        for each in check(network([node], SHAPE, opset=22), picture(SHAPE)):
            assert each.terms.form == "steps"
            (source,) = each.sources
            assert (source.channels, source.y, source.x) == ([each.channel] * 2, [each.y] * 2, [each.x] * 2)
            assert each.formula.endswith(f"= {each.value:.4g}")
            told = {name: value for name, value in attributes.items() if isinstance(value, float)}
            assert told == pytest.approx({name: each.terms.parameters[name] for name in told})


@pytest.mark.parametrize("operator", sorted(POSITIVE))
def test_functions_of_what_is_not_negative(operator: str) -> None:
    nodes = [helper.make_node("Exp", ["x"], ["positive"]), helper.make_node(operator, ["positive"], ["out"])]
    check(network(nodes, SHAPE), picture(SHAPE))


@pytest.mark.parametrize("to", [TensorProto.INT32, TensorProto.DOUBLE])
def test_numbers_may_change_their_type(to: int) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("Cast", ["a"], ["out"], to=to)]
    found = check(network(nodes, SHAPE), picture(SHAPE))
    assert all(each.value == int(each.value) for each in found) == (to == TensorProto.INT32)


def swish(alpha: float) -> NodeProto:
    return helper.make_node("Swish", ["x"], ["out"], alpha=alpha)


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_swish(alpha: float) -> None:
    try:
        inspector = network([swish(alpha)], SHAPE, opset=24)
        inspector.values(picture(SHAPE)[None], ["out"])
    except Exception:  # noqa: BLE001 - whatever it says of an operator that it doesn't have
        pytest.skip("this onnxruntime has no Swish")
    check(inspector, picture(SHAPE))


@pytest.mark.parametrize(
    ("node", "opset"),
    [
        (helper.make_node("Clip", ["x"], ["out"], min=-0.5, max=1.0), 9),
        (helper.make_node("Clip", ["x", "low", "high"], ["out"]), 20),
        (helper.make_node("Clip", ["x", "", "high"], ["out"]), 20),
        (helper.make_node("Clip", ["x", "low"], ["out"]), 20),
        (helper.make_node("Clip", ["x"], ["out"]), 20),
    ],
    ids=["attributes", "both", "upper", "lower", "neither"],
)
def test_clip_in_all_its_forms(node: NodeProto, opset: int) -> None:
    limits = {"low": np.float32(-0.5), "high": np.float32(1)}
    kept = {name: np.asarray(value) for name, value in limits.items() if name in node.input}
    found = check(network([node], SHAPE, kept, opset), picture(SHAPE))
    assert len({each.value for each in found}) > 3


@pytest.mark.parametrize("slope", [(3, 1, 1), (1, 1, 1), (1,), (3, 4, 5)])
def test_slopes_of_any_shape(slope: tuple[int, ...]) -> None:
    slopes = np.random.default_rng(0).standard_normal(slope).astype(np.float32)
    node = helper.make_node("PRelu", ["x", "slope"], ["out"])
    for each in check(network([node], SHAPE, {"slope": slopes}), picture(SHAPE)):
        assert each.terms.form == "steps"
        assert each.terms.parameters["slope"] in slopes


def test_formulas_have_their_numbers_in_them() -> None:
    pixels = np.full((1, 1, 1), CENTRE - WIDTH / 2, np.uint8)
    cases = {
        "Relu": "max(0, -0.5) = 0",
        "LeakyRelu": "0.01 × (-0.5) = -0.005",
        "Tanh": "tanh(-0.5) = -0.4621",
        "Abs": "|-0.5| = 0.5",
        "Elu": "1 × (exp(-0.5) − 1) = -0.3935",
    }
    for operator, formula in cases.items():
        assert (
            trace(network([helper.make_node(operator, ["x"], ["out"])], (1, 1, 1)), pixels, "out", 0, 0, 0).formula
            == formula
        )
    found = trace(network([helper.make_node("Sigmoid", ["x"], ["out"])], (1, 1, 1)), pixels, "out", 0, 0, 0)
    assert found.terms.form == "steps"
    assert [step.formula for step in found.terms.steps] == ["exp(-(-0.5)) = 1.649", "1 / (1 + 1.649) = 0.3775"]


def test_what_overflows_float64_is_told_as_infinite() -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["large"]),
        helper.make_node("Exp", ["large"], ["larger"]),
        helper.make_node("Exp", ["larger"], ["out"]),
    ]
    found = trace(network(nodes, (1, 1, 1)), np.full((1, 1, 1), 255, np.uint8), "out", 0, 0, 0)
    assert found.value == found.runtime_value == math.inf
    assert '"value":null' in found.model_dump_json()


@pytest.mark.parametrize("operator", sorted(BRANCHING))
def test_branches_of_several_layers(operator: str) -> None:
    inputs = ["a", "b", "x"] if operator in {"Max", "Mean", "Min", "Sum"} else ["a", "b"]
    nodes = [
        helper.make_node("Exp", ["x"], ["a"]),
        helper.make_node("Sigmoid", ["x"], ["b"]),
        helper.make_node(operator, inputs, ["out"]),
    ]
    for each in check(network(nodes, SHAPE), picture(SHAPE)):
        assert each.terms.form == "branches"
        assert [source.layer for source in each.sources] == ["a", "b", "preprocessing"][: len(inputs)]
        assert [branch.sources[0].layer for branch in each.terms.branches] == [source.layer for source in each.sources]
        assert not any(branch.constant for branch in each.terms.branches)


@pytest.mark.parametrize("shape", [(), (3, 1, 1), (1, 3, 1, 1), (5,), (4, 1), (3, 4, 5)])
@pytest.mark.parametrize("first", [False, True])
def test_a_constant_may_have_any_shape_that_spreads(shape: tuple[int, ...], first: bool) -> None:
    constant = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Sub", ["c", "a"] if first else ["a", "c"], ["out"]),
    ]
    for each in check(network(nodes, SHAPE, {"c": constant}), picture(SHAPE)):
        assert each.terms.form == "branches"
        fixed, moving = each.terms.branches if first else reversed(each.terms.branches)
        assert (fixed.constant, fixed.sources, moving.constant) == (True, [], False)
        assert fixed.value in constant
        assert [source.layer for source in each.sources] == ["a"]


def test_a_gate_is_drawn_on_at_its_one_place() -> None:
    """Squeeze and excitation: each channel times a number of its own."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Sigmoid", ["pooled"], ["gate"]),
        helper.make_node("Mul", ["x", "gate"], ["out"]),
    ]
    for each in check(network(nodes, SHAPE), picture(SHAPE)):
        gate = next(source for source in each.sources if source.layer == "gate")
        assert (gate.channels, gate.y, gate.x) == ([each.channel] * 2, [0, 0], [0, 0])


ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], list[NodeProto]]] = {
    "silu": (
        functional.silu,
        [helper.make_node("Sigmoid", ["r"], ["s"]), helper.make_node("Mul", ["r", "s"], ["out"])],
    ),
    "hard_swish": (
        functional.hardswish,
        [
            helper.make_node("Add", ["r", "three"], ["a"]),
            helper.make_node("Clip", ["a", "zero", "six"], ["c"]),
            helper.make_node("Mul", ["r", "c"], ["m"]),
            helper.make_node("Div", ["m", "six"], ["out"]),
        ],
    ),
    "gelu": (
        functional.gelu,
        [
            helper.make_node("Div", ["r", "root"], ["d"]),
            helper.make_node("Erf", ["d"], ["e"]),
            helper.make_node("Add", ["e", "one"], ["a"]),
            helper.make_node("Mul", ["r", "a"], ["m"]),
            helper.make_node("Mul", ["m", "half"], ["out"]),
        ],
    ),
}
NUMBERS = {"zero": 0.0, "half": 0.5, "one": 1.0, "root": math.sqrt(2), "three": 3.0, "six": 6.0}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation_in_several_operators_is_worked_out_step_by_step(kind: str) -> None:
    truth, nodes = ACTIVATIONS[kind]
    constants = {name: np.asarray(np.float32(value)) for name, value in NUMBERS.items()}
    first = helper.make_node("Neg", ["x"], ["r"])
    for each in check(network([first, *nodes], SHAPE, constants), picture(SHAPE)):
        assert each.kind == kind
        assert each.terms.form == "steps"
        assert [step.operator for step in each.terms.steps][-1] == nodes[-1].op_type
        assert each.value == pytest.approx(float(truth(torch.tensor(each.terms.x, dtype=torch.float64))), abs=1e-6)
        assert [source.layer for source in each.sources] == ["r"]
        assert each.formula.startswith((f"{each.terms.x:.4g} ×", f"({each.terms.x:.4g} ×"))


def test_preprocessing_leads_back_to_the_pixel() -> None:
    pixels = picture(SHAPE)
    inspector = network([helper.make_node("Relu", ["x"], ["out"])], SHAPE)
    for each in check(inspector, pixels, "preprocessing"):
        assert each.y is not None
        assert each.x is not None
        assert each.terms.form == "steps"
        pixel = pixels[each.y, each.x, each.channel]
        assert each.terms.x == pixel
        assert each.formula == f"({pixel} − 100) / 32 = {each.value:.4g}"
        assert [step.operator for step in each.terms.steps] == ["Cast", "Sub", "Div", "Transpose"]
        assert [source.model_dump() for source in each.sources] == [
            {"layer": "input", "channels": [each.channel] * 2, "y": [each.y] * 2, "x": [each.x] * 2}
        ]
