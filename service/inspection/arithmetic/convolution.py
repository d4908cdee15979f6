"""Turns a place in a convolution's output into the window, the kernel, and their products."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from service.inspection.arithmetic.account import Account, result, show
from service.inspection.arithmetic.movement import Box
from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.arithmetic.trace import WindowTerms
from service.inspection.arithmetic.windows import Axis, Span, Window, bounds, plane, read_axes, take, to_grids
from service.inspection.attributes import integers
from service.inspection.layer import Attribute


def account_for_convolution(reading: Reading, node: NodeProto, index: Index) -> Account:
    """Conv: of one or two axes, with any stride, padding, dilation and groups."""
    inputs, weights = reading.array(node.input[0]), reading.array(node.input[1])
    filters, reads, *extents = weights.shape
    attributes = reading.attributes(node)
    first = index[1] // (filters // _groups(attributes)) * reads
    axes = read_axes(attributes, extents, inputs.shape[2:])
    spans = [axis.slide(at) for axis, at in zip(axes, index[2:], strict=True)]
    window, inside = take(inputs[0, first : first + reads], spans)
    kernel = weights[index[1]].reshape(window.shape).astype(np.float64)
    return _add_up(reading, node, index, first, spans, window, inside, kernel, match=_match(window, kernel))


def account_for_transposed(reading: Reading, node: NodeProto, index: Index) -> Account:
    """ConvTranspose: the inputs whose stamp of the kernel covers the place, and the cell of it that does."""
    inputs, weights = reading.array(node.input[0]), reading.array(node.input[1])
    channels, makes, *extents = weights.shape
    attributes = reading.attributes(node)
    reads = channels // _groups(attributes)
    first = index[1] // makes * reads
    axes = _cut(reading, node, read_axes(attributes, extents, inputs.shape[2:]))
    spans = [axis.meet(at) for axis, at in zip(axes, index[2:], strict=True)]
    window, inside = take(inputs[0, first : first + reads], spans)
    kernel = weights[first : first + reads, index[1] % makes].reshape(window.shape).astype(np.float64)
    return _add_up(reading, node, index, first, spans, window, inside, kernel, match=None)


def _groups(attributes: dict[str, Attribute]) -> int:
    groups = attributes.get("group", 1)
    return groups if isinstance(groups, int) else 1


def _cut(reading: Reading, node: NodeProto, axes: Sequence[Axis]) -> Sequence[Axis]:
    """The axes with what is really cut off before the output.

    Source: ONNX operator specification, ConvTranspose: a given `output_shape` or `auto_pad` decides over `pads`.
    """
    attributes = reading.attributes(node)
    given = next((attribute.s.decode() for attribute in node.attribute if attribute.name == "auto_pad"), "NOTSET")
    if given in {"NOTSET", "VALID"} and "output_shape" not in attributes:
        return axes
    added = integers(attributes, "output_padding") or [0] * len(axes)
    made = reading.output.shape[2:]
    cut = [
        max(0, axis.stride * (axis.size - 1) + more + (axis.extent - 1) * axis.dilation + 1 - size)
        for axis, more, size in zip(axes, added, made, strict=True)
    ]
    begins = [total // 2 if given == "SAME_UPPER" else total - total // 2 for total in cut]
    return [replace(axis, begin=begin) for axis, begin in zip(axes, begins, strict=True)]


def _match(window: Window, kernel: Window) -> float | None:
    lengths = math.sqrt(float((window**2).sum()) * float((kernel**2).sum()))
    return float((window * kernel).sum()) / lengths if lengths > 0 else None


def _add_up(  # noqa: PLR0913, PLR0917 - each is a part of the sum
    reading: Reading, node: NodeProto, index: Index, first: int, spans: Sequence[Span], window: Window,
    inside: NDArray[np.bool_], kernel: Window, match: float | None,
) -> Account:  # fmt: skip
    products = np.where(inside, window * kernel, 0.0)
    sums = products.sum(axis=(1, 2))
    own = float(reading.array(node.input[2])[index[1]]) if len(node.input) > 2 and node.input[2] else None
    bias = reading.added(index) if own is None else own
    total = float(sums.sum())
    value = total + (bias or 0.0)
    rows, columns = plane(spans)
    last = first + len(window) - 1
    terms = WindowTerms(
        channels=[first, last],
        y=rows,
        x=columns,
        inputs=to_grids(window, inside),
        kernel=kernel.tolist(),
        products=products.tolist(),
        sums=sums.tolist(),
        match=match,
    )
    formula = f"{total:.4g} (sum of {products.size} products)"
    if bias is not None:
        formula = f"{formula} + {show(bias)} (bias)"
    return Account(value, terms, result(formula, value), _drawn(node.input[0], (first, last), spans), bias)


def _drawn(value: str, channels: tuple[int, int], spans: Sequence[Span]) -> list[Box]:
    sides = [bounds(span) for span in spans]
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        return []
    firsts, lasts = zip(channels, *known, strict=True)
    return [Box(value, (0, *firsts), (0, *lasts))]
