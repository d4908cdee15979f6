"""Fashion-MNIST's four files to pictures, labels and splits."""

from pathlib import Path

import numpy as np
import pytest

from service.decode import PictureLimits, decode
from service.preprocess import preprocess
from training.data.dataset import Dataset
from training.data.fashion_mnist import LABELS, load_fashion_mnist
from training.errors import DatasetUnavailable


@pytest.fixture(scope="module")
def fashion(data: Path) -> Dataset:
    return load_fashion_mnist(data / "fashion-mnist", validation=0.1)


def test_sizes_and_statistics(fashion: Dataset) -> None:
    assert fashion.test.pictures[:].shape == (10_000, 28, 28, 1)
    assert len(fashion.train) + len(fashion.validation) == 60_000
    assert len(fashion.validation) == pytest.approx(6_000, rel=0.05)
    pixels = np.concatenate([fashion.train.pictures[:], fashion.validation.pictures[:]])
    assert pixels.mean(dtype=np.float64) / 255 == pytest.approx(0.2860, abs=1e-4)
    assert (pixels / np.float32(255)).std() == pytest.approx(0.3530, abs=1e-4)
    counts = fashion.record().labels
    for label in LABELS:
        assert counts["train"][label] + counts["validation"][label] == 6_000
        assert counts["test"][label] == 1_000


def test_samples_are_one_of_each_label_and_are_seen_as_in_training(fashion: Dataset) -> None:
    assert tuple(sample.label for sample in fashion.samples) == LABELS
    for sample in fashion.samples:
        pixels = preprocess(decode(sample.content, PictureLimits()), fashion.input)
        assert any(np.array_equal(pixels, picture) for picture in fashion.test.pictures[0:100])


def test_mnist_is_not_taken_for_it(data: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="not the published file"):
        load_fashion_mnist(data / "mnist")
