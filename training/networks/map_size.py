"""Turns layers and a picture's size into the size of the map that they make of it, or into a refusal.

Nothing is computed: the layers run on PyTorch's `meta` device, which knows shapes only. So a kernel's size stands in
its layer and nowhere else.
"""

from collections import OrderedDict
from itertools import count

import torch
from torch import nn

from training.errors import NetworkRefused

Shape = tuple[int, int, int]
"""(c, h, w) of a map."""

Layers = OrderedDict[str, nn.Module]
"""Layers one after the other, by name."""


def map_shape(name: str, layers: Layers, picture: Shape) -> Shape:
    """The shape of the map that the layers make of a picture.

    Args:
        name: what the network is called, for the refusal.
        layers: convolutions, pooling and what goes with them.
        picture: what the first of them takes.

    Raises:
        NetworkRefused: the picture is too small for the layers.
    """
    chain = nn.Sequential(layers)
    shape = _shape_after(chain, picture)
    if shape is not None:
        return shape
    channels, height, width = picture
    least = next(side for side in count(1) if _shape_after(chain, (channels, side, side)))
    raise NetworkRefused(
        f"{name} needs pictures of at least {least} × {least} pixels, these are {height} × {width}: its maps would"
        " shrink to nothing"
    )


def average_to(side: int, shape: Shape, name: str) -> tuple[Layers, Shape]:
    """Average pooling that brings a map down to a side, and the shape after it; none for a map that is no larger.

    PyTorch's adaptive pooling, with one window for all places: wherever the map's side is a multiple of the wanted one
    the two are the same, and elsewhere ONNX has no operator for the other.

    Args:
        side: wanted, in both directions.
        shape: of the map.
        name: the layer's.
    """
    channels, *sizes = shape
    wanted = [min(side, size) for size in sizes]
    strides = [size // want for size, want in zip(sizes, wanted, strict=True)]
    kernel = [
        size - (want - 1) * stride for size, want, stride in zip(sizes, wanted, strides, strict=True)
    ]  # what is left over widens the window
    pooled = (channels, wanted[0], wanted[1])
    if kernel == [1, 1]:
        return OrderedDict(), pooled
    return OrderedDict({name: nn.AvgPool2d((kernel[0], kernel[1]), (strides[0], strides[1]))}), pooled


def _shape_after(chain: nn.Sequential, picture: Shape) -> Shape | None:
    """None where some layer finds no room for its window."""
    weights = {name: torch.empty_like(value, device="meta") for name, value in chain.state_dict().items()}
    was_training = chain.training
    chain.eval()  # in training, a BatchNorm refuses a single value per channel
    try:
        values = torch.func.functional_call(chain, weights, torch.empty((1, *picture), device="meta"))
    except RuntimeError:
        return None
    finally:
        chain.train(was_training)
    _, channels, height, width = values.shape
    return (channels, height, width) if height and width else None
