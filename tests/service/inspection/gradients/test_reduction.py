"""Gradients of sums, means, extremes and softmaxes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.service.inspection.gradients.comparison import hold, network, node, normal

X = (3, 5, 4)

Reduction = Callable[[Tensor, list[int], bool], Tensor]

REDUCTIONS: list[tuple[str, Reduction]] = [
    ("ReduceSum", torch.sum),
    ("ReduceMean", torch.mean),
    ("ReduceMax", torch.amax),
    ("ReduceMin", torch.amin),
    ("ReduceL1", lambda x, axes, kept: x.abs().sum(axes, kept)),
    ("ReduceL2", lambda x, axes, kept: (x * x).sum(axes, kept).sqrt()),
    ("ReduceSumSquare", lambda x, axes, kept: (x * x).sum(axes, kept)),
    ("ReduceLogSumExp", torch.logsumexp),
]


@pytest.mark.parametrize(("operator", "function"), REDUCTIONS)
@pytest.mark.parametrize("axes", [[2, 3], [-1], [1], [-2, 1], [3, 0, 2], None], ids=str)
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("opset", [12, 13, 20])
def test_reductions(operator: str, function: Reduction, axes: list[int] | None, kept: bool, opset: int) -> None:
    weights = {}
    attributes: dict[str, Any] = {"keepdims": int(kept)}
    if axes is not None and opset >= (13 if operator == "ReduceSum" else 18):
        weights = {"axes": np.array(axes)}
    elif axes is not None:
        attributes["axes"] = axes
    made = node(operator, "x", *weights, **attributes)
    everything = list(range(len(X) + 1))
    hold(network([made], X, weights, opset), lambda x: function(x, axes or everything, kept), normal(2, *X))


def test_no_axes_may_mean_none() -> None:
    made = node("ReduceSum", "x", "axes", noop_with_empty_axes=1)
    hold(network([made], X, {"axes": np.zeros(0, np.int64)}), lambda x: x * 1, normal(2, *X))


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMin"])
def test_equal_extremes_share(operator: str) -> None:
    x = np.random.default_rng(0).integers(0, 3, (2, *X)).astype(np.float32)
    function = torch.amax if operator == "ReduceMax" else torch.amin
    hold(network([node(operator, "x", "axes")], X, {"axes": np.array([2, 3])}), lambda x: function(x, (2, 3), True), x)


def test_the_length_of_nothing_has_no_direction() -> None:
    x = np.zeros((2, 3, 4), np.float32)
    x[0] = 1
    made = node("ReduceL2", "x", "axes", keepdims=0)
    hold(network([made], (3, 4), {"axes": np.array([2])}), lambda x: x.norm(dim=2), x)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
def test_softmax(axis: int, operator: str) -> None:
    function = functional.softmax if operator == "Softmax" else functional.log_softmax
    hold(network([node(operator, "x", axis=axis)], X), lambda x: function(x, axis), normal(2, *X))


@pytest.mark.parametrize("opset", [8, 11, 12, 13, 20])
@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
def test_before_opset_13_softmax_took_all_dimensions_from_its_axis_on(opset: int, operator: str) -> None:
    function = functional.softmax if operator == "Softmax" else functional.log_softmax

    def expected(x: Tensor) -> Tensor:
        return function(x.flatten(1), 1).reshape(x.shape) if opset < 13 else function(x, 1)

    hold(network([node(operator, "x", axis=1)], X, opset=opset), expected, normal(2, *X))


@pytest.mark.parametrize("opset", [8, 12, 13])
def test_softmaxs_default_axis_has_changed(opset: int) -> None:
    def expected(x: Tensor) -> Tensor:
        return x.flatten(1).softmax(1).reshape(x.shape) if opset < 13 else x.softmax(-1)

    hold(network([node("Softmax", "x")], X, opset=opset), expected, normal(2, *X))
