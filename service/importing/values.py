"""Turns a graph's values into others of the same meaning: new names, weights for what is computed from weights only."""

from collections.abc import Collection, Iterable, Mapping

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.importing.session import run_once

_NOT_FOLDED = {
    "DequantizeLinear", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial",
    "Bernoulli", "If", "Loop", "Scan",
}  # fmt: skip
"""Weights in 8 bits stay so: onnxruntime computes with them; chance stays chance, which the comparison refuses."""

_KEPT_NOTES = {"pkg.torch.onnx.name_scopes"}
"""The exporter's note on the PyTorch module that a node comes from; the others hold paths of the machine it ran on."""


def tidy(model: ModelProto, kept: Collection[str]) -> None:
    """Give each node a name, drop notes of the exporter's, make weights of what is computed from weights only.

    Args:
        model: changed in place.
        kept: values that have to stay there under their names, besides the outputs.
    """
    graph = model.graph
    _fold(model)
    _drop_identities(graph, {*kept, *(output.name for output in graph.output)})
    for node in graph.node:
        node.name = node.name or next(filter(None, node.output), node.op_type)
        node.doc_string = ""
        notes = [(entry.key, entry.value) for entry in node.metadata_props if entry.key in _KEPT_NOTES]
        del node.metadata_props[:]
        for key, value in notes:
            node.metadata_props.add(key=key, value=value)
    for noted in (model, graph, *graph.initializer, *graph.input, *graph.output):
        noted.doc_string = ""
        del noted.metadata_props[:]


def makers(graph: GraphProto) -> dict[str, NodeProto]:
    """The node that makes a value, by value."""
    return {output: node for node in graph.node for output in node.output if output}


def all_names(graph: GraphProto) -> set[str]:
    """Every name of a value, in the graphs inside of nodes too."""
    names = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    for node in graph.node:
        names.update(node.input, node.output)
        for inner in _inner(node):
            names |= all_names(inner)
    return names


def unused(name: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number that nothing has yet."""
    number, candidate = 2, name
    while candidate in taken:
        candidate = f"{name}_{number}"
        number += 1
    return candidate


def rename(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Give values other names, everywhere; the graphs inside of nodes see the outer ones."""
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for side in (node.input, node.output):
            for index, name in enumerate(side):
                side[index] = names.get(name, name)
        for inner in _inner(node):
            rename(inner, names)


def reads(node: NodeProto) -> set[str]:
    """The values that a node reads, those too that a graph inside of it takes from outside."""
    names = set(node.input)
    for inner in _inner(node):
        for each in inner.node:
            names |= reads(each)
        names |= {value.name for value in inner.output}
    return names


def drop_unneeded(graph: GraphProto) -> None:
    """Remove nodes and weights that no output depends on."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed |= reads(node)
            kept.append(node)
    replace_nodes(graph, reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    if len(weights) < len(graph.initializer):
        copies = [_copy(tensor) for tensor in weights]
        del graph.initializer[:]
        graph.initializer.extend(copies)


def replace_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    """Put these in place of the graph's nodes."""
    copies = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del graph.node[:]
    graph.node.extend(copies)


def integers(model: ModelProto, value: str) -> list[int] | None:
    """The numbers of a weight of whole numbers, a shape for example; None: it is no weight."""
    for tensor in model.graph.initializer:
        if tensor.name == value and tensor.data_type in {TensorProto.INT64, TensorProto.INT32}:
            return [int(number) for number in numpy_helper.to_array(tensor).ravel()]
    return None


def _drop_identities(graph: GraphProto, kept: Collection[str]) -> None:
    """Let nodes read what an Identity reads: it computes nothing, so it is no layer."""
    same: dict[str, str] = {}
    rest = []
    for node in graph.node:
        if node.op_type == "Identity" and node.domain in {"", "ai.onnx"} and node.output[0] not in kept:
            same[node.output[0]] = same.get(node.input[0], node.input[0])
        else:
            rest.append(node)
    if same:
        replace_nodes(graph, rest)
        rename(graph, same)


def _fold(model: ModelProto) -> None:
    """Compute once what depends on no picture: Constant, ConstantOfShape, a shape that is put together from numbers."""
    graph = model.graph
    fixed = {tensor.name for tensor in graph.initializer}
    folding: list[NodeProto] = []
    rest: list[NodeProto] = []
    for node in graph.node:
        is_fixed = reads(node) - {""} <= fixed and node.op_type not in _NOT_FOLDED
        (folding if is_fixed else rest).append(node)
        fixed.update(node.output if is_fixed else ())
    if not folding:
        return
    made = {output for node in folding for output in node.output if output}
    read = set().union(*(reads(node) for node in rest)) | {output.name for output in graph.output}
    wanted = sorted(made & read)
    if wanted:
        sources = set().union(*(reads(node) for node in folding))
        part = helper.make_model(
            helper.make_graph(
                folding, "fixed", [], [helper.make_empty_tensor_value_info(value) for value in wanted],
                [tensor for tensor in graph.initializer if tensor.name in sources],
            ),
            opset_imports=model.opset_import,
            ir_version=model.ir_version,
        )  # fmt: skip
        arrays = run_once(part, {}, wanted)
        graph.initializer.extend(
            numpy_helper.from_array(array, value) for value, array in zip(wanted, arrays, strict=True)
        )
    replace_nodes(graph, rest)


def _inner(node: NodeProto) -> list[GraphProto]:
    graphs = [attribute.g for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH]
    return graphs + [graph for attribute in node.attribute for graph in attribute.graphs]


def _copy(tensor: TensorProto) -> TensorProto:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    return copy
