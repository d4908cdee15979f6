"""Turns the nodes of a graph into its parts: several operators that are one thing to a person are one part."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from service.inspection.dataflow import Dataflow, run_once
from service.inspection.layer import Kind

_PREPARING = {"Cast", "Sub", "Div", "Mul", "Add", "Transpose", "Identity", "Gather"}
"""Operators that, at the very front and with constants, bring pixels into the form that the first layer takes."""

_ELEMENTWISE = {
    "Add", "Sub", "Mul", "Div", "Pow", "Sigmoid", "HardSigmoid", "Tanh", "Erf", "Clip", "Relu", "Softplus", "Min",
    "Max", "Sqrt", "Exp", "Neg",
}  # fmt: skip
"""What the activations that have no operator of their own are written with."""

_LONGEST = 10
"""Nodes of one activation, at most; GELU with tanh has eight."""


@dataclass(frozen=True)
class Part:
    """The nodes of one layer, in the order of computation."""

    nodes: tuple[NodeProto, ...]
    main: NodeProto
    """The one that says what it is: a convolution among convolution and bias, say."""
    kind: Kind | None = None
    """Where no single operator tells it."""

    @property
    def output(self) -> str:
        """The value that is the layer's output."""
        value: str = self.nodes[-1].output[0]
        return value


def group_nodes(flow: Dataflow) -> list[Part]:
    """The parts in the order of computation, each node in one."""
    front = _preprocessing(flow)
    parts = [Part(tuple(front), front[-1], "preprocessing")] if front else []
    taken = {id(node) for node in front}
    groups = {id(part.nodes[-1]): part for part in _find_groups(flow, flow.nodes[len(front) :])}
    taken |= {id(node) for part in groups.values() for node in part.nodes}
    for node in flow.nodes[len(front) :]:
        if id(node) in groups:
            parts.append(groups[id(node)])
        elif id(node) not in taken:
            parts.append(Part((node,), node))
    return parts


def _preprocessing(flow: Dataflow) -> list[NodeProto]:
    """The chain of preparing operators that the picture goes through before anything else reads it."""
    chain: list[NodeProto] = []
    value = flow.picture
    for node in flow.nodes:
        others = [name for name in node.input if name != value]
        if node.op_type not in _PREPARING or value not in node.input or not set(others) <= flow.fixed.keys():
            break
        if len(flow.readers[value]) > 1:
            break
        chain.append(node)
        value = node.output[0]
    return chain


def _find_groups(flow: Dataflow, nodes: Sequence[NodeProto]) -> Iterator[Part]:
    taken: set[int] = set()
    for node in nodes:
        part = _biased(flow, node) or _activation(flow, node)
        if part is not None and taken.isdisjoint(map(id, part.nodes)):
            taken.update(map(id, part.nodes))
            yield part


def _biased(flow: Dataflow, node: NodeProto) -> Part | None:
    """A convolution or a product with a matrix, and the sum that adds its bias: files from TensorFlow have it so."""
    if node.op_type != "Add":
        return None
    for value, bias in (node.input, reversed(node.input)):
        maker = flow.makers.get(value)
        if maker is None or maker.op_type not in {"Conv", "MatMul"} or not _is_inner(flow, value):
            continue
        _, *weights = maker.input
        if len(weights) == 1 and weights[0] in flow.fixed and bias in flow.fixed:
            shape = flow.fixed.shape(weights[0])
            fitting = [shape[-1:], [1, *shape[-1:]]]
            if maker.op_type == "Conv":
                fitting = [[shape[0], 1, 1], [1, shape[0], 1, 1]]
            if flow.fixed.shape(bias) in fitting:
                return Part((maker, node), maker)
    return None


def _activation(flow: Dataflow, last: NodeProto) -> Part | None:
    """An activation written out in simple operators, x·sigmoid(x) say, recognised by the values that it gives.

    The nodes are followed back from the last, as long as each works on every value by itself and is read by none but
    them; wherever what is found hangs on one value only, it may be it.
    """
    if last.op_type not in {"Mul", "Div"} or not _is_scalar_work(flow, last):
        return None
    inside, sources = {id(last)}, set(flow.carried(last))
    while len(inside) < _LONGEST:
        # What is computed last is unfolded first: so a value that others are made from is reached, not passed.
        value = max(sources, key=lambda name: flow.places.get(name, -1))
        maker = flow.makers.get(value)
        if maker is None or not _is_scalar_work(flow, maker) or not _is_read_within(flow, value, inside):
            return None
        inside.add(id(maker))
        sources = (sources - {value}) | set(flow.carried(maker))
        if len(sources) == 1:
            nodes = [node for node in flow.nodes if id(node) in inside]
            kind = _recognise(flow, nodes, *sources)
            if kind:
                return Part(tuple(nodes), last, kind)
    return None


def _is_scalar_work(flow: Dataflow, node: NodeProto) -> bool:
    fixed = [value for value in node.input if value in flow.fixed]
    return node.op_type in _ELEMENTWISE and all(np.prod(flow.fixed.shape(value)) == 1 for value in fixed)


def _is_read_within(flow: Dataflow, value: str, nodes: set[int]) -> bool:
    return value not in flow.outputs and all(id(reader) in nodes for reader in flow.readers[value])


def _is_inner(flow: Dataflow, value: str) -> bool:
    """Whether one node reads it and it is no output: it can be hidden inside of a part."""
    return value not in flow.outputs and len(flow.readers[value]) == 1


Curve = NDArray[np.float64]
"""(p,) float64: a function's values at `_POINTS`."""

_POINTS = np.linspace(-7, 7, 113)


def _sigmoid(x: Curve) -> Curve:
    curve: Curve = 1 / (1 + np.exp(-x))
    return curve


_erf = np.vectorize(math.erf)
_CURVES: dict[Kind, list[Curve]] = {
    "silu": [_POINTS * _sigmoid(_POINTS)],
    "hard_swish": [_POINTS * np.clip(_POINTS + 3, 0, 6) / 6],
    "gelu": [
        _POINTS * (1 + _erf(_POINTS / np.sqrt(2))) / 2,
        _POINTS * (1 + np.tanh(np.sqrt(2 / np.pi) * (_POINTS + 0.044715 * _POINTS**3))) / 2,
    ],
}


def _recognise(flow: Dataflow, nodes: Sequence[NodeProto], source: str) -> Kind | None:
    """Which known activation the nodes compute, by computing it: operators can be ordered in many ways."""
    read = {value for node in nodes for value in node.input if value in flow.fixed}
    weights = [onnx.numpy_helper.from_array(flow.fixed[value], value) for value in sorted(read)]
    entry = helper.make_tensor_value_info(source, TensorProto.FLOAT, [len(_POINTS)])
    exit_ = helper.make_empty_tensor_value_info(nodes[-1].output[0])
    graph = helper.make_graph(nodes, "activation", [entry], [exit_], weights)
    model = helper.make_model(graph, opset_imports=flow.model.opset_import, ir_version=flow.model.ir_version)
    (values,) = run_once(model, {source: _POINTS.astype(np.float32)}, [exit_.name])
    for kind, curves in _CURVES.items():
        if any(values.size == curve.size and np.allclose(values.ravel(), curve, atol=1e-4) for curve in curves):
            return kind
    return None
