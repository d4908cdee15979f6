"""Shapes and parameter counts of the networks, against published figures."""

import pytest
import torch
from torch import nn

from training.networks.lenet5 import lenet5
from training.networks.tick_or_cross import tick_or_cross


@pytest.mark.parametrize(
    ("network", "parameters", "labels"), [(lenet5(1, 10), 61_706, 10), (tick_or_cross(1, 2), 296, 2)]
)
def test_parameters_and_output(network: nn.Module, parameters: int, labels: int) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, labels)
