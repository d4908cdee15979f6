"""Turns the bytes of an ONNX file into a verdict, before anything is loaded of it: fit, or the rule that it breaks.

The file may come from someone else. Loaded, it could read other files of the machine, run for ever, or take all memory;
what of that can be told by looking at it is refused here. Nothing is run.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import prod

import onnx
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, shape_inference

from service.choices import MOST_BYTES as MOST_BYTES  # noqa: PLC0414 - also to be had here
from service.errors import UnfitGraph

STANDARD = {"", "ai.onnx"}
_KNOWN = STANDARD | {"com.microsoft"}
"""ONNX's own operators, and onnxruntime's, which every onnxruntime has."""

_ENDLESS = {"Loop", "Scan", "SequenceMap"}
"""Operators that may go on for as long as their data says."""

_ELSEWHERE = {("com.microsoft", "EPContext")}
"""Operators that load files."""

_MOST_NODES = 20_000
"""Local functions written out; networks of pictures have hundreds."""

_MOST_DEPTH = 16
"""Of graphs within graphs, and of functions that call functions."""

_MOST_VALUE = 2**29
"""Bytes of one value, for one picture."""

_LIGHT = 4096
"""Bytes up to which a tensor may say a shape, and so is needed to tell the values' sizes."""

_WIDEST = 8
"""Bytes of numbers that one byte of a file can stand for: an int64 of one digit."""

Functions = Mapping[tuple[str, str], FunctionProto]


def judge_file(name: str, content: bytes, most_bytes: int = MOST_BYTES) -> None:
    """Hold a file of a version against the rules.

    Args:
        name: of the file, for messages.
        content: all of it.
        most_bytes: that it may have.

    Raises:
        UnfitGraph: it breaks one.
    """
    check_size(name, len(content), most_bytes)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own, which depends on how it is built
        raise UnfitGraph(name, "it is an ONNX file", "its bytes can't be read as one") from error
    judge_parts(name, model, len(content))
    judge_values(name, model)


def judge_parts(name: str, model: ModelProto, size: int) -> None:
    """Hold what a graph is made of against the rules.

    Args:
        name: of the file, for messages.
        model: as it was read.
        size: bytes of the file.

    Raises:
        UnfitGraph: it breaks one.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    _check_nodes(name, model, functions)
    for tensor in _tensors(name, model):
        _check_tensor(name, tensor, size)


def judge_values(name: str, model: ModelProto) -> None:
    """Refuse values that take absurd memory, as far as the file lets it be told; sizes left open count as 1.

    Raises:
        UnfitGraph: there is one.
    """
    light = ModelProto()
    light.CopyFrom(model)
    for tensor in light.graph.initializer:
        if len(tensor.raw_data) > _LIGHT:
            tensor.ClearField("raw_data")
    try:
        graph = shape_inference.infer_shapes(light, data_prop=True).graph
    except Exception:  # noqa: BLE001 - what is wrong with it, onnxruntime says when it is loaded
        return
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        shape = [dimension.dim_value or 1 for dimension in kind.shape.dim]
        if prod(shape) * _width(kind.elem_type) > _MOST_VALUE:
            raise UnfitGraph(
                name, f"no value of more than {_MOST_VALUE:,} bytes", f"{value.name!r} has the shape {shape}"
            )


def check_size(name: str, size: int, most: int) -> None:
    """Refuse a file for its size, before it is read.

    Raises:
        UnfitGraph: it is too large.
    """
    if size > most:
        raise UnfitGraph(
            name, f"at most {most:,} bytes", f"it has {size:,} (CONVSCOPE_MAX_MODEL_BYTES sets how many it may have)"
        )


def _check_nodes(name: str, model: ModelProto, functions: Functions) -> None:
    count, foreign = 0, {}
    for node in _all_nodes(name, model):
        count += _count(name, node, functions, ())
        if count > _MOST_NODES:
            raise UnfitGraph(name, f"at most {_MOST_NODES:,} nodes", "it has more, its functions written out")
        if node.op_type in _ENDLESS and node.domain in STANDARD:
            raise UnfitGraph(name, "no loops", f"node {node.name!r} is a {node.op_type}, which may never end",
                             is_about_operators=True)  # fmt: skip
        if (node.domain, node.op_type) in _ELSEWHERE:
            raise UnfitGraph(name, "no other files", f"node {node.name!r} is a {node.op_type}, which loads one",
                             is_about_operators=True)  # fmt: skip
        if node.domain not in _KNOWN and (node.domain, node.op_type) not in functions:
            foreign[node.op_type] = node.domain
    if foreign:
        operators, domains = sorted(foreign), sorted(set(foreign.values()))
        raise UnfitGraph(
            name,
            "no operators of one's own",
            f"it needs {', '.join(operators)} of {', '.join(map(repr, domains))}: only ONNX's own operators for tensors"
            " and onnxruntime's (com.microsoft) are supported",
            is_about_operators=True,
        )


def _count(name: str, node: NodeProto, functions: Functions, within: tuple[tuple[str, str], ...]) -> int:
    """How many nodes a node stands for; counting ends with the limit."""
    key = (node.domain, node.op_type)
    if key not in functions:
        return 1
    if len(within) > _MOST_DEPTH or key in within:
        raise UnfitGraph(
            name, "no loops", f"its function {node.op_type!r} calls itself, or is one of too many within each other"
        )
    count = 1
    for inner in _nodes_of(functions[key].node):
        count += _count(name, inner, functions, (*within, key))
        if count > _MOST_NODES:
            break
    return count


def _all_nodes(name: str, model: ModelProto) -> Iterator[NodeProto]:
    yield from _nodes_of(model.graph.node, name)
    for function in model.functions:
        yield from _nodes_of(function.node, name)


def _nodes_of(nodes: Iterable[NodeProto], name: str = "", depth: int = 0) -> Iterator[NodeProto]:
    """The nodes, and those of the graphs in them, the branches of an If for example."""
    if depth > _MOST_DEPTH:
        raise UnfitGraph(name, f"at most {_MOST_DEPTH} graphs within each other", "it has more")
    for node in nodes:
        yield node
        for graph in _graphs_of(node):
            yield from _nodes_of(graph.node, name, depth + 1)


def _graphs_of(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH or attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(name: str, model: ModelProto) -> Iterator[TensorProto]:
    """Everything that is a number of the file rather than computed."""
    nodes = list(_all_nodes(name, model))
    for graph in (model.graph, *(graph for node in nodes for graph in _graphs_of(node))):
        yield from graph.initializer
        if graph.sparse_initializer:
            raise UnfitGraph(name, "no sparse tensors", f"it has {len(graph.sparse_initializer)}")
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise UnfitGraph(name, "no sparse tensors", f"node {node.name!r} has one")
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_tensor(name: str, tensor: TensorProto, size: int) -> None:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        raise UnfitGraph(name, "all weights inside the file", f"those of {tensor.name!r} are in {location!r}")
    if min(tensor.dims, default=0) < 0 or prod(tensor.dims) > _WIDEST * size:
        raise UnfitGraph(
            name, "weights as many as the file holds", f"{tensor.name!r} is said to be of shape {list(tensor.dims)}"
        )


def _width(kind: int) -> int:
    """Bytes of a number; texts and types that are not known yet count as 1."""
    try:
        return helper.tensor_dtype_to_np_dtype(kind).itemsize
    except (KeyError, TypeError, ValueError):
        return 1
