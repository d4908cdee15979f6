"""Gradients of convolutions."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.service.inspection.gradients.comparison import hold, hold_to_differences, network, node, normal


@pytest.mark.parametrize("size", [(9, 8), (7, 10)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(
    "widths", [(3, 4, 1), (4, 6, 2), (4, 4, 4), (3, 6, 3)], ids="channels {0[0]} to {0[1]} in {0[2]}".format
)
def test_convolutions(size: tuple[int, int], stride: int, dilation: int, widths: tuple[int, int, int]) -> None:
    channels, filters, group = widths
    weight, bias = normal(filters, channels // group, 3, 2), normal(filters, seed=1)
    made = node(
        "Conv", "x", "w", "b", strides=[stride] * 2, dilations=[dilation] * 2, pads=[1, 2, 1, 2], group=group
    )  # fmt: skip
    hold(
        network([made], (channels, *size), {"w": weight, "b": bias}),
        lambda x: functional.conv2d(
            x, torch.from_numpy(weight), torch.from_numpy(bias), stride, (1, 2), dilation, group
        ),
        normal(2, channels, *size, seed=2),
    )


@pytest.mark.parametrize("pads", [[0, 1, 2, 0], [3, 0, 0, 1], [0, 0, 1, 1]])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_asymmetric_pads(pads: list[int], stride: int) -> None:
    weight = normal(4, 3, 3, 3)
    top, left, bottom, right = pads
    hold(
        network([node("Conv", "x", "w", pads=pads, strides=[stride] * 2)], (3, 8, 9), {"w": weight}),
        lambda x: functional.conv2d(
            functional.pad(x, (left, right, top, bottom)), torch.from_numpy(weight), stride=stride
        ),
        normal(2, 3, 8, 9, seed=1),
    )


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [7, 8])
def test_automatic_pads(auto_pad: str, kernel: int, stride: int, size: int) -> None:
    made = node("Conv", "x", "w", auto_pad=auto_pad, strides=[stride] * 2)
    model = network([made], (2, size, size + 1), {"w": normal(3, 2, kernel, kernel)})
    hold_to_differences(model, normal(1, 2, size, size + 1))


def test_windows_that_skip_pixels() -> None:
    weight = normal(2, 1, 1, 1)
    hold(
        network([node("Conv", "x", "w", strides=[3, 3])], (1, 9, 8), {"w": weight}),
        lambda x: functional.conv2d(x, torch.from_numpy(weight), stride=3),
        normal(1, 1, 9, 8),
    )


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize(("stride", "added"), [(1, 0), (2, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_transposed_convolutions(group: int, stride: int, added: int, dilation: int) -> None:
    weight = normal(4, 3, 3, 3)
    made = node(
        "ConvTranspose", "x", "w", strides=[stride] * 2, pads=[1] * 4, output_padding=[added] * 2, group=group,
        dilations=[dilation] * 2,
    )  # fmt: skip
    hold(
        network([made], (4, 5, 6), {"w": weight}),
        lambda x: functional.conv_transpose2d(x, torch.from_numpy(weight), None, stride, 1, added, group, dilation),
        normal(2, 4, 5, 6, seed=1),
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "SAME_UPPER", "strides": [3, 1]},
        {"output_shape": [9, 10], "strides": [2, 2]},
        {"pads": [2, 0, 1, 1], "strides": [2, 1]},
        {"strides": [1, 1], "dilations": [3, 2]},
    ],
)
def test_transposed_convolutions_pads(attributes: dict[str, Any]) -> None:
    model = network([node("ConvTranspose", "x", "w", **attributes)], (2, 4, 5), {"w": normal(2, 3, 3, 4)})
    hold_to_differences(model, normal(1, 2, 4, 5))
