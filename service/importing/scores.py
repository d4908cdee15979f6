"""Turns a graph's outputs into the one that holds the scores, and what stands behind it: logits, head, how many."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from onnx import ModelProto, NodeProto

from service.errors import InvalidSetting
from service.importing.errors import NoClassifier
from service.importing.options import HeadName
from service.importing.session import Array, Original
from service.importing.values import makers, reads
from service.inspection.dataflow import opset_of

_PASSING = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Dropout", "Transpose"}
"""Operators that may stand behind the head and change no number of it."""

_HEADS: Mapping[str, Literal["softmax", "sigmoid"]] = {
    "Softmax": "softmax",
    "LogSoftmax": "softmax",
    "Sigmoid": "sigmoid",
}

_SUM_TOLERANCE = 1e-3
"""How far the sum of probabilities may be from 1; of logits it is, for all of several pictures, never that near."""

Form = Literal["logits", "probabilities", "log-probabilities"]


@dataclass(frozen=True)
class ScoreValue:
    """Where in the graph the scores are."""

    value: str
    """What the file gives."""
    form: Form
    """What it is."""
    logits: str | None
    """The value before the head; None: the graph has none, only probabilities."""
    head: Literal["softmax", "sigmoid"]
    outputs: int
    """Numbers for each picture."""
    node: str
    """Name of the head's node, the file's own where it has one."""

    @property
    def labels(self) -> int:
        """How many labels they tell apart: one sigmoid output tells two."""
        return 2 if self.outputs == 1 else self.outputs


def find_scores(
    model: ModelProto, original: Original, pictures: Array, output: str | None, said: HeadName | None
) -> tuple[ScoreValue, list[str]]:
    """Find the scores, and say why they are thought to be it.

    Args:
        model: the tidied graph.
        original: the file, to be asked.
        pictures: (n, …), at least 4, as the file takes them.
        output: the value that was said to be it.
        said: the head that was said.

    Raises:
        NoClassifier: no output, or not the one said, is K numbers for each picture; or several are.
        InvalidSetting: what was said contradicts the graph.
    """
    value, scores, why = _choose(model, original, pictures, output)
    reasons = [f"scores: {value}, {scores.shape[1]} numbers a picture; {why}"]
    found = _find_head(model, original, pictures, value, scores.shape[1])
    if found is not None:
        node, logits, form = found
        head = _HEADS[node.op_type]
        if said not in {None, "probabilities", head}:
            raise InvalidSetting(f"--head {said}: the graph itself ends in {node.op_type} ({node.name})")
        reasons.append(f"head {head}: the graph ends in {node.op_type} ({node.name}); logits are what it reads")
        result = ScoreValue(value, form, logits, head, scores.shape[1], node.name)
    else:
        result, why = _judge(value, scores, said)
        reasons.append(why)
    if result.outputs == 1 and result.head == "softmax":
        raise NoClassifier(
            f"{value!r} is one number for a picture, which is no choice between labels; if it is the logit of yes or"
            " no, say --head sigmoid"
        )
    return result, reasons


def _choose(model: ModelProto, original: Original, pictures: Array, said: str | None) -> tuple[str, Array, str]:
    """The value, (n, K) of it, and why it."""
    if said is not None:
        if said not in makers(model.graph):
            names = ", ".join(each.name for each in model.graph.output)
            raise NoClassifier(f"--output: the graph computes no value {said!r}; its outputs are {names}")
        values, why = [said], "as you said"
    else:
        values = [each.name for each in model.graph.output if each.type.HasField("tensor_type")]
        why = "the only output" if len(model.graph.output) == 1 else "the only output that can be scores"
    if not values:
        raise NoClassifier("no output of the graph is a tensor")
    answers = original.run(pictures, values)
    rows = {value: row for value, answer in zip(values, answers, strict=True) if (row := _as_rows(answer)) is not None}
    last = [value for value in rows if not any(_depends(model, other, value) for other in rows if other != value)]
    if len(last) == 1:
        if len(rows) > 1:
            why = "the last of the outputs that can be scores"
        return last[0], rows[last[0]], why
    if last:
        raise NoClassifier(f"{len(last)} outputs could be the scores: {', '.join(last)}; say which with --output")
    spelt = ", ".join(
        f"{value} {answer.dtype} (n, {', '.join(map(str, answer.shape[1:]))})"
        for value, answer in zip(values, answers, strict=True)
    )
    raise NoClassifier(f"a classifier gives K numbers for each picture; this graph gives {spelt}")


def _as_rows(answer: Array) -> Array | None:
    """(n, K) float32 of (n, K), (n, K, 1, 1), (n, 1, 1, K) and the like; None where there is no one K."""
    sizes = answer.shape[1:]
    if not np.issubdtype(answer.dtype, np.floating) or not sizes or prod(sizes) != max(sizes) or not max(sizes):
        return None
    return answer.reshape(len(answer), -1).astype(np.float32)


def _depends(model: ModelProto, value: str, on: str) -> bool:
    """Whether one value is computed from another."""
    needed = {value}
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed |= reads(node)
    return on in needed


def _find_head(
    model: ModelProto, original: Original, pictures: Array, value: str, outputs: int
) -> tuple[NodeProto, str, Form] | None:
    """The node that makes probabilities, what it reads, and in what form the value has them."""
    made = makers(model.graph)
    is_log = False
    for node in _back(made, value):
        if node.op_type == "Log" and not is_log:
            is_log = True
        elif node.op_type in _HEADS and not (is_log and node.op_type != "Softmax"):
            (before,) = original.run(pictures, [node.input[0]])
            if prod(before.shape[1:]) != outputs or not _is_over_labels(model, node, before):
                return None
            is_log = is_log or node.op_type == "LogSoftmax"
            return node, node.input[0], "log-probabilities" if is_log else "probabilities"
        elif node.op_type not in _PASSING:
            return None
    return None


def _back(made: Mapping[str, NodeProto], value: str) -> Iterator[NodeProto]:
    """The nodes before a value, along their first inputs."""
    while node := made.get(value):
        yield node
        value = node.input[0] if node.input else ""


def _is_over_labels(model: ModelProto, node: NodeProto, before: Array) -> bool:
    """Whether a softmax is over the labels; before opset 13 it is over all dimensions from its axis on."""
    if node.op_type == "Sigmoid":
        return True
    is_old = opset_of(model) < 13
    axis = next((entry.i for entry in node.attribute if entry.name == "axis"), 1 if is_old else -1)
    sizes: Sequence[int] = before.shape
    if axis >= 0 and len(sizes) == 2 and axis == 0:
        return True  # the file has dropped its batch of 1, and the labels are all there is
    axis %= len(sizes)
    return prod(sizes[axis:] if is_old else sizes[axis : axis + 1]) == prod(sizes[1:])


def _judge(value: str, scores: Array, said: HeadName | None) -> tuple[ScoreValue, str]:
    """What the scores are where no operator tells it: by what was said, else by their numbers."""
    lowest, highest = float(scores.min()), float(scores.max())
    is_share = lowest >= -_SUM_TOLERANCE and highest <= 1 + _SUM_TOLERANCE
    is_sum = bool(np.all(np.abs(scores.sum(axis=1) - 1) < _SUM_TOLERANCE)) and scores.shape[1] > 1
    if said == "probabilities" and not is_share:
        raise InvalidSetting(f"--head probabilities: {value!r} goes from {lowest:.4g} to {highest:.4g}")
    if said == "probabilities" or (said is None and is_share and is_sum):
        head: Literal["softmax", "sigmoid"] = "softmax" if is_sum else "sigmoid"
        why = "as you said" if said else "they are in 0 to 1 and their sum is 1, for every picture tried"
        logits = "log(p)" if is_sum else "log(p / (1 - p))"
        return (
            ScoreValue(value, "probabilities", None, head, scores.shape[1], head),
            f"head {head}: the graph gives probabilities ({why}); logits are {logits}",
        )
    head = "sigmoid" if said == "sigmoid" else "softmax"
    why = "as you said" if said else "no head is in the graph: the usual one (--head sigmoid otherwise)"
    return ScoreValue(value, "logits", value, head, scores.shape[1], head), f"head {head}: {why}"
