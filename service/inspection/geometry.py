"""Turns a windowed operator's attributes and shapes into its receptive field, jump and multiply-accumulates."""

from dataclasses import dataclass
from math import prod

Pair = tuple[int, int]
"""Down, across."""


@dataclass(frozen=True)
class Window:
    """How an operator slides over its input."""

    kernel: Pair
    stride: Pair
    dilation: Pair


@dataclass(frozen=True)
class View:
    """What of the picture one value of a feature map depends on.

    Source: A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019.
    """

    receptive_field: Pair
    """Height and width in input pixels."""
    jump: Pair
    """Input pixels between two neighbouring values."""


PICTURE = View(receptive_field=(1, 1), jump=(1, 1))
"""A pixel sees itself."""


def look_through(view: View, window: Window) -> View:
    """The view of a windowed operator's output: r' = r + (k - 1) d j, j' = j s, in both directions."""
    pairs = zip(view.receptive_field, view.jump, window.kernel, window.dilation, strict=True)
    height, width = (field + (kernel - 1) * dilation * jump for field, jump, kernel, dilation in pairs)
    down, across = (jump * stride for jump, stride in zip(view.jump, window.stride, strict=True))
    return View((height, width), (down, across))


def widest(views: list[View]) -> View:
    """The view of a value that is computed from several, position by position."""
    fields = [view.receptive_field for view in views]
    jumps = [view.jump for view in views]
    return View(
        (max(height for height, _ in fields), max(width for _, width in fields)),
        (max(down for down, _ in jumps), max(across for _, across in jumps)),
    )


def convolution_macs(weight_shape: list[int], positions: list[int]) -> int:
    """Multiply-accumulates of a convolution for one picture.

    Args:
        weight_shape: (out, in / group, kh, kw); transposed: (in, out / group, kh, kw).
        positions: the map that the kernel is laid on, without channels: the output's, transposed: the input's.
    """
    return prod(weight_shape) * prod(positions)
