"""Turns validation logits into the temperature that makes probabilities mean what they say.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_calibration_error

from service.engine import Scores
from service.evidence import Calibration

Head = Literal["softmax", "sigmoid"]

BINS = 15
"""Of equal width over [0, 1], as in the paper."""

COLDEST, HOTTEST = 0.05, 20.0
"""A temperature beyond says that the split is too small or perfectly told apart, not how sure the network may be."""

_ITERATIONS = 100


@dataclass(frozen=True)
class Reliability:
    """The pictures whose answers were about equally sure."""

    confidence: float
    """Mean probability of their answers."""
    accuracy: float
    """Share of right ones among them."""
    pictures: int


def calibrate(scores: Scores, labels: NDArray[np.int64], head: Head) -> float:
    """Fit the temperature by which the mean negative log-likelihood is least; the answers stay what they are.

    A single sigmoid output comes as the logits (0, z) from the engine; in the sigmoid's likelihood the 0 adds a
    constant, so what is fitted is that of z.

    Args:
        scores: of the validation split.
        labels: (n,) int64, the true ones.
        head: what makes probabilities of the logits.

    Returns:
        In [0.05, 20], four digits after the point; 1 where no answer is wrong: the likelihood would then grow with the
        certainty without end, and nothing speaks for any.
    """
    if not len(labels) or bool((scores.logits.argmax(axis=1) == labels).all()):
        return 1.0
    logits, true = torch.from_numpy(scores.logits).double(), torch.from_numpy(labels)
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)  # so that it can't become negative
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        likelihood = _negative_log_likelihood(logits / log_temperature.exp(), true, head)
        likelihood.backward()  # type: ignore[no-untyped-call]
        return likelihood

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    bounded = min(max(log_temperature.item(), math.log(COLDEST)), math.log(HOTTEST))
    return round(math.exp(bounded), 4)


def measure_calibration(scores: Scores, labels: NDArray[np.int64], head: Head, temperature: float) -> Calibration:
    """How far probabilities are from the truth on a split, without the temperature and with it.

    Args:
        scores: of the test split; their logits are undivided.
        labels: (n,) int64, the true ones.
        head: what makes probabilities of the logits.
        temperature: as `calibrate` gave it.
    """
    before, after = (
        expected_calibration_error(probabilities_at(scores.logits, head, divisor), labels)
        for divisor in (1.0, temperature)
    )
    return Calibration(temperature=temperature, error_before=before, error=after)


def probabilities_at(logits: NDArray[np.float32], head: Head, temperature: float) -> NDArray[np.float32]:
    """The probabilities that a graph with that temperature gives: (n, K) float32.

    Args:
        logits: (n, K), undivided; a single sigmoid output as the engine gives it, (0, z).
        head: what makes probabilities of them.
        temperature: what they are divided by.
    """
    tempered = torch.from_numpy(logits) / temperature
    if head == "softmax" or _is_single(logits):
        return np.asarray(functional.softmax(tempered, dim=1), np.float32)
    return np.asarray(torch.sigmoid(tempered), np.float32)


def expected_calibration_error(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """How far the probability of the answer is from the share of right answers, on average; 0 for no picture.

    Args:
        probabilities: (n, K).
        labels: (n,) int64, the true ones.
        bins: of equal width over [0, 1].
    """
    if not len(labels):
        return 0.0
    # Rounding may leave a probability just above 1, and torchmetrics would take all of them for logits.
    clipped = torch.from_numpy(probabilities).clamp(0, 1)
    classes = max(2, clipped.shape[1])
    error = multiclass_calibration_error(clipped, torch.from_numpy(labels), classes, n_bins=bins, norm="l1")
    return round(min(1.0, error.item()), 6)


def measure_reliability(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = BINS
) -> list[Reliability]:
    """What the expected calibration error is summed from: the bins that have pictures, least sure first.

    Args:
        probabilities: (n, K).
        labels: (n,) int64, the true ones.
        bins: of equal width over [0, 1].
    """
    if not len(labels):
        return []
    confidence = probabilities.max(axis=1).clip(0, 1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1, dtype=np.float32)[1:])
    return [
        Reliability(float(confidence[chosen].mean(dtype=np.float64)), float(correct[chosen].mean()), int(chosen.sum()))
        for chosen in (place == index for index in np.unique(place))
    ]


def _negative_log_likelihood(logits: Tensor, labels: Tensor, head: Head) -> Tensor:
    """The mean over pictures: cross-entropy of a softmax, summed binary cross-entropy of sigmoids."""
    if head == "softmax":
        return functional.cross_entropy(logits, labels)
    truth = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, truth)


def _is_single(logits: NDArray[np.float32]) -> bool:
    """Whether a sigmoid network's single output stands for two labels; the engine gives its logits as (0, z)."""
    return logits.shape[1:] == (2,) and not logits[:, 0].any()
