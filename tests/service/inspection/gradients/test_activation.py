"""Gradients of activation functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from onnx import NodeProto
from torch import Tensor, nn
from torch.nn import functional

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import hold, network, node, normal

FUNCTIONS: list[tuple[NodeProto, Callable[[Tensor], Tensor]]] = [
    (node("Relu", "x"), torch.relu),
    (node("LeakyRelu", "x"), functional.leaky_relu),
    (node("LeakyRelu", "x", alpha=0.3), nn.LeakyReLU(0.3)),
    (node("Elu", "x"), functional.elu),
    (node("Elu", "x", alpha=0.5), nn.ELU(0.5)),
    (node("Selu", "x"), functional.selu),
    (node("Celu", "x"), functional.celu),
    (node("Celu", "x", alpha=1.7), nn.CELU(1.7)),
    (node("ThresholdedRelu", "x", alpha=0.4), nn.Threshold(0.4, 0.0)),
    (node("Sigmoid", "x"), torch.sigmoid),
    (node("Tanh", "x"), torch.tanh),
    (node("HardSigmoid", "x", alpha=1 / 6, beta=0.5), functional.hardsigmoid),
    (node("HardSigmoid", "x"), lambda x: (0.2 * x + 0.5).clamp(0, 1)),
    (node("HardSwish", "x"), functional.hardswish),
    (node("Softplus", "x"), functional.softplus),
    (node("Softsign", "x"), functional.softsign),
    (node("Mish", "x"), functional.mish),
    (node("Gelu", "x"), functional.gelu),
    (node("Gelu", "x", approximate="tanh"), nn.GELU("tanh")),
]


@pytest.mark.parametrize(("made", "function"), FUNCTIONS)
def test_functions_of_one_number(made: NodeProto, function: Callable[[Tensor], Tensor]) -> None:
    hold(network([made], (3, 9, 9)), function, 3 * normal(2, 3, 9, 9))


@pytest.mark.parametrize("alpha", [1.0, 1.5])
def test_swish(alpha: float) -> None:
    model = network([node("Swish", "x", alpha=alpha)], (3, 9), opset=24)
    hold(model, lambda x: x * torch.sigmoid(alpha * x), 3 * normal(2, 3, 9))


@pytest.mark.parametrize("operator", ["Relu", "LeakyRelu"])
def test_at_zero_the_slope_is_that_of_negative_numbers(operator: str) -> None:
    function = torch.relu if operator == "Relu" else nn.LeakyReLU(0.01)
    hold(network([node(operator, "x")], (4,)), function, np.array([[-1, 0, 0, 2]], np.float32))


@pytest.mark.parametrize("slope", [(3, 1, 1), (1,), (3, 5, 4)])
def test_prelu(slope: tuple[int, ...]) -> None:
    weight = normal(*slope, seed=1)
    hold(
        network([node("PRelu", "x", "w")], (3, 5, 4), {"w": weight}),
        lambda x: torch.where(x > 0, x, x * torch.from_numpy(weight)),
        normal(2, 3, 5, 4),
    )


def test_prelus_slope_may_come_from_the_picture() -> None:
    hold(
        network([node("GlobalAveragePool", "x", output="w"), node("PRelu", "x", "w")], (3, 5, 4)),
        lambda x: torch.where(x > 0, x, x * x.mean((2, 3), keepdim=True)),
        normal(2, 3, 5, 4),
    )


@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.7), (0.0, None), (None, 0.5)])
@pytest.mark.parametrize("opset", [6, 10, 11, 20])
def test_clip(low: float | None, high: float | None, opset: int) -> None:
    bounds: dict[str, Any] = {name: value for name, value in (("min", low), ("max", high)) if value is not None}
    if opset < 11:
        model = network([node("Clip", "x", **bounds)], (3, 9), opset=opset)
    else:
        names = [name if name in bounds else "" for name in ("min", "max")]
        weights = {name: np.array(value, np.float32) for name, value in bounds.items()}
        model = network([node("Clip", "x", *names)], (3, 9), weights, opset=opset)
    hold(model, lambda x: x.clamp(low, high), normal(2, 3, 9))


def test_on_its_bounds_clip_is_clamp_or_relu6() -> None:
    x = np.array([[-1, 0, 0.5, 1, 6, 7]], np.float32)
    for high, function in ((1.0, lambda x: x.clamp(0, 1)), (6.0, functional.relu6)):
        weights = {"low": np.array(0, np.float32), "high": np.array(high, np.float32)}
        hold(network([node("Clip", "x", "low", "high")], (6,), weights), function, x)


def test_bounds_from_the_picture_are_refused() -> None:
    nodes = [node("ReduceMax", "x", output="high", keepdims=0), node("Clip", "x", "", "high")]
    with pytest.raises(NotDifferentiable, match="Clip"):
        gradient_model(network(nodes, (3,)), of="y", wrt=["x"])
