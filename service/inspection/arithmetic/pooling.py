"""Turns a place in a pooling's output into the window that it sums up, and how."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result
from service.inspection.arithmetic.movement import Box, point
from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.arithmetic.trace import Grid, PoolTerms
from service.inspection.arithmetic.windows import Axis, Span, Window, bounds, plane, read_axes, take, to_grids
from service.inspection.attributes import integers

_EXTREMES = {"max": np.argmax, "min": np.argmin}


def account_for_max_pool(reading: Reading, node: NodeProto, index: Index) -> Account:
    """MaxPool: the largest value of the window; padding is never it.

    A window in the padding alone, which large dilations can lead to, has the lowest number that there is.
    """
    spans, _ = _window(reading, node, index)
    window, inside = take(reading.array(node.input[0])[0, index[1] : index[1] + 1], spans)
    if not inside.any():
        return _leave(spans, inside, float(np.finfo(reading.output.dtype).min))
    at = [span[cell] or 0 for span, cell in zip(spans, _find("max", window[0], inside), strict=False)]
    return _pick("max", window[0], inside, spans, [point(node.input[0], (*index[:2], *at))])


def account_for_average_pool(reading: Reading, node: NodeProto, index: Index) -> Account:
    """AveragePool: the window's mean, over the input's cells or, with `count_include_pad`, over the padding's too."""
    spans, counted = _window(reading, node, index)
    window, inside = take(reading.array(node.input[0])[0, index[1] : index[1] + 1], spans)
    if not inside.any():
        return _leave(spans, inside, 0.0)
    divisor = counted if reading.attributes(node).get("count_include_pad") else int(inside.sum())
    return _average(window[0], inside, spans, _box(node.input[0], index[:2], spans), divisor)


def account_for_global(reading: Reading, node: NodeProto, index: Index) -> Account:
    """GlobalMaxPool and GlobalAveragePool: the whole map of the channel."""
    axes = list(range(2, len(index)))
    return _reduce(reading, node.input[0], index, axes, "max" if node.op_type == "GlobalMaxPool" else "mean")


def account_for_reduction(reading: Reading, node: NodeProto, index: Index) -> Account:
    """ReduceMean, ReduceSum, ReduceMax and ReduceMin over any dimensions; the window's rows are the first of them."""
    rank = len(reading.shape(node.input[0]))
    attributes = reading.attributes(node)
    axes = integers(attributes, "axes")
    if len(node.input) > 1 and node.input[1]:
        axes = [int(axis) for axis in reading.array(node.input[1])]
    axes = sorted(axis % rank for axis in axes) or list(range(rank))
    places = list(index)
    if not attributes.get("keepdims", 1):
        for axis in axes:
            places.insert(axis, 0)
    return _reduce(reading, node.input[0], tuple(places), axes, node.op_type.removeprefix("Reduce").lower())


def _window(reading: Reading, node: NodeProto, index: Index) -> tuple[list[Span], int]:
    """The window's rows and columns, and how many of its cells lie in the input or its padding."""
    attributes = reading.attributes(node)
    axes = read_axes(attributes, integers(attributes, "kernel_shape"), reading.array(node.input[0]).shape[2:])
    given = next((attribute.s.decode() for attribute in node.attribute if attribute.name == "auto_pad"), "NOTSET")
    if given in {"SAME_UPPER", "SAME_LOWER"}:
        axes = [_pad(axis, lower=given == "SAME_LOWER") for axis in axes]
    places = list(zip(axes, index[2:], strict=True))
    return [axis.slide(at) for axis, at in places], prod(axis.count(at) for axis, at in places)


def _pad(axis: Axis, *, lower: bool) -> Axis:
    """With the padding that onnxruntime gives poolings: it passes over the dilation, and may be less than none.

    Source: onnxruntime, `ComputePad` in core/providers/common.h, as poolings call it.
    """
    total = (-(-axis.size // axis.stride) - 1) * axis.stride + axis.extent - axis.size
    begin = int((total + lower) / 2)  # towards 0, as in C++
    return replace(axis, begin=begin, end=total - begin)


def _reduce(reading: Reading, value: str, index: Index, axes: Sequence[int], operation: str) -> Account:
    """Over these dimensions of a value, at this place of the others."""
    array = reading.array(value)
    part = array[tuple(slice(None) if axis in axes else place for axis, place in enumerate(index))]
    window = part.reshape(-1, part.shape[-1] if part.ndim > 1 else 1).astype(np.float64)
    spans: list[Span] = [list(range(size)) for size in window.shape]
    inside = np.ones(window.shape, np.bool_)
    if operation in _EXTREMES:
        chosen = np.unravel_index(_EXTREMES[operation](part), part.shape)
        at = list(index)
        for axis, place in zip(axes, chosen, strict=True):
            at[axis] = int(place)
        return _pick(operation, window, inside, spans, [point(value, tuple(at))])
    first = tuple(0 if axis in axes else place for axis, place in enumerate(index))
    last = tuple(array.shape[axis] - 1 if axis in axes else place for axis, place in enumerate(index))
    return _average(window, inside, spans, [Box(value, first, last)], window.size if operation == "mean" else None)


def _pick(
    operation: str, window: Window, inside: NDArray[np.bool_], spans: Sequence[Span], drawn: list[Box]
) -> Account:
    row, column = _find(operation, window, inside)
    chosen = float(window[row, column])
    rows, columns = plane(spans)
    terms = PoolTerms(
        operation="max" if operation == "max" else "min",
        y=rows,
        x=columns,
        inputs=to_grids(window[np.newaxis], inside)[0],
        chosen=[row, column],
        sum=None,
        divisor=None,
    )
    return Account(chosen, terms, result(f"{operation} of {int(inside.sum())} values", chosen), drawn)


def _find(operation: str, window: Window, inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Row and column of the extreme; the first of equals."""
    beyond = -np.inf if operation == "max" else np.inf
    row, column = np.unravel_index(_EXTREMES[operation](np.where(inside, window, beyond)), window.shape)
    return int(row), int(column)


def _average(
    window: Window, inside: NDArray[np.bool_], spans: Sequence[Span], drawn: list[Box], divisor: int | None
) -> Account:
    rows, columns = plane(spans)
    total = float(window.sum())
    value = total if divisor is None else total / divisor
    terms = PoolTerms(
        operation="sum" if divisor is None else "mean",
        y=rows,
        x=columns,
        inputs=to_grids(window[np.newaxis], inside)[0],
        chosen=None,
        sum=total,
        divisor=divisor,
    )
    formula = f"sum of {int(inside.sum())} values" if divisor is None else f"{total:.4g} / {divisor}"
    return Account(value, terms, result(formula, value), drawn)


def _leave(spans: Sequence[Span], inside: NDArray[np.bool_], value: float) -> Account:
    """Of no input at all."""
    rows, columns = plane(spans)
    inputs: Grid = [[None] * inside.shape[1] for _ in range(inside.shape[0])]
    operation: Literal["mean", "max"] = "max" if value else "mean"
    terms = PoolTerms(operation=operation, y=rows, x=columns, inputs=inputs, chosen=None, sum=None, divisor=None)
    return Account(value, terms, result(f"{operation} of 0 values", value), [])


def _box(value: str, ahead: Index, spans: Sequence[Span]) -> list[Box]:
    sides = [bounds(span) for span in spans]
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        return []
    return [Box(value, (*ahead, *(first for first, _ in known)), (*ahead, *(last for _, last in known)))]
