"""Turns a served graph and held-out pictures into figures, through the service's own decode, preprocess and engine."""

import numpy as np

from service.contract import LabelFigures, Sample, TestFigures
from service.decode import PictureLimits, decode
from service.engine import Engine
from service.preprocess import preprocess
from training.data.dataset import Dataset

_BATCH = 500


def evaluate(engine: Engine, dataset: Dataset) -> TestFigures:
    """Accuracy on the test split, in all and per label."""
    pictures, labels = dataset.test.pictures, dataset.test.labels
    answers = [engine.run(pictures[start : start + _BATCH]).logits for start in range(0, len(labels), _BATCH)]
    correct = np.concatenate(answers).argmax(axis=1) == labels
    per_label = tuple(
        LabelFigures(label=label, pictures=int((labels == index).sum()), correct=int(correct[labels == index].sum()))
        for index, label in enumerate(dataset.labels)
    )
    return TestFigures(pictures=len(labels), accuracy=float(correct.mean()), per_label=per_label)


def answer_samples(engine: Engine, dataset: Dataset) -> dict[str, tuple[bytes, Sample]]:
    """The sample pictures by file name, each with what the service will answer to it."""
    samples = {}
    for index, sample in enumerate(dataset.samples):
        pixels = preprocess(decode(sample.content, PictureLimits()), dataset.input)
        probabilities = engine.run(pixels[np.newaxis]).probabilities[0]
        best = int(probabilities.argmax())
        file = f"{index:02d}-{sample.label}.png"
        record = Sample(
            file=file,
            label=sample.label,
            predicted=dataset.labels[best],
            probability=min(1.0, float(probabilities[best])),
        )
        samples[file] = (sample.content, record)
    return samples
