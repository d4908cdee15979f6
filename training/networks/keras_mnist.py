"""The two-convolution network of many first lessons; 421,642 parameters for 1 x 28 x 28 pixels and ten labels.

Source: the MNIST example of Keras, in the form with "same" padding, single convolutions and a dense layer of 128.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, map_shape


def keras_mnist(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """32 and 64 filters of 3 x 3, each halved by max pooling, then 128 units; shapes are those of 28 x 28 pixels."""
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 32, kernel_size=3, padding=1),  # (n, 32, 28, 28)
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),  # (n, 32, 14, 14)
        conv2=nn.Conv2d(32, 64, kernel_size=3, padding=1),  # (n, 64, 14, 14)
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),  # (n, 64, 7, 7)
    )
    values = prod(map_shape("the Keras MNIST network", layers, (channels, height, width)))
    layers |= OrderedDict(
        flatten=nn.Flatten(),  # (n, 3136)
        dense1=nn.Linear(values, 128),
        relu3=nn.ReLU(),
        dense2=nn.Linear(128, outputs),
    )
    return nn.Sequential(layers)
