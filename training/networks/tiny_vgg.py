"""TinyVGG, the network that CNN Explainer shows; 19,920 parameters for 3 x 64 x 64 pixels and ten labels.

Source: Z. J. Wang, R. Turko, O. Shaikh, H. Park, N. Das, F. Hohman, M. Kahng, D. H. Chau, "CNN Explainer: Learning
Convolutional Neural Networks with Interactive Visualization", IEEE VIS 2020.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, map_shape


def tiny_vgg(channels: int, height: int, width: int, outputs: int, *, filters: int = 10) -> nn.Module:
    """Twice two convolutions of 3 x 3 and a max pooling; shapes are those of 64 x 64 pixels and ten filters."""
    layers: Layers = OrderedDict(
        conv1_1=nn.Conv2d(channels, filters, kernel_size=3),  # (n, 10, 62, 62)
        relu1_1=nn.ReLU(),
        conv1_2=nn.Conv2d(filters, filters, kernel_size=3),  # (n, 10, 60, 60)
        relu1_2=nn.ReLU(),
        pool1=nn.MaxPool2d(2),  # (n, 10, 30, 30)
        conv2_1=nn.Conv2d(filters, filters, kernel_size=3),  # (n, 10, 28, 28)
        relu2_1=nn.ReLU(),
        conv2_2=nn.Conv2d(filters, filters, kernel_size=3),  # (n, 10, 26, 26)
        relu2_2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),  # (n, 10, 13, 13)
    )
    values = prod(map_shape("TinyVGG", layers, (channels, height, width)))
    layers |= OrderedDict(
        flatten=nn.Flatten(),  # (n, 1690)
        dense=nn.Linear(values, outputs),
    )
    return nn.Sequential(layers)
