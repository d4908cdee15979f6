"""Turns a graph that takes numbers of its own kind into one that takes pixels, by operators in front of it.

pixels, uint8 (n, h, w, c) -> Cast -> Transpose -> channels' order -> · scale -> - mean -> / std -> the graph

Channels come first before anything is computed of them, and go last again where the graph wants them there: onnxruntime
spreads a number per channel over a plane at once, but over the last dimension a pixel at a time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.contract import PIXELS
from service.engine import Pixels
from service.importing.options import Normalisation
from service.importing.picture import PictureForm, follow
from service.importing.session import Array
from service.importing.values import all_names, integers, rename, replace_nodes, unused

NAME = "preprocessing"
"""What the nodes in front are called, with their operator behind it."""


_ELEMENTWISE = {"Cast", "Sub", "Div", "Mul", "Add", "Identity"}
"""What a file may have in front of that Reshape itself."""


def attach_preprocessing(model: ModelProto, form: PictureForm, normalisation: Normalisation) -> None:
    """Put the steps in front of a graph, whose only input is `pixels` then, uint8 (n, h, w, c) with n open."""
    graph = model.graph
    _spell_transpose(model, form)
    steps = _Steps(graph)
    arithmetic = [] if form.element == TensorProto.UINT8 else _arithmetic(normalisation)
    in_planes = form.layout == "nchw" or any(operand.size > 1 for _, operand in arithmetic)
    if form.element != TensorProto.UINT8:
        steps.add("Cast", to=TensorProto.FLOAT)
    if in_planes:
        steps.add("Transpose", perm=[0, 3, 1, 2])
    if indices := _order(form):
        steps.add("Gather", np.array(indices, np.int64), axis=1 if in_planes else 3)
    for operator, operand in arithmetic:
        steps.add(operator, operand.reshape(-1, 1, 1) if operand.size > 1 else operand)
    if in_planes and form.layout == "nhwc":
        steps.add("Transpose", perm=[0, 2, 3, 1])
    if form.element not in {TensorProto.UINT8, TensorProto.FLOAT}:
        steps.add("Cast", to=form.element)
    steps.attach(form.name)
    shape: list[str | int | None] = ["n", form.height, form.width, form.pixel_channels]
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, shape))
    del graph.value_info[:]  # their batch may be a number


def prepare(pixels: Pixels, form: PictureForm, normalisation: Normalisation) -> Array:
    """The same in NumPy: what the file as it came has to be given, to see whether both answer alike.

    Args:
        pixels: (n, h, w, c) uint8.
        form: of the file's input.
        normalisation: into the network's units.

    Returns:
        (n, …) in the file's layout and type.
    """
    values: NDArray[np.generic] = pixels
    if indices := _order(form):
        values = values[..., indices]
    if form.element != TensorProto.UINT8:
        values = values.astype(np.float32)
        number = {"Mul": np.multiply, "Div": np.divide, "Sub": np.subtract}
        for operator, operand in _arithmetic(normalisation):
            values = number[operator](values, operand)
        values = values.astype(helper.tensor_dtype_to_np_dtype(form.element))
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if form.layout == "nchw" else values)


def _spell_transpose(model: ModelProto, form: PictureForm) -> None:
    """Make a Transpose again of the Reshape that tf2onnx writes for it, channels to the front, where there is one only.

    So what lies in front of the first layer is known for what it is: preprocessing.
    """
    target = [1, form.height, form.width]
    for node in follow(model, form.name) if form.layout == "nhwc" and form.channels == 1 else ():
        if node.op_type == "Reshape" and (integers(model, node.input[1]) or [])[1:] == target:
            del node.input[1:]
            node.op_type = "Transpose"
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("perm", [0, 3, 1, 2]))
            return
        if node.op_type not in _ELEMENTWISE:
            return


def _order(form: PictureForm) -> list[int]:
    """Which of the pixels' channels become the network's; empty: they are the same."""
    if form.order == "bgr":
        return [2, 1, 0]
    return [0] * form.channels if form.pixel_channels < form.channels else []


def _arithmetic(normalisation: Normalisation) -> list[tuple[str, NDArray[np.float32]]]:
    """The operators that are needed, each with its operand: () where it is the same for all channels, else (c,)."""
    steps: list[tuple[str, NDArray[np.float32]]] = []
    if normalisation.divisor:
        # PyTorch's ToTensor divides by 255; multiplying by 1/255 would be off by a last bit.
        steps.append(("Div", np.array(normalisation.divisor, np.float32)))
    elif normalisation.scale != 1:
        steps.append(("Mul", np.array(normalisation.scale, np.float32)))
    if set(normalisation.mean) != {0}:
        steps.append(("Sub", _operand(normalisation.mean)))
    if set(normalisation.std) != {1}:
        steps.append(("Div", _operand(normalisation.std)))
    return steps


def _operand(numbers: Sequence[float]) -> NDArray[np.float32]:
    return np.array(numbers[0] if len(set(numbers)) == 1 else numbers, np.float32)


class _Steps:
    """A chain of nodes from the pixels on."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._nodes: list[NodeProto] = []
        self._taken = all_names(graph) | {PIXELS}
        self._value = PIXELS

    def add(self, operator: str, operand: Array | None = None, **attributes: Any) -> None:  # noqa: ANN401 - each operator has its own
        inputs = [self._value]
        if operand is not None:
            inputs.append(self._name(f"{NAME}.{operator.lower()}.operand"))
            self._graph.initializer.append(numpy_helper.from_array(operand, inputs[1]))
        self._value = self._name(f"{NAME}.{operator.lower()}")
        self._nodes.append(helper.make_node(operator, inputs, [self._value], name=self._value, **attributes))

    def attach(self, name: str) -> None:
        """Let the graph read the end of the chain where it read its input."""
        nodes = self._nodes
        if nodes:
            nodes[-1].output[0] = name
        else:
            rename(self._graph, {name: PIXELS})
        replace_nodes(self._graph, [*nodes, *self._graph.node])

    def _name(self, wanted: str) -> str:
        name = unused(wanted, self._taken)
        self._taken.add(name)
        return name
