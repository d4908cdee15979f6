"""Turns the value before a graph's head into its two outputs, logits and probabilities, (n, K) float32 each."""

from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.contract import LOGITS, PIXELS, PROBABILITIES
from service.importing.scores import ScoreValue
from service.importing.values import all_names, drop_unneeded, rename, unused
from service.inspection.dataflow import opset_of

_LEAST = 1e-12
"""A probability of 0 has no logarithm: it counts as this one."""

_LEAST_SIGMOID = 1e-7
"""The same where 1 - p is needed too: about the step of float32 below 1."""


def free_names(model: ModelProto) -> dict[str, str]:
    """Rename values that have the contract's names: they need not be what these mean here.

    Returns:
        The new names by the old ones.
    """
    taken = all_names(model.graph)
    names = {name: unused(f"{name}_2", taken) for name in (PIXELS, LOGITS, PROBABILITIES) if name in taken}
    rename(model.graph, names)
    return names


def attach_head(model: ModelProto, scores: ScoreValue, element: int, rank: int) -> None:
    """Let the graph end in the contract's outputs; what stood behind the scores falls away.

    Args:
        model: changed in place; no value of it has one of the contract's names.
        scores: where they are.
        element: onnx.TensorProto's number of the type of the value that is begun from.
        rank: how many dimensions it has, the batch's among them.
    """
    graph = model.graph
    work = _Ending(graph, opset_of(model))
    if scores.logits is not None:
        work.bring(scores.logits, LOGITS, element, rank)
        operator, attributes = ("Softmax", {"axis": 1}) if scores.head == "softmax" else ("Sigmoid", {})
        work.add(operator, [LOGITS], PROBABILITIES, scores.node, **attributes)
    else:
        work.bring(scores.value, PROBABILITIES, element, rank)
        work.take_logarithm(is_sigmoid=scores.head == "sigmoid")
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", scores.outputs])
        for name in (LOGITS, PROBABILITIES)
    )
    drop_unneeded(graph)


class _Ending:
    """Nodes behind a graph."""

    def __init__(self, graph: GraphProto, opset: int) -> None:
        self._graph = graph
        self._opset = opset
        self._taken = all_names(graph) | {LOGITS, PROBABILITIES}

    def bring(self, value: str, name: str, element: int, rank: int) -> None:
        """Make (n, K) float32 of a value, under one of the contract's names; by renaming alone where it is that."""
        steps: list[tuple[str, dict[str, int]]] = []
        if rank != 2:
            steps.append(("Flatten", {"axis": 1}))
        if element != TensorProto.FLOAT:
            steps.append(("Cast", {"to": TensorProto.FLOAT}))
        if not steps:
            rename(self._graph, {value: name})
        for number, (operator, attributes) in enumerate(steps, 1):
            made = name if number == len(steps) else self._name(f"{name}.{operator.lower()}")
            self.add(operator, [value], made, f"{name}.{operator.lower()}", **attributes)
            value = made

    def take_logarithm(self, *, is_sigmoid: bool) -> None:
        """Logits of probabilities: log(p), or log(p) - log(1 - p), p clipped away from the ends."""
        least, most = (_LEAST_SIGMOID, 1 - _LEAST_SIGMOID) if is_sigmoid else (_LEAST, 1.0)
        clipped, logarithm = self._name("logits.clip"), LOGITS if not is_sigmoid else self._name("logits.log")
        if self._opset < 11:
            self.add("Clip", [PROBABILITIES], clipped, clipped, min=least, max=most)
        else:
            ends = [self._weight("logits.least", least), self._weight("logits.most", most)]
            self.add("Clip", [PROBABILITIES, *ends], clipped, clipped)
        self.add("Log", [clipped], logarithm, "logits.log")
        if is_sigmoid:
            rest, other = self._name("logits.rest"), self._name("logits.rest_log")
            self.add("Sub", [self._weight("logits.one", 1.0), clipped], rest, rest)
            self.add("Log", [rest], other, other)
            self.add("Sub", [logarithm, other], LOGITS, "logits.difference")

    def add(self, operator: str, inputs: list[str], output: str, name: str, **attributes: Any) -> None:  # noqa: ANN401 - each operator has its own
        node: NodeProto = helper.make_node(operator, inputs, [output], name=name, **attributes)
        self._graph.node.append(node)

    def _weight(self, wanted: str, number: float) -> str:
        name = self._name(wanted)
        self._graph.initializer.append(numpy_helper.from_array(np.array(number, np.float32), name))
        return name

    def _name(self, wanted: str) -> str:
        name = unused(wanted, self._taken)
        self._taken.add(name)
        return name
