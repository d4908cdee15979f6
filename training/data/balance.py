"""Turns the labels of the training pictures into how unevenly they are spread, and into weights against that."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Split
from training.data.splits import ensure_every_label


def imbalance(split: Split) -> float:
    """How many times more pictures the most frequent label has than the rarest one that occurs; 1: evenly spread."""
    counts = np.unique(split.labels, return_counts=True)[1]
    return float(counts.max() / counts.min())


def label_weights(split: Split, labels: Sequence[str]) -> NDArray[np.float32]:
    """A factor per label, inverse to its frequency; 1 on average over the pictures.

    Args:
        split: the training pictures.
        labels: the data set's.

    Returns:
        (K,) float32.

    Raises:
        DatasetUnavailable: a label has no picture.
    """
    ensure_every_label(split.labels, labels)
    counts = np.bincount(split.labels, minlength=len(labels))
    return (len(split) / (len(labels) * counts)).astype(np.float32)
