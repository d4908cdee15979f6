"""Turns an ONNX file into the table of its layers: names, kinds, shapes, parameters, MACs, receptive fields.

A layer is a node on the way from the picture to the scores. Nodes that only work out shapes are left out, and the
operators between the picture and the first real layer are shown as one: the preprocessing.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import onnx
from onnx import NodeProto, shape_inference

from service.inspection.geometry import PICTURE, View, Window, convolution_macs, look_through, widest
from service.inspection.layer import Attribute, Kind, Layer

INPUT = "input"
"""What a layer that reads the picture itself names as its input."""

_KINDS: dict[str, Kind] = {
    "Conv": "conv", "ConvTranspose": "conv_transpose", "BatchNormalization": "batch_norm", "Relu": "relu",
    "LeakyRelu": "leaky_relu", "PRelu": "leaky_relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Gelu": "gelu",
    "HardSwish": "hard_swish", "Clip": "clip", "MaxPool": "max_pool", "AveragePool": "average_pool",
    "GlobalAveragePool": "global_average_pool", "GlobalMaxPool": "global_max_pool", "LRN": "lrn", "Dropout": "dropout",
    "Flatten": "flatten", "Gemm": "dense", "MatMul": "dense", "Softmax": "softmax", "LogSoftmax": "softmax",
    "Add": "add", "Mul": "mul", "Concat": "concat", "Pad": "pad",
}  # fmt: skip

_GLOBAL: dict[str, Kind] = {"ReduceMean": "global_average_pool", "ReduceMax": "global_max_pool"}
"""What these are where they leave one value for each channel of a map; PyTorch exports its global poolings so."""

_PREPARING = {"Cast", "Sub", "Div", "Mul", "Add", "Transpose", "Identity"}
"""Operators that, at the very front and with constants, bring pixels into the form that the first layer takes."""

_SPATIAL = {"Conv", "MaxPool", "AveragePool"}
_WITH_PARAMETERS = {"Conv", "ConvTranspose", "BatchNormalization", "Gemm", "MatMul", "PRelu", "Add", "Mul"}
_WITHOUT_PLACE: set[Kind] = {"flatten", "dense", "softmax", "global_average_pool", "global_max_pool", "conv_transpose"}
"""Kinds whose output values no longer stand for a window of the picture."""


@dataclass(frozen=True)
class _Graph:
    """What the layers are read from."""

    nodes: list[NodeProto]
    """Those on the way from the picture to the scores, in order."""
    picture: str
    shapes: dict[str, list[int]]
    """By value, without the batch dimension; 0 where the file leaves a size open."""
    constants: dict[str, list[int]]
    """Shapes of the weights and other fixed tensors."""


def read_layers(model: onnx.ModelProto) -> list[Layer]:
    """The layer table, in the order of computation.

    Args:
        model: an ONNX classifier with one input, the picture.
    """
    graph = _read(model)
    front = _preprocessing(graph)
    names = _names(graph.nodes[len(front) :])
    layers: list[Layer] = []
    made_by: dict[str, str] = {graph.picture: INPUT}
    views: dict[str, View | None] = {graph.picture: PICTURE}
    if front:
        layers.append(_preprocessing_layer(front, graph))
        for node in front:
            made_by[node.output[0]], views[node.output[0]] = layers[0].name, PICTURE
    for node, name in zip(graph.nodes[len(front) :], names, strict=True):
        layer = _layer(node, name, graph, made_by, views)
        layers.append(layer)
        for output in node.output:
            made_by[output] = name
    return layers


def with_layer_outputs(model: onnx.ModelProto, layers: list[Layer]) -> onnx.ModelProto:
    """A copy of the graph in which every layer's tensor is an output."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    present = {output.name for output in tapped.graph.output}
    for layer in layers:
        if layer.tensor not in present:
            tapped.graph.output.append(onnx.helper.make_empty_tensor_value_info(layer.tensor))
            present.add(layer.tensor)
    return tapped


def _read(model: onnx.ModelProto) -> _Graph:
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    constants = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            constants[node.output[0]] = list(node.attribute[0].t.dims)
    picture = next(value.name for value in graph.input if value.name not in constants)
    shapes = {}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        shapes[value.name] = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim][1:]
    return _Graph(list(_on_the_way(graph, picture)), picture, shapes, constants)


def _on_the_way(graph: onnx.GraphProto, picture: str) -> Iterator[NodeProto]:
    """The nodes whose values come from the picture's values, not merely from its shape."""
    carried = {picture}
    for node in graph.node:
        if node.op_type not in {"Shape", "Size"} and carried.intersection(node.input):
            carried.update(node.output)
            yield node


def _preprocessing(graph: _Graph) -> list[NodeProto]:
    """The chain of preparing operators that the picture goes through before anything else reads it."""
    chain: list[NodeProto] = []
    value = graph.picture
    for node in graph.nodes:
        others = [name for name in node.input if name != value]
        if node.op_type not in _PREPARING or value not in node.input or not graph.constants.keys() >= set(others):
            break
        chain.append(node)
        value = node.output[0]
    return chain


def _preprocessing_layer(front: list[NodeProto], graph: _Graph) -> Layer:
    output = front[-1].output[0]
    return Layer(
        name="preprocessing",
        kind="preprocessing",
        operator=" + ".join(node.op_type for node in front),
        inputs=[INPUT],
        input_shapes=[graph.shapes.get(graph.picture, [])],
        output_shape=graph.shapes.get(output, []),
        parameters=0,
        macs=0,
        receptive_field=list(PICTURE.receptive_field),
        jump=list(PICTURE.jump),
        attributes={},
        tensor=output,
    )


def _layer(node: NodeProto, name: str, graph: _Graph, made_by: dict[str, str], views: dict[str, View | None]) -> Layer:
    sources = [value for value in node.input if value in made_by]
    kind = _kind(node, graph)
    attributes = _attributes(node, graph)
    view = _view(node, kind, attributes, [views[value] for value in sources])
    views.update(dict.fromkeys(node.output, view))
    return Layer(
        name=name,
        kind=kind,
        operator=node.op_type,
        inputs=[made_by[value] for value in sources],
        input_shapes=[graph.shapes.get(value, []) for value in sources],
        output_shape=graph.shapes.get(node.output[0], []),
        parameters=_parameters(node, graph),
        macs=_macs(node, graph, sources),
        receptive_field=list(view.receptive_field) if view else None,
        jump=list(view.jump) if view else None,
        attributes=attributes,
        tensor=node.output[0],
    )


def _kind(node: NodeProto, graph: _Graph) -> Kind:
    """From the operator alone; two of them mean different things in different shapes."""
    before, after = graph.shapes.get(node.input[0], []), graph.shapes.get(node.output[0], [])
    if node.op_type == "Reshape" and len(before) > 1 and len(after) == 1:
        return "flatten"
    if node.op_type in _GLOBAL and len(before) == 3 and prod(after) == before[0]:
        return _GLOBAL[node.op_type]
    return _KINDS.get(node.op_type, "other")


def _attributes(node: NodeProto, graph: _Graph) -> dict[str, Attribute]:
    """The operator's numbers and words, with ONNX's defaults filled in for windowed operators."""
    attributes: dict[str, Attribute] = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            attributes[attribute.name] = value.decode()
        elif isinstance(value, int | float):
            attributes[attribute.name] = value
        elif isinstance(value, list) and all(isinstance(item, int | float) for item in value):
            attributes[attribute.name] = list(value)
    if node.op_type in {*_SPATIAL, "ConvTranspose"}:
        if node.op_type.startswith("Conv") and "kernel_shape" not in attributes:
            attributes["kernel_shape"] = graph.constants[node.input[1]][2:]
        attributes = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], **attributes}
    return attributes


def _view(node: NodeProto, kind: Kind, attributes: dict[str, Attribute], sources: list[View | None]) -> View | None:
    if kind in _WITHOUT_PLACE or not sources:
        return None
    known = [view for view in sources if view is not None]
    if len(known) != len(sources):
        return None
    view = widest(known)
    return look_through(view, _window(attributes)) if node.op_type in _SPATIAL else view


def _window(attributes: dict[str, Attribute]) -> Window:
    def pair(name: str) -> tuple[int, int]:
        value = attributes[name]
        if not isinstance(value, list) or len(value) != 2:
            return (1, 1)  # not two-dimensional: no window of a picture
        return int(value[0]), int(value[1])

    return Window(kernel=pair("kernel_shape"), stride=pair("strides"), dilation=pair("dilations"))


def _parameters(node: NodeProto, graph: _Graph) -> int:
    if node.op_type not in _WITH_PARAMETERS:
        return 0
    # BatchNormalization's last two inputs are running statistics: measured, not trained.
    weights = node.input[:3] if node.op_type == "BatchNormalization" else node.input
    return sum(prod(graph.constants[value]) for value in weights if value in graph.constants)


def _macs(node: NodeProto, graph: _Graph, sources: list[str]) -> int:
    weights = [graph.constants[value] for value in node.input[1:2] if value in graph.constants]
    if not weights:
        return 0
    match node.op_type:
        case "Conv":
            return convolution_macs(weights[0], graph.shapes.get(node.output[0], [])[1:])
        case "ConvTranspose":
            return convolution_macs(weights[0], graph.shapes.get(sources[0], [])[1:])
        case "Gemm" | "MatMul":
            return prod(weights[0])
    return 0


def _names(nodes: list[NodeProto]) -> list[str]:
    """A name for each node: its module path, with the operator added where several nodes share one."""
    paths = [_module_path(node) for node in nodes]
    shared = Counter(path for path in paths if path)
    names: list[str] = []
    for node, path in zip(nodes, paths, strict=True):
        if path and shared[path] == 1:
            name = path
        elif path:
            name = f"{path}.{node.op_type.lower()}"
        else:
            name = node.name or node.output[0]
        names.append(_unused(name, names))
    return names


def _module_path(node: NodeProto) -> str:
    """Where in the PyTorch module tree a node comes from, as its exporter noted it; empty where it didn't.

    The note is the repr of a list of scopes from the outermost in, the last of them the operation itself:
    `['', 'features', 'features.conv1', 'conv2d']`.
    """
    notes = [entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
    if not notes:
        return ""
    try:
        scopes = ast.literal_eval(notes[0])
    except (ValueError, SyntaxError):
        return ""
    return str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""


def _unused(name: str, used: list[str]) -> str:
    """The name itself, or with the first number that makes it unique."""
    number, candidate = 2, name
    while candidate in used or candidate == INPUT:
        candidate = f"{name}_{number}"
        number += 1
    return candidate
