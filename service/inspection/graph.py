"""Turns an ONNX file into the table of its layers: names, kinds, shapes, parameters, MACs, receptive fields.

A layer is a part of the graph (`grouping`) on the way from the picture to the scores. Nodes that only work out shapes
are left out, and nodes that pass their value on as it is are none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import onnx
from onnx import NodeProto

from service.inspection.attributes import integers, read_attributes
from service.inspection.dataflow import Dataflow, read_dataflow
from service.inspection.errors import UnknownLayer
from service.inspection.geometry import PICTURE, View, Window, convolution_macs, look_through, widest
from service.inspection.grouping import Part, group_nodes
from service.inspection.layer import Attribute, Kind, Layer
from service.inspection.names import INPUT, name_layers

_KINDS: dict[str, Kind] = {
    "Conv": "conv", "ConvTranspose": "conv_transpose", "BatchNormalization": "batch_norm", "Relu": "relu",
    "LeakyRelu": "leaky_relu", "PRelu": "leaky_relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Gelu": "gelu",
    "HardSwish": "hard_swish", "Clip": "clip", "MaxPool": "max_pool", "AveragePool": "average_pool",
    "GlobalAveragePool": "global_average_pool", "GlobalMaxPool": "global_max_pool", "LRN": "lrn", "Dropout": "dropout",
    "Flatten": "flatten", "Gemm": "dense", "MatMul": "dense", "Softmax": "softmax", "LogSoftmax": "softmax",
    "Add": "add", "Mul": "mul", "Concat": "concat", "Pad": "pad", "Swish": "silu",
}  # fmt: skip

_GLOBAL: dict[str, Kind] = {"ReduceMean": "global_average_pool", "ReduceMax": "global_max_pool"}
"""What these are where they leave one value for each channel of a map; PyTorch exports its global poolings so."""

_SPATIAL = {"Conv", "MaxPool", "AveragePool"}
_WITH_PARAMETERS = {"Conv", "ConvTranspose", "BatchNormalization", "Gemm", "MatMul", "PRelu", "Add", "Mul"}
_WITHOUT_PLACE: set[Kind] = {"flatten", "dense", "softmax", "global_average_pool", "global_max_pool", "conv_transpose"}
"""Kinds whose output values no longer stand for a window of the picture."""

_MAP = 3
"""Dimensions of a feature map, (C, H, W)."""


@dataclass(frozen=True)
class LayerTable:
    """The layers of a graph, and the nodes that each of them is made of. Made by `read_table`."""

    flow: Dataflow
    layers: tuple[Layer, ...]
    """In the order of computation."""
    parts: Mapping[str, Part]
    """By layer name."""

    @cached_property
    def by_name(self) -> Mapping[str, Layer]:
        """The layers by name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def by_tensor(self) -> Mapping[str, Layer]:
        """The layers by the value that is their output."""
        return {layer.tensor: layer for layer in self.layers}

    def find(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            UnknownLayer: there is none; the message lists those that there are.
        """
        if name not in self.by_name:
            known = ", ".join(self.by_name)
            raise UnknownLayer(f"no layer is called {name!r}; the layers are {known}")
        return self.by_name[name]


def read_table(model: onnx.ModelProto) -> LayerTable:
    """Read the layer table.

    Args:
        model: an ONNX classifier with one input, the picture.
    """
    flow = read_dataflow(model)
    parts = [part for part in group_nodes(flow) if part.main.op_type != "Identity"]
    kinds = [_kind(part, flow) for part in parts]
    names = name_layers([part.nodes[-1] for part in parts], [_operation(part) for part in parts])
    if parts and kinds[0] == "preprocessing":
        names[0] = "preprocessing"
    reader = _Reader(flow)
    layers = tuple(reader.read(part, kind, name) for part, kind, name in zip(parts, kinds, names, strict=True))
    return LayerTable(flow, layers, dict(zip(names, parts, strict=True)))


def read_layers(model: onnx.ModelProto) -> list[Layer]:
    """The rows of the layer table alone."""
    return list(read_table(model).layers)


@dataclass
class _Reader:
    """Reads the layers one after the other; a layer needs what was found of those before it."""

    flow: Dataflow
    made_by: dict[str, str] = field(default_factory=dict)
    views: dict[str, View | None] = field(default_factory=dict)

    def read(self, part: Part, kind: Kind, name: str) -> Layer:
        made = {output for node in part.nodes for output in node.output}
        values = [value for node in part.nodes for value in self.flow.carried(node) if value not in made]
        sources = [self._origin(value) for value in dict.fromkeys(values)]
        attributes: dict[str, Attribute] = {}
        if kind != "preprocessing" and (len(part.nodes) == 1 or part.main is not part.nodes[-1]):
            attributes = read_attributes(part.main, self.flow)
        view = self._view(part.main, kind, attributes, sources)
        self.made_by |= dict.fromkeys(made, name)
        self.views |= dict.fromkeys(made, view)
        return Layer(
            name=name,
            kind=kind,
            operator=" + ".join(node.op_type for node in part.nodes),
            inputs=[self.made_by.get(value, INPUT) for value in sources],
            input_shapes=[self.flow.shapes.get(value, []) for value in sources],
            output_shape=self.flow.shapes.get(part.output, []),
            parameters=0 if part.kind else sum(_parameters(node, self.flow) for node in part.nodes),
            macs=_macs(part.main, self.flow),
            receptive_field=list(view.receptive_field) if view else None,
            jump=list(view.jump) if view else None,
            attributes=attributes,
            tensor=part.output,
        )

    def _origin(self, value: str) -> str:
        """The value itself, or the one that it is the same as."""
        maker = self.flow.makers.get(value)
        if value in self.views or maker is None or maker.op_type != "Identity":
            return value
        return self._origin(maker.input[0])

    def _view(
        self, node: NodeProto, kind: Kind, attributes: dict[str, Attribute], sources: Sequence[str]
    ) -> View | None:
        views = [PICTURE if value == self.flow.picture else self.views[value] for value in sources]
        known = [view for view in views if view is not None]
        if kind in _WITHOUT_PLACE or not known or len(known) != len(views):
            return None
        view = widest(known)
        return look_through(view, _window(attributes)) if node.op_type in _SPATIAL else view


def _operation(part: Part) -> str:
    """What a part does, in a word for its name."""
    return part.kind or str(part.main.op_type).lower()


def _kind(part: Part, flow: Dataflow) -> Kind:
    """From the operators alone; some of them mean different things in different shapes."""
    if part.kind:
        return part.kind
    operator = part.main.op_type
    before, after = (flow.shapes.get(value, []) for value in (part.main.input[0], part.main.output[0]))
    if operator in {"Reshape", "Squeeze"} and len(before) > 1 and len(after) == 1:
        return "flatten"
    if operator in _GLOBAL:
        is_whole = len(before) == _MAP and prod(after) == before[0] and after[:1] == before[:1]
        return _GLOBAL[operator] if is_whole else "other"
    return _KINDS.get(operator, "other")


def _window(attributes: dict[str, Attribute]) -> Window:
    def pair(name: str) -> tuple[int, int]:
        value = integers(attributes, name)
        return (value[0], value[1]) if len(value) == 2 else (1, 1)

    return Window(kernel=pair("kernel_shape"), stride=pair("strides"), dilation=pair("dilations"))


def _parameters(node: NodeProto, flow: Dataflow) -> int:
    if node.op_type not in _WITH_PARAMETERS:
        return 0
    # BatchNormalization's last two inputs are running statistics: measured, not trained.
    weights = node.input[:3] if node.op_type == "BatchNormalization" else node.input
    return sum(prod(flow.fixed.shape(value)) for value in weights if value in flow.fixed)


def _macs(node: NodeProto, flow: Dataflow) -> int:
    weights = [flow.fixed.shape(value) for value in node.input[1:2] if value in flow.fixed]
    if not weights:
        return 0
    match node.op_type:
        case "Conv":
            return convolution_macs(weights[0], flow.shapes.get(node.output[0], [])[1:])
        case "ConvTranspose":
            return convolution_macs(weights[0], flow.shapes.get(node.input[0], [])[1:])
        case "Gemm" | "MatMul":
            return prod(weights[0]) * prod(flow.shapes.get(node.output[0], [])[:-1])
    return 0
