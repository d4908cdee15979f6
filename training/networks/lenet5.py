"""LeNet-5: two convolutions, two poolings, three dense layers; 61,706 parameters for 1 x 28 x 28 pixels and ten labels.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE, 1998. There the pictures are 32 x 32 with a margin of two empty pixels, which padding stands
for in other sizes; the poolings have a trained factor and bias, the second convolution skips some pairs of maps, and
the output is compared with drawn digits: today's form leaves these out.
"""

from collections import OrderedDict
from collections.abc import Callable
from math import prod

from torch import nn

from training.networks.map_size import Layers, map_shape


def lenet5(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """With ReLU and max pooling, as it is used today."""
    return _lenet5((channels, height, width), outputs, "relu", nn.ReLU, nn.MaxPool2d)


def lenet5_tanh(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """With tanh and average pooling, as it was published."""
    return _lenet5((channels, height, width), outputs, "tanh", nn.Tanh, nn.AvgPool2d)


def _lenet5(
    picture: tuple[int, int, int],
    outputs: int,
    curve: str,
    activation: Callable[[], nn.Module],
    pooling: Callable[[int], nn.Module],
) -> nn.Module:
    channels, *size = picture
    padding = 0 if size == [32, 32] else 2
    layers: Layers = OrderedDict(
        {
            "conv1": nn.Conv2d(channels, 6, kernel_size=5, padding=padding),  # (n, 6, 28, 28)
            f"{curve}1": activation(),
            "pool1": pooling(2),  # (n, 6, 14, 14)
            "conv2": nn.Conv2d(6, 16, kernel_size=5),  # (n, 16, 10, 10)
            f"{curve}2": activation(),
            "pool2": pooling(2),  # (n, 16, 5, 5)
        }
    )
    values = prod(map_shape("LeNet-5", layers, picture))
    layers |= {
        "flatten": nn.Flatten(),  # (n, 400)
        "dense1": nn.Linear(values, 120),
        f"{curve}3": activation(),
        "dense2": nn.Linear(120, 84),
        f"{curve}4": activation(),
        "dense3": nn.Linear(84, outputs),
    }
    return nn.Sequential(layers)
