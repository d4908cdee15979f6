"""Turns a graph into what is known of its values before a picture is seen: types, shapes, constants."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper, shape_inference

from service.inspection.dataflow import run_once
from service.inspection.errors import NotDifferentiable
from service.inspection.gradients.source import Source

Shape = tuple[int | None, ...]
"""None stands for a size that depends on the number of pictures."""

_BATCHES = (2, 3)
"""Numbers of pictures that are tried: a size that differs between them depends on it."""

_WITHOUT_VALUE = {"Shape", "Size"}
"""Operators that read no more than the shape of their input."""


@dataclass
class Facts:
    """What is known of the values of a graph. Made by `read_facts`."""

    source: Source
    types: Mapping[str, int]
    """`TensorProto.FLOAT` and the like, by value."""
    shapes: Mapping[str, Shape]
    """With the batch dimension, by value; some may be missing."""
    makers: Mapping[str, NodeProto]
    """The node that makes a value."""
    found: dict[str, NDArray[Any] | None] = field(default_factory=dict)
    """Constants that were worked out before, or that they are none."""

    def constant(self, value: str) -> NDArray[Any] | None:
        """What a value always is, whatever the picture and however many of them; None where it isn't constant."""
        if value in self.source.weights:
            array: NDArray[Any] = numpy_helper.to_array(self.source.weights[value])
            return array
        if value not in self.found:
            self.found[value] = self._work_out(value)
        return self.found[value]

    def _work_out(self, value: str) -> NDArray[Any] | None:
        """Compute it for two numbers of pictures: from weights and shapes alone, or not at all."""
        results = []
        for batch in _BATCHES:
            nodes = self._recipe(value, batch)
            if nodes is None:
                return None
            read = {name for node in nodes for name in node.input}
            graph = helper.make_graph(
                nodes,
                "constant",
                [],
                [helper.make_empty_tensor_value_info(value)],
                [tensor for name, tensor in self.source.weights.items() if name in read],
            )
            results.append(run_once(self.source.wrap(graph), {}, [value])[0])
        return results[0] if np.array_equal(results[0], results[1]) else None

    def _recipe(self, value: str, batch: int) -> list[NodeProto] | None:
        """The nodes that compute a value, shapes written out for so many pictures; None if it needs a picture."""
        nodes: dict[int, NodeProto] = {}

        def collect(name: str) -> bool:
            if not name or name in self.source.weights:
                return True
            node = self.makers.get(name)
            if node is None or any(attribute.HasField("g") for attribute in node.attribute):
                return False
            if id(node) not in nodes:
                replaced = self._written_out(node, batch) if node.op_type in _WITHOUT_VALUE else node
                if replaced is None or not all(collect(each) for each in replaced.input):
                    return False
                nodes[id(node)] = replaced
            return True

        return list(nodes.values()) if collect(value) else None

    def _written_out(self, node: NodeProto, batch: int) -> NodeProto | None:
        shape = self.shapes.get(node.input[0])
        if shape is None or None in shape[1:]:
            return None
        full = np.array([batch if size is None else size for size in shape], np.int64)
        array = np.array(full.prod()) if node.op_type == "Size" else full[between(node)]
        return helper.make_node("Constant", [], [node.output[0]], value=numpy_helper.from_array(array))


def between(node: NodeProto) -> slice:
    """The part of a shape that a Shape node gives."""
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return slice(bounds.get("start", 0), bounds.get("end"))


def read_facts(source: Source) -> Facts:
    """Learn what can be learnt of a graph's values: by inference, and of what that leaves open from two runs."""
    makers = {output: node for node in source.nodes for output in node.output if output}
    types, shapes, clear = _infer(source)
    if any(_is_overstretched(node, shapes) for node in source.nodes):
        clear = set()
    for name, tensor in source.weights.items():
        types[name], shapes[name] = tensor.data_type, tuple(tensor.dims)
    unclear = [value for value in makers if value not in clear]
    if unclear:
        for value, shape, kind in _try_out(source, unclear):
            shapes[value], types[value] = shape, kind
    return Facts(source, types, shapes, makers)


def _infer(source: Source) -> tuple[dict[str, int], dict[str, Shape], set[str]]:
    """Types and shapes, and the values of which they are certain.

    A size that has the name of an input's batch size is one; of another, nameless one nobody knows.
    """
    graph = shape_inference.infer_shapes(source.skeleton(), data_prop=True).graph
    batches = {value.type.tensor_type.shape.dim[0].dim_param for value in source.inputs if _dimensions(value)} - {""}
    types: dict[str, int] = {}
    shapes: dict[str, Shape] = {}
    clear = set()
    for value in [*graph.value_info, *graph.input]:
        kind = value.type.tensor_type
        types[value.name] = kind.elem_type
        if not kind.HasField("shape"):
            continue
        dimensions = list(kind.shape.dim)
        shapes[value.name] = tuple(each.dim_value if each.HasField("dim_value") else None for each in dimensions)
        if all(
            each.HasField("dim_value") or (not at and each.dim_param in batches) for at, each in enumerate(dimensions)
        ):
            clear.add(value.name)
    return types, shapes, clear


def _is_overstretched(node: NodeProto, shapes: Mapping[str, Shape]) -> bool:
    """Whether onnx infers a pooling window that lies wholly behind the map, which onnxruntime leaves out."""
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if not attributes.get("ceil_mode") or not node.op_type.endswith("Pool"):
        return False
    sizes, windows = (shapes.get(value, ())[2:] for value in (node.input[0], node.output[0]))
    strides, pads = attributes.get("strides", [1] * len(sizes)), attributes.get("pads", [0] * len(sizes))
    return any(
        size is None or count is None or (count - 1) * stride >= size + pad
        for size, count, stride, pad in zip(sizes, windows, strides, pads, strict=False)
    )


def _dimensions(value: onnx.ValueInfoProto) -> Sequence[onnx.TensorShapeProto.Dimension]:
    dimensions: Sequence[onnx.TensorShapeProto.Dimension] = value.type.tensor_type.shape.dim
    return dimensions


def _try_out(source: Source, values: Sequence[str]) -> Iterator[tuple[str, Shape, int]]:
    """Shapes and types of values by running the graph on black pictures."""
    if any(not each.HasField("dim_value") for value in source.inputs for each in _dimensions(value)[1:]):
        return  # nobody knows what size of picture to try
    nodes = needed_nodes(source.nodes, values)
    read = {name for node in nodes for name in reads(node)}
    graph = helper.make_graph(
        nodes,
        "trial",
        [value for value in source.inputs if value.name in read],
        [helper.make_empty_tensor_value_info(value) for value in values],
        [tensor for name, tensor in source.weights.items() if name in read],
    )
    model = source.wrap(graph)
    try:
        first, second = (run_once(model, _black(graph.input, batch), values) for batch in _BATCHES)
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise NotDifferentiable(f"the graph doesn't run on black pictures: {error}") from error
    for value, one, other in zip(values, first, second, strict=True):
        if isinstance(one, np.ndarray) and one.ndim == other.ndim:
            shape = tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
            yield value, shape, helper.np_dtype_to_tensor_dtype(one.dtype)


def _black(inputs: Sequence[onnx.ValueInfoProto], batch: int) -> dict[str, NDArray[Any]]:
    return {
        value.name: np.zeros(
            [each.dim_value if each.HasField("dim_value") else batch for each in _dimensions(value)],
            helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type),
        )
        for value in inputs
    }


def reads(node: NodeProto) -> Iterator[str]:
    """The values that a node reads, those inside of its branches and loops too."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from reads(inner)
            yield from (output.name for output in attribute.g.output)


def needed_nodes(nodes: Sequence[NodeProto], values: Sequence[str], fed: Sequence[str] = ()) -> list[NodeProto]:
    """The nodes that it takes to compute values, from those that are fed, in the order of computation."""
    wanted = set(values) - set(fed)
    needed = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            needed.append(node)
            wanted.update(value for value in reads(node) if value not in fed)
    return needed[::-1]
