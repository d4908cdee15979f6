"""VGG, many convolutions of 3 x 3; 132,863,336 (11), 138,357,544 (16) and 143,667,240 (19 layers) parameters.

These are the counts for 3 x 224 x 224 pixels and a thousand labels.

Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
table 1; without the BatchNorm that came later.
"""

from collections import OrderedDict

from torch import nn

from training.networks.dense_head import dense_head
from training.networks.first_weights import draw_he_weights
from training.networks.map_size import Layers, Shape, average_to, map_shape

_WIDTHS = (64, 128, 256, 512, 512)
"""Filters of the convolutions of a stage; at 224 x 224 its map after pooling has a side of 112, 56, 28, 14, 7."""


def vgg11(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Configuration A: eight convolutions, three dense layers."""
    return _vgg("VGG-11", (1, 1, 2, 2, 2), (channels, height, width), outputs)


def vgg16(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Configuration D: thirteen convolutions, three dense layers."""
    return _vgg("VGG-16", (2, 2, 3, 3, 3), (channels, height, width), outputs)


def vgg19(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Configuration E: sixteen convolutions, three dense layers."""
    return _vgg("VGG-19", (2, 2, 4, 4, 4), (channels, height, width), outputs)


def _vgg(name: str, depths: tuple[int, ...], picture: Shape, outputs: int) -> nn.Module:
    layers: Layers = OrderedDict()
    channels = picture[0]
    for stage, (depth, filters) in enumerate(zip(depths, _WIDTHS, strict=True), start=1):
        for number in range(1, depth + 1):
            layers[f"conv{stage}_{number}"] = nn.Conv2d(channels, filters, kernel_size=3, padding=1)
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            channels = filters
        layers[f"pool{stage}"] = nn.MaxPool2d(2)  # (n, filters, h / 2, w / 2)
    averaging, shape = average_to(7, map_shape(name, layers, picture), "average")
    layers |= averaging  # none at 224 x 224
    layers |= dense_head(shape, outputs)  # (n, 25088) -> (n, K)
    return draw_he_weights(nn.Sequential(layers), "fan_out")
