"""Turns logits and labels into the number that the training makes smaller."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def count_outputs(labels: int, head: Literal["softmax", "sigmoid"]) -> int:
    """K: an output for each label, but a single sigmoid output for two of them."""
    return 1 if head == "sigmoid" and labels == 2 else labels


def make_targets(labels: Tensor, outputs: int) -> Tensor:
    """What the network should answer: (n,) int64 labels -> (n, outputs) float32, 1 at the label, 0 elsewhere.

    One output stands for two labels: it is 1 for the second of them.
    """
    if outputs == 1:
        return labels.to(torch.float32).unsqueeze(1)
    return functional.one_hot(labels, outputs).to(torch.float32)


def measure_loss(logits: Tensor, targets: Tensor, head: Literal["softmax", "sigmoid"], smoothing: float) -> Tensor:
    """Cross-entropy of each picture, (n,) float32, in nats; for sigmoid outputs summed over them.

    Args:
        logits: (n, K).
        targets: (n, K) probabilities.
        head: softmax or sigmoid.
        smoothing: probability taken from the targets and spread over all labels (C. Szegedy et al., "Rethinking the
            Inception Architecture", CVPR 2016).
    """
    logits = logits.float()
    if head == "softmax":
        return functional.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    smoothed = targets * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, smoothed, reduction="none").sum(dim=1)
