"""Gradients of arithmetic, number by number."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from onnx import NodeProto, TensorProto
from torch import Tensor

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import Numbers, hold, network, node, normal, positive, run

FUNCTIONS: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("Exp", torch.exp), ("Abs", torch.abs), ("Neg", torch.neg), ("Reciprocal", torch.reciprocal), ("Erf", torch.erf),
    ("Sin", torch.sin), ("Cos", torch.cos), ("Identity", lambda x: x * 1), ("Dropout", lambda x: x * 1),
    ("Sum", lambda x: x * 1), ("Mean", lambda x: x * 1), ("Max", lambda x: x * 1), ("Min", lambda x: x * 1),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "function"), FUNCTIONS)
def test_functions_of_one_number(operator: str, function: Callable[[Tensor], Tensor]) -> None:
    hold(network([node(operator, "x")], (3, 9)), function, normal(2, 3, 9))


@pytest.mark.parametrize(("operator", "function"), [("Log", torch.log), ("Sqrt", torch.sqrt)])
def test_functions_of_positive_numbers(operator: str, function: Callable[[Tensor], Tensor]) -> None:
    hold(network([node(operator, "x")], (3, 9)), function, positive(2, 3, 9))


BINARY: list[tuple[str, Callable[[Tensor, Tensor], Tensor]]] = [
    ("Add", torch.add), ("Sub", torch.sub), ("Mul", torch.mul), ("Div", torch.div), ("Max", torch.maximum),
    ("Min", torch.minimum), ("Sum", torch.add), ("Mean", lambda a, b: (a + b) / 2), ("Pow", lambda a, b: a.abs() ** b),
]  # fmt: skip
CONSTANTS = [(), (1,), (3, 1, 1), (1, 3, 1, 1), (4,), (5, 4), (3, 5, 4), (1, 1, 1, 1)]


@pytest.mark.parametrize(("operator", "function"), BINARY)
@pytest.mark.parametrize("shape", CONSTANTS, ids=str)
@pytest.mark.parametrize("is_left", [False, True])
def test_arithmetic_with_a_constant(
    operator: str, function: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], is_left: bool
) -> None:  # fmt: skip
    constant = np.asarray(np.abs(normal(*shape, seed=1)) + 0.5, np.float32)
    other = torch.from_numpy(constant)
    nodes = [node("Abs", "x", output="a") if operator == "Pow" else node("Identity", "x", output="a")]
    nodes.append(node(operator, *(("c", "a") if is_left else ("a", "c"))))

    def expected(x: Tensor) -> Tensor:
        x = x.abs() if operator == "Pow" else x
        return function(other, x) if is_left else function(x, other)

    hold(network(nodes, (3, 5, 4), {"c": constant}), expected, normal(2, 3, 5, 4))


@pytest.mark.parametrize(("operator", "function"), BINARY)
@pytest.mark.parametrize("order", [("x", "m"), ("m", "x"), ("x", "x"), ("x", "row"), ("row", "m")])
def test_arithmetic_of_two_values_of_the_picture(
    operator: str, function: Callable[[Tensor, Tensor], Tensor], order: tuple[str, str]
) -> None:
    """Broadcast along spatial dimensions (m), or along leading ones too (row)."""
    nodes = [
        node("GlobalAveragePool", "x", output="m"),
        node("ReduceMean", "x", "axes", output="row", keepdims=0),
        node(operator, *order),
    ]
    if order == ("x", "x") and operator in {"Sub", "Div"}:
        pytest.skip("that is constant")
    x = positive(2, 3, 5, 4)

    def expected(x: Tensor) -> Tensor:
        values = {"x": x, "m": x.mean((2, 3), keepdim=True), "row": x.mean((1, 2)).mean(0)}
        return function(*(values[name] for name in order))

    model = network(nodes, (3, 5, 4), {"axes": np.array([0, 1, 2])})
    hold(model, expected, x)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.5, 1.0, 0.0])
def test_powers(exponent: float) -> None:
    model = network(
        [node("Pow", "x", "p", output="z"), node("Add", "z", "x")], (3, 9), {"p": np.array(exponent, np.float32)}
    )
    hold(model, lambda x: x**exponent + x, positive(2, 3, 9))


@pytest.mark.parametrize("exponent", [2, 3])
def test_whole_powers_of_negative_numbers(exponent: int) -> None:
    hold(network([node("Pow", "x", "p")], (3, 9), {"p": np.array(exponent)}), lambda x: x**exponent, normal(2, 3, 9))


@pytest.mark.parametrize("operator", ["Max", "Min"])
def test_equal_operands_share(operator: str) -> None:
    function = torch.maximum if operator == "Max" else torch.minimum
    x = np.array([[-1, 0, 0, 2]], np.float32)
    zero = np.zeros(4, np.float32)
    hold(network([node(operator, "x", "c")], (4,), {"c": zero}), lambda x: function(x, torch.zeros(4)), x)


def test_of_three_the_largest() -> None:
    a, c = normal(3, 9, seed=1), normal(9, seed=2)
    hold(
        network([node("Max", "a", "x", "c")], (3, 9), {"a": a, "c": c}),
        lambda x: torch.maximum(torch.maximum(torch.from_numpy(a), x), torch.from_numpy(c)),
        normal(2, 3, 9),
    )


def test_a_choice() -> None:
    nodes = [
        node("Greater", "x", "half", output="high"),
        node("Mul", "x", "x", output="square"),
        node("ReduceSum", "x", "axes", output="sum"),
        node("Where", "high", "square", "sum"),
    ]
    weights = {"half": np.array(0.5, np.float32), "axes": np.array([2])}
    hold(
        network(nodes, (3, 9), weights),
        lambda x: torch.where(x > 0.5, x * x, x.sum(2, keepdim=True)),
        normal(2, 3, 9),
    )


def test_casts_between_floats() -> None:
    nodes = [node("Cast", "x", output="d", to=TensorProto.DOUBLE), node("Exp", "d", output="e"),
             node("Cast", "e", to=TensorProto.FLOAT)]  # fmt: skip
    hold(network(nodes, (3, 9)), torch.exp, normal(2, 3, 9))
    like = [node("CastLike", "x", "c", output="d"), node("Exp", "d", output="e"), node("CastLike", "e", "x")]
    hold(network(like, (3, 9), {"c": np.zeros(1)}), torch.exp, normal(2, 3, 9))


@pytest.mark.parametrize("steps", [
    [node("Floor", "x", output="s")], [node("Ceil", "x", output="s")], [node("Round", "x", output="s")],
    [node("Sign", "x", output="s")],
    [node("Cast", "x", output="i", to=TensorProto.INT64), node("Cast", "i", output="s", to=TensorProto.FLOAT)],
    [node("Greater", "x", "zero", output="b"), node("Cast", "b", output="s", to=TensorProto.FLOAT)],
], ids=lambda steps: steps[0].op_type)  # fmt: skip
def test_through_steps_nothing_passes(steps: list[NodeProto]) -> None:
    model = network([*steps, node("Mul", "x", "s")], (3, 9), {"zero": np.array(0, np.float32)})
    x = 3 * normal(2, 3, 9)
    hold(model, lambda value: value * torch.from_numpy(run(model_of(steps), {"x": x})["s"]), x)


def model_of(steps: list[NodeProto]) -> onnx.ModelProto:
    return network(steps, (3, 9), {"zero": np.array(0, np.float32)}, output="s")


@pytest.mark.parametrize("opset", [7, 12, 20])
def test_dropout_is_that_of_inference(opset: int) -> None:
    hold(network([node("Dropout", "x")], (3, 9), opset=opset), lambda x: x * 1, normal(2, 3, 9))


def test_dropout_in_training_is_refused() -> None:
    weights: dict[str, Numbers] = {"ratio": np.array(0.5, np.float32)}
    model = network([node("Dropout", "x", "ratio", "training")], (3,), {**weights, "training": np.array(True)})
    with pytest.raises(NotDifferentiable, match="training"):
        gradient_model(model, of="y", wrt=["x"])
