"""Turns a node that only moves numbers into where each of its output's numbers was.

The node itself is run, by onnxruntime, on serial numbers in place of values: so whatever an operator does, and in
whichever version of ONNX, the answer is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.inspection.arithmetic.reading import Index, Reading
from service.inspection.dataflow import run_once

_FILL = -1.0
"""Serial number of what padding adds."""

Serials = NDArray[np.float64]
"""The serial numbers, where the node puts them: whole, exact up to 2⁵³."""


@dataclass(frozen=True)
class Box:
    """A box within a value: the places from `first` to `last`, both included."""

    value: str
    first: Index
    last: Index


def point(value: str, index: Index) -> Box:
    """One place."""
    return Box(value, index, index)


def originate(reading: Reading, node: NodeProto, box: Box) -> list[Box]:
    """The boxes of a moving node's inputs that this box of its output was, each the smallest; none: all padding.

    Args:
        reading: of the layer that is looked at.
        node: one of `MOVING`.
        box: in one of its outputs.
    """
    serials = reading.origins.get(box.value)
    if serials is None:
        serials = reading.origins[box.value] = _run(reading, node, box.value)
    part = serials[tuple(slice(first, last + 1) for first, last in zip(box.first, box.last, strict=True))]
    found, start = [], 0
    for value in _data(node):
        shape = reading.shape(value)
        size = int(np.prod(shape))
        mine = part[(part >= start) & (part < start + size)].astype(np.int64) - start
        if mine.size:
            places = np.unravel_index(mine, shape)
            found.append(
                Box(value, tuple(int(axis.min()) for axis in places), tuple(int(axis.max()) for axis in places))
            )
        start += size
    return found


def _data(node: NodeProto) -> list[str]:
    """The inputs whose values are moved; the others say how."""
    return list(node.input) if node.op_type == "Concat" else [node.input[0]]


def _run(reading: Reading, node: NodeProto, output: str) -> Serials:
    moved = NodeProto()
    moved.CopyFrom(node)
    data = _data(node)
    moved.input[: len(data)] = [f"serial {place}" for place in range(len(data))]
    entries, feeds, start = [], {}, 0
    for place, value in enumerate(data):
        shape, name = reading.shape(value), moved.input[place]
        size = int(np.prod(shape))
        feeds[name] = np.arange(start, start + size, dtype=np.float64).reshape(shape)
        entries.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape))
        start += size
    if node.op_type == "Pad":
        _mark_padding(moved)
    model = reading.flow.model
    graph = helper.make_graph(
        [moved], "moved", entries, [helper.make_empty_tensor_value_info(output)], list(_controls(reading, moved, data))
    )
    part = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    (serials,) = run_once(part, feeds, [output])
    return serials


def _controls(reading: Reading, moved: NodeProto, data: list[str]) -> Iterator[TensorProto]:
    for name in dict.fromkeys(moved.input[len(data) :]):
        if name == _FILL_NAME:
            yield numpy_helper.from_array(np.array(_FILL), name)
        elif name:
            yield numpy_helper.from_array(reading.array(name), name)


_FILL_NAME = "serial of padding"


def _mark_padding(moved: NodeProto) -> None:
    """Have it pad with the serial number that stands for padding."""
    if len(moved.input) == 1:  # until version 10 the numbers are attributes
        kept = [attribute for attribute in moved.attribute if attribute.name != "value"]
        del moved.attribute[:]
        moved.attribute.extend([*kept, helper.make_attribute("value", _FILL)])
        return
    while len(moved.input) < 3:
        moved.input.append("")
    moved.input[2] = _FILL_NAME
