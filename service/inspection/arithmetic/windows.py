"""Turns a place in an output and the geometry of a sliding window into the window's rows and columns of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.inspection.arithmetic.trace import Grid
from service.inspection.attributes import integers
from service.inspection.layer import Attribute

Window = NDArray[np.float64]
"""(channels, kernel height, kernel width) float64, 0 beyond the input."""

Span = list[int | None]
"""Along one axis, the input's place under each cell of the window; None beyond the input."""


@dataclass(frozen=True)
class Axis:
    """How a window slides along one axis."""

    extent: int
    """Cells of the window."""
    stride: int
    dilation: int
    begin: int
    """Padding before the input."""
    end: int
    """Padding behind it."""
    size: int
    """Of the input."""

    def slide(self, at: int) -> Span:
        """The window that makes the output's value `at`."""
        return [place if 0 <= place < self.size else None for place in self._places(at)]

    def meet(self, at: int) -> Span:
        """For each cell of a transposed window, the input whose stamp of it lies on the output's value `at`."""
        span: Span = []
        for cell in range(self.extent):
            place, between = divmod(at + self.begin - cell * self.dilation, self.stride)
            span.append(place if not between and 0 <= place < self.size else None)
        return span

    def count(self, at: int) -> int:
        """Cells of the window at `at` that lie in the input or its padding."""
        return sum(-self.begin <= place < self.size + self.end for place in self._places(at))

    def _places(self, at: int) -> list[int]:
        return [at * self.stride - self.begin + cell * self.dilation for cell in range(self.extent)]


def read_axes(attributes: dict[str, Attribute], extents: Sequence[int], sizes: Sequence[int]) -> list[Axis]:
    """The axes of a windowed operator; of what its attributes leave out, the defaults.

    Args:
        attributes: the node's.
        extents: of the window.
        sizes: of the input.
    """
    axes = len(extents)
    strides = integers(attributes, "strides") or [1] * axes
    dilations = integers(attributes, "dilations") or [1] * axes
    pads = integers(attributes, "pads") or [0] * (2 * axes)
    return [Axis(*axis) for axis in zip(extents, strides, dilations, pads[:axes], pads[axes:], sizes, strict=True)]


def take(maps: NDArray[np.generic], spans: Sequence[Span]) -> tuple[Window, NDArray[np.bool_]]:
    """A window's values.

    Args:
        maps: (channels, height, width), or (channels, length), which is taken for one column.
        spans: its rows and columns.

    Returns:
        The window, and (kernel height, kernel width) bool: which of its cells lie in the input.
    """
    rows, columns = plane(spans)
    high = maps if maps.ndim == 3 else maps[..., np.newaxis]
    inside = np.outer([place is not None for place in rows], [place is not None for place in columns])
    rectangle = np.ix_(range(len(high)), [place or 0 for place in rows], [place or 0 for place in columns])
    window = high[rectangle].astype(np.float64)
    return np.where(inside, window, 0.0), inside


def plane(spans: Sequence[Span]) -> tuple[Span, Span]:
    """Rows and columns; those of a one-dimensional window are its places and one column."""
    return spans[0], spans[1] if len(spans) > 1 else [0]


def bounds(span: Span) -> tuple[int, int] | None:
    """First and last place within the input; None where the window is beyond it all over."""
    inside = [place for place in span if place is not None]
    return (min(inside), max(inside)) if inside else None


def to_grids(window: Window, inside: NDArray[np.bool_]) -> list[Grid]:
    """(channels, height, width) numbers as nested lists, None where `inside`, (height, width) bool, is false."""
    grids: list[Grid] = window.tolist()
    for row, column in np.argwhere(~inside).tolist():
        for grid in grids:
            grid[row][column] = None
    return grids
