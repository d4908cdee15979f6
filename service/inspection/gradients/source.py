"""Turns an ONNX file of any opset into nodes of a recent one, and its weights beside them.

Weights are kept out of what is converted and inferred: that copies a graph several times, and they are large.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, inliner, version_converter

from service.inspection.errors import NotDifferentiable

OPSET = 18
"""The oldest version of ONNX's operators that the rules write and read; older graphs are converted to it.

From 18 on all reductions take their axes as an input, and ScatterElements can add.
"""

_LARGE = 4096
"""Weights of more numbers are set aside: no shape and no index is that long."""

_STANDARD = {"", "ai.onnx"}


@dataclass(frozen=True)
class Source:
    """A graph to differentiate. Made by `read_source`."""

    nodes: Sequence[NodeProto]
    """In the order of computation; copies, that may be changed."""
    inputs: Sequence[ValueInfoProto]
    """What is fed, without the weights that old files list there."""
    weights: Mapping[str, TensorProto]
    """By name; not copies."""
    known: Sequence[ValueInfoProto]
    """Types and shapes that the file tells."""
    opsets: Mapping[str, int]
    """By domain."""
    ir_version: int

    def skeleton(self, outputs: Sequence[str] = ()) -> onnx.ModelProto:
        """The graph with its large weights as inputs."""
        large = [tensor for tensor in self.weights.values() if _is_large(tensor)]
        named = [helper.make_tensor_value_info(each.name, each.data_type, list(each.dims)) for each in large]
        graph = helper.make_graph(
            self.nodes,
            "skeleton",
            [*self.inputs, *named],
            [helper.make_empty_tensor_value_info(value) for value in outputs],
            [tensor for tensor in self.weights.values() if not _is_large(tensor)],
            value_info=self.known,
        )
        return self.wrap(graph)

    def wrap(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        """A model of a graph in this one's opsets."""
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=self.ir_version)
        return model


def read_source(model: onnx.ModelProto) -> Source:
    """Take a graph apart.

    Raises:
        NotDifferentiable: it is of an opset that can't be converted.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    graph = model.graph
    opsets = {each.domain if each.domain not in _STANDARD else "": each.version for each in model.opset_import}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    outputs = [output.name for output in graph.output]
    source = Source(
        nodes=[_copy(node) for node in graph.node],
        inputs=[value for value in graph.input if value.name not in weights],
        weights=weights,
        known=[*graph.value_info, *graph.output],
        opsets=opsets,
        ir_version=max(model.ir_version, 8),
    )
    return source if opsets.get("", 1) >= OPSET else _convert(source, outputs)


def _convert(source: Source, outputs: Sequence[str]) -> Source:
    try:
        converted = version_converter.convert_version(source.skeleton(outputs), OPSET)
    except (RuntimeError, version_converter.ConvertError) as error:
        raise NotDifferentiable(
            f"the file is of ONNX opset {source.opsets.get('', 1)}, and can't be brought to {OPSET}: {error}"
        ) from error
    graph = converted.graph
    small = {tensor.name: tensor for tensor in graph.initializer}
    return Source(
        nodes=list(graph.node),
        inputs=source.inputs,
        weights={**small, **{name: tensor for name, tensor in source.weights.items() if _is_large(tensor)}},
        known=source.known,
        opsets={**source.opsets, "": OPSET},
        ir_version=source.ir_version,
    )


def _copy(node: NodeProto) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    if copy.domain in _STANDARD:
        copy.domain = ""
    return copy


def _is_large(tensor: TensorProto) -> bool:
    numbers: int = prod(tensor.dims)
    return numbers > _LARGE
