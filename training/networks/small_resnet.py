"""A small residual network for pictures of about 32 x 32 pixels that learns in minutes: 3 x 32 x 32 to K logits.

After D. Page, "How to Train Your ResNet", 2018 (the residual network of the first DAWNBench entries), narrowed from 6.5
million parameters to 0.5 million; residual connections by K. He et al., "Deep Residual Learning for Image Recognition",
CVPR 2016.
"""

from collections import OrderedDict
from math import prod

from torch import Tensor, nn

from training.networks.map_size import Layers, map_shape


class Residual(nn.Module):
    """Two convolutions and a way around them; the size stays."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h, w)."""
        inner = self.relu1(self.norm1(self.conv1(values)))
        after: Tensor = values + self.relu2(self.norm2(self.conv2(inner)))
        return after


Widths = tuple[int, int, int, int]
"""Channels of the four convolutions outside of the residual block."""


def small_resnet(
    channels: int, height: int, width: int, outputs: int, *, widths: Widths = (24, 64, 112, 112)
) -> nn.Module:
    """The network, 419,874 parameters for colour pictures and ten outputs.

    Args:
        channels: of the input.
        height: of the input, which is halved three times; the last pooling takes what is left.
        width: likewise.
        outputs: K.
        widths: of the convolutions.

    Raises:
        NetworkRefused: the pictures are too small.
    """
    first, second, third, fourth = widths
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, first, 3, padding=1, bias=False),  # (n, 24, 32, 32)
        norm1=nn.BatchNorm2d(first),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(first, second, 3, padding=1, bias=False),  # (n, 64, 32, 32)
        pool2=nn.MaxPool2d(2),  # (n, 64, 16, 16)
        norm2=nn.BatchNorm2d(second),
        relu2=nn.ReLU(),
        conv3=nn.Conv2d(second, third, 3, padding=1, bias=False),  # (n, 112, 16, 16)
        pool3=nn.MaxPool2d(2),  # (n, 112, 8, 8)
        norm3=nn.BatchNorm2d(third),
        relu3=nn.ReLU(),
        block3=Residual(third),  # (n, 112, 8, 8)
        conv4=nn.Conv2d(third, fourth, 3, padding=1, bias=False),  # (n, 112, 8, 8)
        pool4=nn.MaxPool2d(2),  # (n, 112, 4, 4)
        norm4=nn.BatchNorm2d(fourth),
        relu4=nn.ReLU(),
        pool5=nn.AdaptiveMaxPool2d(1),  # (n, 112, 1, 1)
    )
    values = prod(map_shape("the small residual network", layers, (channels, height, width)))
    layers |= OrderedDict(
        flatten=nn.Flatten(),  # (n, 112)
        dense=nn.Linear(values, outputs),
    )
    return nn.Sequential(layers)


def mini_resnet(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """The same, narrower: 275,178 parameters for grey pictures and ten outputs."""
    return small_resnet(channels, height, width, outputs, widths=(16, 48, 88, 112))
