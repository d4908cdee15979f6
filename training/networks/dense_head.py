"""Turns a map into K logits by two dense layers of 4,096 with dropout: the end of AlexNet, of ZFNet and of VGG.

Source: A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012, section 4.2 for the dropout. All three networks have five stages before it, so the numbers go on with 6.
"""

from collections import OrderedDict
from math import prod

from torch import nn

from training.networks.map_size import Layers, Shape


def dense_head(shape: Shape, outputs: int) -> Layers:
    """Layers 6 to 8.

    Args:
        shape: of the map, (c, h, w).
        outputs: K.
    """
    return OrderedDict(
        flatten=nn.Flatten(),  # (n, c · h · w)
        dense6=nn.Linear(prod(shape), 4096),
        relu6=nn.ReLU(),
        dropout6=nn.Dropout(0.5),
        dense7=nn.Linear(4096, 4096),
        relu7=nn.ReLU(),
        dropout7=nn.Dropout(0.5),
        dense8=nn.Linear(4096, outputs),
    )
