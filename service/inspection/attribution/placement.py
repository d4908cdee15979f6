"""Turns a map at the size of the network's input into one that lies on the picture as it was sent."""

import numpy as np
from numpy.typing import NDArray

from service.inspection.attribution.subject import Map
from service.preprocess import View


def place(values: Map, view: View, height: int, width: int) -> Map:
    """The map at the picture's own size: bilinear; NaN where the network saw nothing of the picture.

    Args:
        values: (h, w) float32.
        view: what the network's input shows of the picture.
        height: the picture's.
        width: the picture's.

    Returns:
        (height, width) float32.
    """
    rows, seen_rows = _positions(height, view.top, view.bottom, values.shape[0])
    columns, seen_columns = _positions(width, view.left, view.right, values.shape[1])
    placed = _interpolate(_interpolate(values, rows).T, columns).T.astype(np.float32)
    placed[~seen_rows] = np.nan
    placed[:, ~seen_columns] = np.nan
    return np.ascontiguousarray(placed)


def _positions(length: int, start: float, end: float, size: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where the middles of the picture's pixels lie on the map's axis, in its pixels' middles; and which are on it."""
    positions = (np.arange(length) + 0.5 - start) / (end - start) * size - 0.5
    return np.clip(positions, 0, size - 1), (positions > -0.5) & (positions < size - 0.5)


def _interpolate(values: Map, rows: NDArray[np.float64]) -> Map:
    """The rows of a map at places between them."""
    below = np.floor(rows).astype(int)
    above = np.minimum(below + 1, values.shape[0] - 1)
    share = (rows - below).astype(np.float32)[:, np.newaxis]
    between: Map = values[below] * (1 - share) + values[above] * share
    return between
