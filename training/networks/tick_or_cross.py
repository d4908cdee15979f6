"""A network small enough to follow by eye: 1 x 28 x 28 pixels, three filters, K logits; 296 parameters for K = 2."""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, map_shape


def tick_or_cross(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """One convolution, one pooling, one dense layer; shapes are those of 28 x 28 pixels."""
    layers: Layers = OrderedDict(
        conv=nn.Conv2d(channels, 3, kernel_size=5),  # (n, 3, 24, 24)
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(4),  # (n, 3, 6, 6)
    )
    values = prod(map_shape("tick-or-cross", layers, (channels, height, width)))
    layers |= OrderedDict(
        flatten=nn.Flatten(),  # (n, 108)
        dense=nn.Linear(values, outputs),
    )
    return nn.Sequential(layers)
