"""Turns a layer and a picture into the arrays that the layer's numbers are worked out from."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from onnx import NodeProto

from service.engine import Pixels
from service.inspection.activations import Inspector
from service.inspection.attributes import read_attributes
from service.inspection.dataflow import FixedValue
from service.inspection.graph import LayerTable
from service.inspection.layer import Attribute, Layer

Index = tuple[int, ...]
"""A place in an array, its batch dimension, where it is 0, included."""

MOVING = {
    "Concat", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity",
    "Pad", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
}  # fmt: skip
"""Operators whose outputs are values of their inputs in other places."""


class Reading:
    """What one layer read and computed for one picture, kept for any number of positions. Made by `read`."""

    def __init__(self, table: LayerTable, layer: Layer, values: Mapping[str, FixedValue], top: int) -> None:
        self.table, self.flow, self.layer = table, table.flow, layer
        self.part = table.parts[layer.name]
        self.top = top
        """How many products of a dense layer are told one by one."""
        self.origins: dict[str, FixedValue] = {}
        """What `movement` has found out of where values come from."""
        self._arrays = dict(values)
        self._attributes: dict[int, dict[str, Attribute]] = {}

    def array(self, value: str) -> FixedValue:
        """A weight as it stands, or a computed value with its batch dimension, which is 1; read once."""
        if value not in self._arrays:
            self._arrays[value] = self.flow.fixed[value]
        return self._arrays[value]

    def shape(self, value: str) -> tuple[int, ...]:
        """Of `array(value)`; known of all values on the way, fetched or not."""
        if value in self._arrays or value in self.flow.fixed:
            return tuple(self.array(value).shape)
        return (1, *self.flow.shapes[value])

    def number(self, value: str, index: Index) -> float:
        """What of a value takes part at this place of the output; its dimensions of 1 stand for any."""
        array = self.array(value)
        return float(array[fit(index, array.shape)])

    def attributes(self, node: NodeProto) -> dict[str, Attribute]:
        """As `read_attributes`; the padding worked out."""
        if id(node) not in self._attributes:
            self._attributes[id(node)] = read_attributes(node, self.flow)
        return self._attributes[id(node)]

    def is_constant(self, value: str) -> bool:
        """Whether it is the same for every picture of this size."""
        return value != self.flow.picture and value not in self.flow.makers

    def added(self, index: Index) -> float | None:
        """The bias, where a node of its own adds it."""
        *before, last = self.part.nodes
        if self.part.main is last or not before:
            return None
        (bias,) = [value for value in last.input if value in self.flow.fixed]
        return self.number(bias, index)

    @property
    def output(self) -> FixedValue:
        """What onnxruntime computed, with the batch dimension."""
        return self.array(self.part.output)


def read(inspector: Inspector, pixels: Pixels, names: Sequence[str], top: int = 50) -> Mapping[str, Reading]:
    """Compute what some layers read and give for a picture, all in one run.

    Args:
        inspector: of the network.
        pixels: (h, w, c) uint8.
        names: of the layers.
        top: how many products of a dense layer to tell one by one.

    Returns:
        By the layer's name.

    Raises:
        UnknownLayer: there is no layer of one of the names.
    """
    layers = [inspector.table.find(name) for name in names]
    wanted = {value: None for layer in layers for value in _wanted(inspector.table, layer)}
    values = inspector.values(pixels[np.newaxis], list(wanted))
    return {layer.name: Reading(inspector.table, layer, values, top) for layer in layers}


def weigh(inspector: Inspector, name: str) -> int:
    """Bytes that `read` and the weights read after it take, about.

    Raises:
        UnknownLayer: there is no layer of that name.
    """
    flow = inspector.table.flow
    layer = inspector.table.find(name)
    weights = {value for node in inspector.table.parts[name].nodes for value in node.input if value in flow.fixed}
    sizes: list[Sequence[int]] = [layer.output_shape, *layer.input_shapes, *map(flow.fixed.shape, weights)]
    return sum(4 * int(np.prod(size)) for size in sizes)


def fit(index: Index, shape: Sequence[int]) -> Index:
    """The place in an operand of this shape that takes part at this place of the output, as ONNX broadcasts."""
    places = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else place for place, size in zip(places, shape, strict=True))


def _wanted(table: LayerTable, layer: Layer) -> Iterator[str]:
    """The layer's output and what it reads from outside; what leads there unseen too, as far as it needs values."""
    part = table.parts[layer.name]
    made = {output for node in part.nodes for output in node.output}
    yield part.output
    for node in part.nodes:
        for value in node.input:
            if value and value not in made and value not in table.flow.fixed:
                yield value
                yield from _unseen(table, value)


def _unseen(table: LayerTable, value: str) -> Iterator[str]:
    """What moving nodes read that aren't layers a position can be named in."""
    maker = table.flow.makers.get(value)
    if maker is None or maker.op_type not in MOVING or is_addressable(table, value):
        return
    for read_ in filter(None, maker.input):
        if read_ not in table.flow.fixed:
            yield read_
            yield from _unseen(table, read_)


def is_addressable(table: LayerTable, value: str) -> bool:
    """Whether channel, row and column name a place in it: the picture, or a layer's of at most three dimensions."""
    return value == table.flow.picture or (
        value in table.by_tensor and len(table.by_tensor[value].output_shape) in {1, 2, 3}
    )
