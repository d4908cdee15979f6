"""Turns the class that is asked about into the weights of the logits whose sum is its score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.inspection.errors import UnknownClass

_NAMED = 30
"""Labels that a message names; a thousand would hide what it says."""

Weights = NDArray[np.float32]
"""(k,) float32, k the graph's outputs: a class's score is the sum of weights times logits."""


@dataclass(frozen=True)
class Target:
    """The class that a map is about."""

    index: int
    label: str
    weights: Weights


def find_class(name: str, labels: Sequence[str]) -> int:
    """The number of a class.

    Args:
        name: a label, or a number counted from 0; where a label looks like a number, the label is meant.
        labels: all of them, in order.

    Raises:
        UnknownClass: it is neither; the message lists the labels.
    """
    if name in labels:
        return list(labels).index(name)
    if name.isdecimal() and len(name) < 9 and int(name) < len(labels):
        return int(name)
    more = f" … and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    raise UnknownClass(
        f"there is no class {name!r}; ask for a number from 0 to {len(labels) - 1} or for a label:"
        f" {', '.join(labels[:_NAMED])}{more}"
    )


def make_target(index: int, labels: Sequence[str], outputs: int) -> Target:
    """What to look at for a class.

    A graph with a single output z tells two classes apart as if its logits were (-z, z): see `engine.Engine`.

    Args:
        index: the class's number.
        labels: all of them, in order.
        outputs: how many logits the graph gives.
    """
    weights = np.zeros(outputs, np.float32)
    if outputs == 1:
        weights[0] = 1 if index else -1
    else:
        weights[index] = 1
    return Target(index, labels[index], weights)


def predicted_class(logits: Weights) -> int:
    """The most probable class by one picture's logits, (k,) float32."""
    return int(logits[0] > 0) if logits.size == 1 else int(logits.argmax())
