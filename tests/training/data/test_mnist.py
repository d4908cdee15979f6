"""The four files to pictures, labels and splits."""

from pathlib import Path

import numpy as np
import pytest

from service.decode import PictureLimits, decode
from service.preprocess import preprocess
from training.data.dataset import Dataset
from training.data.mnist import load_mnist
from training.errors import DatasetUnavailable


@pytest.fixture(scope="module")
def mnist(data: Path) -> Dataset:
    return load_mnist(data / "mnist")


def test_sizes_and_statistics(mnist: Dataset) -> None:
    assert mnist.test.pictures[:].shape == (10_000, 28, 28, 1)
    assert len(mnist.train.labels) + len(mnist.validation.labels) == 60_000
    assert len(mnist.validation.labels) == pytest.approx(5_000, rel=0.05)
    pixels = np.concatenate([mnist.train.pictures[:], mnist.validation.pictures[:]]) / np.float32(255)
    assert pixels.mean() == pytest.approx(0.1307, abs=1e-4)
    assert pixels.std() == pytest.approx(0.3081, abs=1e-4)


def test_no_training_picture_is_in_the_validation_split(mnist: Dataset) -> None:
    held = {picture.tobytes() for picture in mnist.validation.pictures[:]}
    assert not any(picture.tobytes() in held for picture in mnist.train.pictures[:])


def test_serving_sees_the_pixels_that_training_saw(mnist: Dataset) -> None:
    """A digit in MNIST's own form goes through decoding and preprocessing unchanged."""
    for picture in mnist.test.pictures[:500]:
        grey = np.repeat(picture, 3, axis=2)
        assert np.array_equal(preprocess(grey, mnist.input), picture)
    for sample in mnist.samples:
        pixels = preprocess(decode(sample.content, PictureLimits()), mnist.input)
        assert any(np.array_equal(pixels, picture) for picture in mnist.test.pictures[:100])


def test_a_file_that_is_not_the_published_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(DatasetUnavailable, match=r"train-images.*not the published file"):
        load_mnist(tmp_path)
