"""Turns a served graph and held-out pictures into figures, through the service's own decode, preprocess and engine."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional import classification

from service.engine import Engine, Scores
from service.evidence import LabelFigures, Sample, TestFigures
from service.rehearsal import answer_sample
from training.data.dataset import Dataset, Split

_BATCH = 500
"""Pictures in one run of the engine."""

_TOP = 5

_DIGITS = 6
"""torchmetrics divides in float32, whose further digits are noise."""

_LARGEST_CONFUSION = 100
"""Labels; of more, the matrix alone would be most of the evidence, and of every description of the model."""

_LONGEST_SLUG = 60
"""Characters; a file name may have 100."""


def answer(engine: Engine, split: Split) -> Scores:
    """What the engine answers to every picture of a split, read a batch at a time.

    Returns:
        (n, K) logits and probabilities, in the split's order; (0, 0) for an empty split.
    """
    if not len(split):
        return Scores(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))
    batches = [engine.run(split.pictures[slice(at, at + _BATCH)]) for at in range(0, len(split), _BATCH)]
    return Scores(
        np.concatenate([batch.logits for batch in batches]), np.concatenate([batch.probabilities for batch in batches])
    )


def evaluate(scores: Scores, split: Split, labels: Sequence[str]) -> TestFigures:
    """The figures of a split: in all, by label, and which labels were taken for which.

    Args:
        scores: what `answer` gave to the split.
        split: the pictures and their true labels.
        labels: in the order of the graph's outputs.
    """
    confusion = count_confusions(scores, split, len(labels))
    correct = np.diagonal(confusion)
    top_5 = None
    if len(labels) > _TOP and len(split):
        top_5 = classification.multiclass_accuracy(
            torch.from_numpy(scores.logits), torch.from_numpy(split.labels), len(labels), average="micro", top_k=_TOP
        )
    return TestFigures(
        pictures=len(split),
        accuracy=int(correct.sum()) / max(1, len(split)),
        top_5=None if top_5 is None else round(top_5.item(), _DIGITS),
        per_label=_per_label(scores, split, labels, confusion),
        confusion=tuple(map(tuple, confusion.tolist())) if len(labels) <= _LARGEST_CONFUSION else (),
    )


def count_confusions(scores: Scores, split: Split, labels: int) -> NDArray[np.int64]:
    """Pictures by true label (row) and answered label (column): (K, K) int64."""
    if not len(split):
        return np.zeros((labels, labels), np.int64)
    answered, true = _answered_and_true(scores, split)
    # torchmetrics wants two classes at least; a sigmoid network may tell only one.
    counted = classification.multiclass_confusion_matrix(answered, true, max(2, labels)).numpy()
    confusion: NDArray[np.int64] = counted[:labels, :labels].astype(np.int64)
    return confusion


def _per_label(
    scores: Scores, split: Split, labels: Sequence[str], confusion: NDArray[np.int64]
) -> tuple[LabelFigures, ...]:
    shares = [[0.0] * len(labels)] * 3
    if len(split):
        answered, true = _answered_and_true(scores, split)
        shares = [
            [round(share, _DIGITS) for share in measure(answered, true, max(2, len(labels)), average="none").tolist()]
            for measure in (
                classification.multiclass_precision,
                classification.multiclass_recall,
                classification.multiclass_f1_score,
            )
        ]
    pictures, correct = confusion.sum(axis=1).tolist(), np.diagonal(confusion).tolist()
    return tuple(
        LabelFigures(
            label=label,
            pictures=pictures[index],
            correct=correct[index],
            precision=shares[0][index],
            recall=shares[1][index],
            f1=shares[2][index],
        )
        for index, label in enumerate(labels)
    )


def _answered_and_true(scores: Scores, split: Split) -> tuple[Tensor, Tensor]:
    """Positions among the labels, (n,) int64 each."""
    return torch.from_numpy(scores.logits.argmax(axis=1)), torch.from_numpy(split.labels)


def answer_samples(engine: Engine, dataset: Dataset) -> dict[str, tuple[bytes, Sample]]:
    """The sample pictures by file name, each with what the service will answer to it.

    Args:
        engine: of the graph that answers.
        dataset: whose samples.
    """
    samples = {}
    for index, sample in enumerate(dataset.samples):
        probabilities = answer_sample(engine, sample.content, dataset.input)
        best = int(probabilities.argmax())
        file = f"{index:02d}-{_slug(sample.label)}.{sample.extension}"
        record = Sample(
            file=file,
            label=sample.label,
            predicted=dataset.labels[best],
            probability=min(1.0, float(probabilities[best])),  # a softmax in float32 may round to just above 1
        )
        samples[file] = (sample.content, record)
    return samples


def _slug(label: str) -> str:
    """A label as a part of a file name: `t-shirt/top` -> `t-shirt-top`; one without any Latin letter -> `picture`."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain)[:_LONGEST_SLUG].strip("-.") or "picture"
