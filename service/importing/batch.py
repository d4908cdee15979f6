"""Turns a graph made for a fixed number of pictures into one for any number, where the number is only written down.

Exporters that are given one example picture write its batch size into shapes. What is rewritten here is tried
afterwards, with one picture and with three: where an operator really needs the number, the answers give it away.
"""

from collections.abc import Callable

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference

from service.importing.values import all_names, integers, replace_nodes, unused
from service.inspection.dataflow import opset_of


def free_batch(model: ModelProto, batch: int) -> int:
    """Take the number of pictures out of Reshape, Squeeze, Expand and Resize.

    Args:
        model: changed in place.
        batch: the number that is written into it.

    Returns:
        How many operators were rewritten.
    """
    work = _Rewriting(model, batch)
    rewrite: dict[str, Callable[[NodeProto], list[NodeProto]]] = {
        "Reshape": work.reshape, "Squeeze": work.squeeze, "Expand": work.sizes, "Resize": work.sizes,
    }  # fmt: skip
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        nodes += rewrite[node.op_type](node) if node.op_type in rewrite else [node]
    replace_nodes(model.graph, nodes)
    del model.graph.value_info[:]
    return work.count


class _Rewriting:
    def __init__(self, model: ModelProto, batch: int) -> None:
        self.count = 0
        self._model = model
        self._batch = batch
        self._taken = all_names(model.graph)
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        self._shapes = {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            for value in (*inferred.value_info, *inferred.input, *inferred.output)
        }

    def reshape(self, node: NodeProto) -> list[NodeProto]:
        """[1, 256] -> [0, 256]: 0 stands for the size that is there."""
        shape = integers(self._model, node.input[1]) if len(node.input) > 1 else None
        if shape and len(shape) == 1 and self._batch == 1:
            shape = [1, -1]  # the batch was dropped: it is kept
        if not shape or shape[0] != self._batch or len(shape) < 2:
            return [node]
        free = 0
        for attribute in [entry for entry in node.attribute if entry.name == "allowzero"]:
            free = -1 if attribute.i and -1 not in shape else 0
            if not free:
                node.attribute.remove(attribute)
        node.input[1] = self._weight([free, *shape[1:]])
        self.count += 1
        return [node]

    def squeeze(self, node: NodeProto) -> list[NodeProto]:
        """Without axes, or with the batch among them, it drops a batch of 1."""
        is_attribute = opset_of(self._model) < 13
        axes = next((list(entry.ints) for entry in node.attribute if entry.name == "axes"), None)
        if not is_attribute and len(node.input) > 1 and node.input[1]:
            axes = integers(self._model, node.input[1])
        shape = self._shapes.get(node.input[0], [])
        if axes is None:
            axes = [axis for axis, size in enumerate(shape) if size == 1]
        kept = [axis for axis in axes if axis % max(len(shape), 1) != 0]
        if not shape or ((kept == axes and 0 not in axes) and (node.attribute or len(node.input) > 1)):
            return [node]
        self.count += 1
        if not kept:
            return [helper.make_node("Identity", [node.input[0]], list(node.output), name=node.name)]
        if is_attribute:
            return [helper.make_node("Squeeze", [node.input[0]], list(node.output), name=node.name, axes=kept)]
        return [helper.make_node("Squeeze", [node.input[0], self._weight(kept)], list(node.output), name=node.name)]

    def sizes(self, node: NodeProto) -> list[NodeProto]:
        """Sizes that are written out become those of the picture's own batch and the rest."""
        place = 1 if node.op_type == "Expand" else 3
        sizes = integers(self._model, node.input[place]) if len(node.input) > place else None
        if not sizes or sizes[0] != self._batch or len(sizes) < 2:
            return [node]
        stem = node.name or node.output[0]
        shape, first, joined = (self._name(f"{stem}.{part}") for part in ("shape", "batch", "sizes"))
        made = [
            helper.make_node("Shape", [node.input[0]], [shape], name=shape),
            helper.make_node("Gather", [shape, self._weight([0])], [first], name=first, axis=0),
            helper.make_node("Concat", [first, self._weight(sizes[1:])], [joined], name=joined, axis=0),
        ]
        node.input[place] = joined
        self.count += 1
        return [*made, node]

    def _weight(self, numbers: list[int]) -> str:
        name = self._name("batch.shape")
        self._model.graph.initializer.append(numpy_helper.from_array(np.array(numbers, np.int64), name))
        return name

    def _name(self, wanted: str) -> str:
        name = unused(wanted, self._taken)
        self._taken.add(name)
        return name
