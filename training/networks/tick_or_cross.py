"""A network small enough to follow by eye: 1 x 28 x 28 pixels, three filters, K logits; 296 parameters for K = 2."""

from collections import OrderedDict

from torch import nn


def tick_or_cross(channels: int, labels: int) -> nn.Module:
    """The network for pictures of 28 x 28 pixels.

    Args:
        channels: of the input.
        labels: K, the number of outputs.
    """
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, 3, kernel_size=5),  # (n, 3, 24, 24)
            relu=nn.ReLU(),
            pool=nn.MaxPool2d(4),  # (n, 3, 6, 6)
            flatten=nn.Flatten(),  # (n, 108)
            dense=nn.Linear(108, labels),
        )
    )
