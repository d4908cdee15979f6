"""Gradients of poolings."""

from typing import Any

import numpy as np
import pytest
from torch.nn import functional

from tests.service.inspection.gradients.comparison import hold, hold_to_differences, network, node, normal


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"),
    [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (3, 1, 0, 2), (2, 3, 0, 1), (4, 2, 2, 1), (2, 1, 1, 3)],
)
@pytest.mark.parametrize("ceil", [False, True])
def test_maximum(kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> None:
    made = node(
        "MaxPool", "x", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2,
        ceil_mode=int(ceil),
    )  # fmt: skip
    hold(
        network([made], (3, 9, 8)),
        lambda x: functional.max_pool2d(x, kernel, stride, pad, dilation, ceil),
        normal(2, 3, 9, 8),
    )


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1)])
def test_of_equal_values_the_first_is_the_maximum(kernel: int, stride: int) -> None:
    x = np.random.default_rng(0).integers(0, 2, (3, 2, 8, 8)).astype(np.float32)
    hold(
        network([node("MaxPool", "x", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[1] * 4)], (2, 8, 8)),
        lambda x: functional.max_pool2d(x, kernel, stride, 1),
        x,
    )


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("size", [7, 8])
def test_automatic_pads(auto_pad: str, operator: str, size: int) -> None:
    model = network([node(operator, "x", kernel_shape=[3, 2], strides=[2, 2], auto_pad=auto_pad)], (2, size, 6))
    x = 2 * np.random.default_rng(0).permutation(2 * size * 6).reshape(1, 2, size, 6).astype(np.float32)
    hold_to_differences(model, x)  # steps of 1 leave the order of even numbers as it is


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (5, 2, 2)])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("ceil", [False, True])
def test_average(kernel: int, stride: int, pad: int, counted: bool, ceil: bool) -> None:
    made = node(
        "AveragePool", "x", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, ceil_mode=int(ceil),
        count_include_pad=int(counted),
    )  # fmt: skip
    hold(
        network([made], (3, 9, 8)),
        lambda x: functional.avg_pool2d(x, kernel, stride, pad, ceil, counted),
        normal(2, 3, 9, 8),
    )


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("opset", [11, 18, 20])
def test_averages_of_asymmetric_pads(counted: int, ceil: int, dilation: int, opset: int) -> None:
    if opset < 19 and dilation > 1:
        pytest.skip("averages had no dilations then")
    dilations: dict[str, Any] = {"dilations": [dilation] * 2} if opset >= 19 else {}
    made = node(
        "AveragePool", "x", kernel_shape=[3, 2], strides=[2, 3], pads=[0, 1, 2, 0], ceil_mode=ceil,
        count_include_pad=counted, **dilations,
    )  # fmt: skip
    hold_to_differences(network([made], (2, 8, 9), opset=opset), normal(1, 2, 8, 9))


def test_global_average() -> None:
    hold(
        network([node("GlobalAveragePool", "x")], (3, 5, 4)),
        lambda x: functional.adaptive_avg_pool2d(x, 1),
        normal(2, 3, 5, 4),
    )


def test_global_maximum() -> None:
    x = np.random.default_rng(0).integers(0, 9, (3, 4, 5, 4)).astype(np.float32)
    hold(network([node("GlobalMaxPool", "x")], (4, 5, 4)), lambda x: functional.adaptive_max_pool2d(x, 1), x)
