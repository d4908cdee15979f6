"""Gradients of normalisations."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients import gradient_model
from tests.service.inspection.gradients.comparison import hold, network, node, normal


@pytest.mark.parametrize("spatial", [(), (6,), (5, 4)], ids=str)
@pytest.mark.parametrize("opset", [7, 9, 14, 20])
def test_batch_normalisation(spatial: tuple[int, ...], opset: int) -> None:
    scale, bias, mean = (normal(3, seed=seed) for seed in range(3))
    variance = np.abs(normal(3, seed=3)) + 0.1
    made = node("BatchNormalization", "x", "scale", "bias", "mean", "variance", epsilon=1e-3)
    model = network([made], (3, *spatial), {"scale": scale, "bias": bias, "mean": mean, "variance": variance}, opset)
    a, b, c, d = (torch.from_numpy(each) for each in (mean, variance, scale, bias))
    hold(model, lambda x: functional.batch_norm(x, a, b, c, d, eps=1e-3), normal(2, 3, *spatial, seed=4))


def test_batch_normalisation_in_training_is_refused() -> None:
    ones = {name: np.ones(3, np.float32) for name in ("scale", "bias", "mean", "variance")}
    made = node("BatchNormalization", "x", *ones, training_mode=1)
    made.output.extend(["new mean", "new variance"])
    with pytest.raises(NotDifferentiable, match="training"):
        gradient_model(network([made], (3, 4, 4), ones), of="y", wrt=["x"])


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("bias", [1.0, 2.0])
def test_local_response_normalisation(size: int, bias: float) -> None:
    made = node("LRN", "x", size=size, alpha=0.8, beta=0.6, bias=bias)

    def expected(x: torch.Tensor) -> torch.Tensor:
        padded = functional.pad(x * x, (0, 0, 0, 0, (size - 1) // 2, size // 2))
        total = sum(padded[:, at : at + x.shape[1]] for at in range(size))
        return x / (bias + 0.8 / size * total) ** 0.6

    hold(network([made], (7, 3, 4)), expected, 2 * normal(2, 7, 3, 4))


def test_instance_normalisation() -> None:
    scale, bias = normal(3), normal(3, seed=1)
    made = node("InstanceNormalization", "x", "scale", "bias", epsilon=1e-3)
    hold(
        network([made], (3, 5, 4), {"scale": scale, "bias": bias}),
        lambda x: functional.instance_norm(x, weight=torch.from_numpy(scale), bias=torch.from_numpy(bias), eps=1e-3),
        normal(2, 3, 5, 4, seed=2),
    )


@pytest.mark.parametrize("axis", [-1, 2, 1])
def test_layer_normalisation(axis: int) -> None:
    shape = (3, 5, 4)[axis - 1 if axis > 0 else axis :]
    scale, bias = normal(*shape), normal(*shape, seed=1)
    made = node("LayerNormalization", "x", "scale", "bias", axis=axis, epsilon=1e-3)
    hold(
        network([made], (3, 5, 4), {"scale": scale, "bias": bias}),
        lambda x: functional.layer_norm(x, shape, torch.from_numpy(scale), torch.from_numpy(bias), 1e-3),
        normal(2, 3, 5, 4, seed=2),
    )


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_normalisation(groups: int) -> None:
    scale, bias = normal(6), normal(6, seed=1)
    made = node("GroupNormalization", "x", "scale", "bias", num_groups=groups, epsilon=1e-3)
    hold(
        network([made], (6, 5, 4), {"scale": scale, "bias": bias}, opset=21),
        lambda x: functional.group_norm(x, groups, torch.from_numpy(scale), torch.from_numpy(bias), 1e-3),
        normal(2, 6, 5, 4, seed=2),
    )
