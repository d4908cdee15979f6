"""Turns cotangents of values that were joined, cut or picked into cotangents of those that they came from."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from service.inspection.gradients.builder import Builder, Rules, attribute

Indices = NDArray[np.int64]
"""(k,) int64: places along one dimension."""


_BORDERS: Mapping[str, Literal["reflect", "edge", "wrap"]] = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
"""What Pad's modes are called in numpy."""


@dataclass(frozen=True)
class _Line:
    """One dimension of a value."""

    axis: int
    size: int
    dimensions: int
    """How many the value has."""


def _concat(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """To each its part."""
    if len(node.input) == 1:
        return [cotangent]
    axis = attribute(node, "axis", 0)
    ends = np.cumsum([0, *(size for value in node.input for size in b.sizes(value, [axis]))])
    return [
        b.op("Slice", cotangent, b.integers(begin), b.integers(end), b.integers(axis))
        for begin, end in itertools.pairwise(ends.tolist())
    ]


def split(node: NodeProto, cotangents: Sequence[str], b: Builder) -> Sequence[str | None]:
    """The parts' cotangents joined."""
    return [b.op("Concat", *cotangents, axis=attribute(node, "axis", 0))]


def _slice(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Back to the places that it came from, zeros elsewhere."""
    value = node.input[0]
    starts, ends, axes, steps = (b.constant(at) for at in (1, 2, 3, 4))
    if starts is None or ends is None:
        raise b.refusal("it has no bounds")
    dimensions = len(b.shape(value))
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones_like(starts) if steps is None else steps
    for axis, start, end, step in zip(axes % dimensions, starts, ends, steps, strict=True):
        if start == 0 and step == 1 and end >= np.iinfo(np.int32).max:
            continue  # all of it, however much that is
        (size,) = b.sizes(value, [axis])
        stop = None if step < 0 and end < -size else int(end)
        picked = np.arange(size)[int(start) : stop : int(step)]
        cotangent = _put_back(cotangent, picked, _Line(int(axis), size, dimensions), b)
    return [cotangent]


def _gather(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """Back to the places that it was picked from; what was picked several times is summed."""
    value = node.input[0]
    indices = b.constant(1)
    if indices is None:
        raise b.refusal("it has no indices")
    dimensions = len(b.shape(value))
    axis = attribute(node, "axis", 0) % dimensions
    (size,) = b.sizes(value, [axis])
    if indices.ndim != 1:
        shape = list(b.shape(value))
        shape[axis] = indices.size
        if shape.count(None) > 1:
            raise b.refusal(f"{value!r} has several open sizes")
        cotangent = b.op("Reshape", cotangent, b.integers(*(-1 if each is None else each for each in shape)))
    return [_put_back(cotangent, indices.reshape(-1) % size, _Line(axis, size, dimensions), b)]


def _pad(node: NodeProto, cotangent: str, b: Builder) -> Sequence[str | None]:
    """The inner part; where the border repeats inner values, they get its cotangents too."""
    value = node.input[0]
    pads, axes = b.constant(1), b.constant(3)
    if pads is None:
        raise b.refusal("it has no pads")
    dimensions = len(b.shape(value))
    axes = np.arange(dimensions) if axes is None else axes % dimensions
    mode = attribute(node, "mode", "constant")
    for axis, begin, end in zip(axes.tolist(), *pads.reshape(2, -1).tolist(), strict=True):
        if begin or end:
            (size,) = b.sizes(value, [axis])
            cotangent = _unpad(cotangent, (begin, end), mode, _Line(axis, size, dimensions), b)
    return [cotangent]


def _unpad(cotangent: str, pads: tuple[int, int], mode: str, line: _Line, b: Builder) -> str:
    """One dimension; negative pads had cut something off."""
    begin, end = pads
    if mode == "constant" and begin >= 0 and end >= 0:
        return b.op("Slice", cotangent, b.integers(begin), b.integers(begin + line.size), b.integers(line.axis))
    added = max(begin, 0), max(end, 0)
    if mode == "constant":
        sources = np.pad(np.arange(line.size), added, constant_values=-1)
    else:
        sources = np.pad(np.arange(line.size), added, _BORDERS[mode])
    sources = sources[max(-begin, 0) : len(sources) - max(-end, 0)]
    inner = np.flatnonzero(sources >= 0)
    if len(inner) < len(sources):
        bounds = b.integers(int(inner[0])), b.integers(int(inner[-1]) + 1)
        cotangent = b.op("Slice", cotangent, *bounds, b.integers(line.axis))
    return _put_back(cotangent, sources[inner], line, b)


def _put_back(cotangent: str, places: Indices, line: _Line, b: Builder) -> str:
    """Bring what was picked along one dimension back to its places.

    Args:
        cotangent: with len(places) entries along the dimension.
        places: where each belongs; what has the same place is summed.
        line: the dimension, of the size that the result has.
        b: the builder.
    """
    axis, size, dimensions = line.axis, line.size, line.dimensions
    first, count = (int(places[0]) if len(places) else 0), len(places)
    if np.array_equal(places, np.arange(first, first + count)):
        if count == size:
            return cotangent
        pads = np.zeros((2, dimensions), np.int64)
        pads[:, axis] = first, size - first - count
        return b.op("Pad", cotangent, b.tensor(pads.reshape(-1)))
    if len(np.unique(places)) == count:
        pads = np.zeros((2, dimensions), np.int64)
        pads[1, axis] = 1  # a zero for the places that nothing was picked from
        origins = np.full(size, count)
        origins[places] = np.arange(count)
        return b.op("Gather", b.op("Pad", cotangent, b.tensor(pads.reshape(-1))), b.integers(*origins), axis=axis)
    # As a product with a matrix of ones and zeros: it sums, and is fast on every device.
    picks = np.zeros((count, size), np.int64)
    picks[np.arange(count), places] = 1
    order = [*(each for each in range(dimensions) if each != axis), axis]
    moved = b.op("Transpose", cotangent, perm=order)
    summed = b.op("MatMul", moved, b.number(picks, b.node.input[0]))
    return b.op("Transpose", summed, perm=[order.index(each) for each in range(dimensions)])


RULES: Rules = {"Concat": _concat, "Slice": _slice, "Gather": _gather, "Pad": _pad}
