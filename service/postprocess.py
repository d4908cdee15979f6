"""Turns (K,) probabilities into the most probable labels."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class RankedLabel(TypedDict):
    """A label, its position among the model's labels, and its probability in [0, 1]; what `schemas.Prediction` says."""

    label: str
    index: int
    probability: float


def rank(probabilities: NDArray[np.float32], labels: Sequence[str], top_k: int) -> list[RankedLabel]:
    """The `top_k` most probable labels (all, where there are fewer), most probable first, ties in label order.

    Args:
        probabilities: (K,) float32.
        labels: K of them, in the graph's order.
        top_k: at least 1.
    """
    order = (-probabilities).argsort(kind="stable")[:top_k]
    pairs = zip(order.tolist(), probabilities[order].tolist(), strict=True)
    return [{"label": labels[index], "index": index, "probability": probability} for index, probability in pairs]
