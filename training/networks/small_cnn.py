"""A plain small network for small pictures: three stages of two convolutions, 1 x 28 x 28 to K logits.

In each stage the second convolution is pooled before it is normalised: normalisation and ReLU then see a quarter of the
numbers, and on a CPU they take as long as the convolutions do.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, map_shape


def small_cnn(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """The network: 288,170 parameters for grey pictures and ten outputs.

    Args:
        channels: of the input.
        height: of the input, which is halved twice; the last pooling takes what is left.
        width: likewise.
        outputs: K.

    Raises:
        NetworkRefused: the pictures are too small.
    """
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 32, 3, padding=1, bias=False),  # (n, 32, 28, 28)
        norm1=nn.BatchNorm2d(32),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(32, 32, 3, padding=1, bias=False),  # (n, 32, 28, 28)
        pool2=nn.MaxPool2d(2),  # (n, 32, 14, 14)
        norm2=nn.BatchNorm2d(32),
        relu2=nn.ReLU(),
        conv3=nn.Conv2d(32, 64, 3, padding=1, bias=False),  # (n, 64, 14, 14)
        norm3=nn.BatchNorm2d(64),
        relu3=nn.ReLU(),
        conv4=nn.Conv2d(64, 64, 3, padding=1, bias=False),  # (n, 64, 14, 14)
        pool4=nn.MaxPool2d(2),  # (n, 64, 7, 7)
        norm4=nn.BatchNorm2d(64),
        relu4=nn.ReLU(),
        conv5=nn.Conv2d(64, 128, 3, padding=1, bias=False),  # (n, 128, 7, 7)
        norm5=nn.BatchNorm2d(128),
        relu5=nn.ReLU(),
        conv6=nn.Conv2d(128, 128, 3, padding=1, bias=False),  # (n, 128, 7, 7)
        norm6=nn.BatchNorm2d(128),
        relu6=nn.ReLU(),
        pool6=nn.AdaptiveAvgPool2d(1),  # (n, 128, 1, 1)
    )
    values = prod(map_shape("the small network", layers, (channels, height, width)))
    layers |= OrderedDict(
        flatten=nn.Flatten(),  # (n, 128)
        dense=nn.Linear(values, outputs),
    )
    return nn.Sequential(layers)
