"""One operation after the other on the picture of a cat, each made a classifier by a dense layer at its end.

Source: the well-known explanation of convolutional networks by means of a picture of a cat of 400 x 320 pixels in
colour, whose shapes these are.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, Shape, map_shape


def cat_conv3(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Three filters of 3 x 3."""
    layers: Layers = OrderedDict(conv=nn.Conv2d(channels, 3, kernel_size=3))  # (n, 3, 318, 398)
    return _classifier("cat-conv3", layers, (channels, height, width), outputs)


def cat_conv10(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Three filters of 10 x 10: they see coarser things."""
    layers: Layers = OrderedDict(conv=nn.Conv2d(channels, 3, kernel_size=10))  # (n, 3, 311, 391)
    return _classifier("cat-conv10", layers, (channels, height, width), outputs)


def cat_conv15(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """One filter of 15 x 15."""
    layers: Layers = OrderedDict(conv=nn.Conv2d(channels, 1, kernel_size=15))  # (n, 1, 306, 386)
    return _classifier("cat-conv15", layers, (channels, height, width), outputs)


def cat_conv3_pool5(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Three filters of 3 x 3, the largest of each 5 x 5 values kept."""
    layers: Layers = OrderedDict(
        conv=nn.Conv2d(channels, 3, kernel_size=3),  # (n, 3, 318, 398)
        pool=nn.MaxPool2d(5),  # (n, 3, 63, 79)
    )
    return _classifier("cat-conv3-pool5", layers, (channels, height, width), outputs)


def cat_conv3_relu_pool5(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """The same with everything below zero cut off first."""
    layers: Layers = OrderedDict(
        conv=nn.Conv2d(channels, 3, kernel_size=3),  # (n, 3, 318, 398)
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(5),  # (n, 3, 63, 79)
    )
    return _classifier("cat-conv3-relu-pool5", layers, (channels, height, width), outputs)


def cat_lenet(channels: int, height: int, width: int, outputs: int, *, last_pool: int = 3) -> nn.Module:
    """Convolution, ReLU and pooling twice; the second pooling keeps one value of 3 x 3 or, as asked, of 2 x 2."""
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 3, kernel_size=3),  # (n, 3, 318, 398)
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3),  # (n, 3, 106, 132)
        conv2=nn.Conv2d(3, 3, kernel_size=3),  # (n, 3, 104, 130)
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(last_pool),  # (n, 3, 34, 43), by 2: (n, 3, 52, 65)
    )
    return _classifier("cat-lenet", layers, (channels, height, width), outputs)


def _classifier(name: str, layers: Layers, picture: Shape, outputs: int) -> nn.Module:
    values = prod(map_shape(name, layers, picture))
    layers |= OrderedDict(flatten=nn.Flatten(), dense=nn.Linear(values, outputs))
    return nn.Sequential(layers)
