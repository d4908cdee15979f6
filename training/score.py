"""Turns pictures into what the PyTorch network itself answers, in the form that the service's engine has."""

import numpy as np
import torch
from numpy.typing import NDArray

from service.engine import Scores
from training.data.dataset import Split
from training.serving_graph import ServingGraph

_BATCH = 500


def score(graph: ServingGraph, split: Split) -> Scores:
    """Logits and probabilities of a split: (n, K) float32 each, K the number of labels.

    A single output z comes as the logits (0, z), as the engine gives it.
    """
    parts = [
        score_pictures(graph, split.pictures[slice(start, start + _BATCH)]) for start in range(0, len(split), _BATCH)
    ]
    if not parts:
        return Scores(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))
    return Scores(
        logits=np.concatenate([part.logits for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
    )


def score_pictures(graph: ServingGraph, pictures: NDArray[np.uint8]) -> Scores:
    """The same for pictures in memory, (n, h, w, c) uint8."""
    device = graph.preprocessing.mean.device
    graph.eval()
    with torch.inference_mode():
        both = graph(torch.from_numpy(pictures).to(device))
    logits, probabilities = (np.asarray(tensor.float().cpu(), np.float32) for tensor in both)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    return Scores(logits, probabilities)


def measure_accuracy(graph: ServingGraph, split: Split) -> float:
    """Share of pictures that are answered with their label; 0 for an empty split."""
    right = score(graph, split).logits.argmax(axis=1) == split.labels if len(split) else np.zeros(1)
    return float(right.mean())
