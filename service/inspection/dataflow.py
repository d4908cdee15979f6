"""Turns an ONNX file into what flows through it: nodes from the picture to the scores, their shapes, the weights."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference

from service.engine import Provider, load_session
from service.errand import run

FixedValue = NDArray[Any]
"""A weight, or another value that is the same for every picture."""

Shape = list[int]
"""Without the batch dimension; 0 stands for a size that the file leaves open."""


class FixedValues(Mapping[str, FixedValue]):
    """Weights and other fixed tensors by value name, read from the file each time: a large network is held once."""

    def __init__(self, tensors: Mapping[str, TensorProto]) -> None:
        self._tensors = tensors

    def __getitem__(self, value: str) -> FixedValue:
        """The tensor; not to be written to."""
        return numpy_helper.to_array(self._tensors[value])

    def __contains__(self, value: object) -> bool:
        return value in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def shape(self, value: str) -> list[int]:
        """All of its dimensions."""
        return list(self._tensors[value].dims)


@dataclass(frozen=True)
class Dataflow:
    """What one picture's values pass through. Made by `read_dataflow`."""

    model: onnx.ModelProto
    picture: str
    """The value that the pixels are fed to."""
    nodes: Sequence[NodeProto]
    """Those on the way from the picture to the scores, in the order of computation."""
    shapes: Mapping[str, Shape]
    """By value."""
    fixed: FixedValues

    @cached_property
    def makers(self) -> Mapping[str, NodeProto]:
        """The node that makes a value, by value."""
        return {output: node for node in self.nodes for output in node.output}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """By value, the position of the node that makes it."""
        return {output: place for place, node in enumerate(self.nodes) for output in node.output}

    @cached_property
    def readers(self) -> Mapping[str, Sequence[NodeProto]]:
        """The nodes that read a value, by value."""
        readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for value in dict.fromkeys(node.input):
                readers[value].append(node)
        return readers

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The values that the graph gives."""
        return frozenset(output.name for output in self.model.graph.output)

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators in this file."""
        return opset_of(self.model)

    def carried(self, node: NodeProto) -> list[str]:
        """A node's inputs that come from the picture."""
        return [value for value in node.input if value == self.picture or value in self.makers]


def read_dataflow(model: onnx.ModelProto) -> Dataflow:
    """Find the way of the picture through a graph.

    Args:
        model: an ONNX classifier with one input, the picture; the batch is the first dimension of all values.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    picture = next(value.name for value in model.graph.input if value.name not in tensors)
    nodes = list(_on_the_way(model.graph, picture))
    tensors |= _fold(model, tensors, nodes)
    return Dataflow(model, picture, nodes, _shapes(model, picture, nodes), FixedValues(tensors))


def opset_of(model: onnx.ModelProto) -> int:
    """Version of ONNX's own operators; 1 where the file says none."""
    return next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 1)


def tap(model: onnx.ModelProto, values: Sequence[str]) -> onnx.ModelProto:
    """A copy of the graph that gives these values too."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    present = {output.name for output in tapped.graph.output}
    for value in dict.fromkeys(values):
        if value not in present:
            tapped.graph.output.append(helper.make_empty_tensor_value_info(value))
    return tapped


def _on_the_way(graph: onnx.GraphProto, picture: str) -> Iterator[NodeProto]:
    """The nodes whose values come from the picture's values, not merely from its shape."""
    carried = {picture}
    for node in graph.node:
        if node.op_type not in {"Shape", "Size"} and carried.intersection(node.input):
            carried.update(output for output in node.output if output)
            yield node


def _fold(
    model: onnx.ModelProto, tensors: Mapping[str, TensorProto], nodes: Sequence[NodeProto]
) -> dict[str, TensorProto]:
    """Constants, and what is computed from nothing but constants, as far as the nodes read it."""
    carrying = {output for node in nodes for output in node.output}
    fixed, folding, folded = set(tensors), [], {}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            folded[node.output[0]] = node.attribute[0].t
        elif carrying.isdisjoint(node.output) and fixed.issuperset(filter(None, node.input)):
            folding.append(node)
        else:
            continue
        fixed.update(node.output)
    computed = {output for node in folding for output in node.output}
    wanted = sorted({value for node in nodes for value in node.input if value in computed})
    if wanted:
        folded |= _compute(model, folding, [*tensors.values(), *_named(folded)], wanted)
    return folded


def _named(constants: Mapping[str, TensorProto]) -> Iterator[TensorProto]:
    """The tensors of Constant nodes under the names of the values that they make."""
    for name, tensor in constants.items():
        copy = TensorProto()
        copy.CopyFrom(tensor)
        copy.name = name
        yield copy


def _compute(
    model: onnx.ModelProto, nodes: Sequence[NodeProto], tensors: Sequence[TensorProto], wanted: Sequence[str]
) -> dict[str, TensorProto]:
    read = {value for node in nodes for value in node.input}
    graph = helper.make_graph(
        nodes, "fixed", [], [helper.make_empty_tensor_value_info(value) for value in wanted],
        [tensor for tensor in tensors if tensor.name in read],
    )  # fmt: skip
    part = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    arrays = run_once(part, {}, wanted)
    return {value: numpy_helper.from_array(array, value) for value, array in zip(wanted, arrays, strict=True)}


def _shapes(model: onnx.ModelProto, picture: str, nodes: Sequence[NodeProto]) -> dict[str, Shape]:
    """From the file; from a run on one black picture where it leaves one open, or inference is known to err."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        if not value.type.tensor_type.HasField("shape"):
            continue
        shapes[value.name] = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim][1:]
    made = [output for node in nodes for output in node.output if output]
    doubtful = any(_is_doubtful(attribute) for node in nodes for attribute in node.attribute)
    unclear = [value for value in made if doubtful or not all(shapes.get(value, [0]))]
    entry = next(value for value in graph.input if value.name == picture).type.tensor_type
    if unclear and all(shapes[picture]):
        black = np.zeros((1, *shapes[picture]), helper.tensor_dtype_to_np_dtype(entry.elem_type))
        arrays = run_once(tap(model, unclear), {picture: black}, unclear)
        shapes |= {value: list(array.shape[1:]) for value, array in zip(unclear, arrays, strict=True)}
    return shapes


def _is_doubtful(attribute: AttributeProto) -> bool:
    """Whether it is one with which ONNX's shape inference and onnxruntime don't always agree."""
    match attribute.name:
        case "ceil_mode":
            return attribute.i == 1
        case "auto_pad":
            return attribute.s not in {b"", b"NOTSET"}
    return attribute.name == "output_shape"


def run_once(model: onnx.ModelProto, feeds: Mapping[str, FixedValue], wanted: Sequence[str]) -> list[FixedValue]:
    """Run a graph for what can be learnt of it, not for a request: on the CPU, one thread, as it stands.

    Raises:
        ModelRefused: onnxruntime can't load it.
    """
    content = model.SerializeToString()
    session = load_session(model.graph.name, content, Provider.CPU, threads=1, optimised=False)
    outputs: list[FixedValue] = run(session, wanted, feeds)
    return outputs
