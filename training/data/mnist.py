"""Turns MNIST's four files into a data set: 60,000 + 10,000 handwritten digits, 28 x 28, light on black.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; licence CC BY-SA 3.0.
"""

import gzip
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from platformdirs import user_cache_path

from service.contract import MnistForm, PictureInput
from training.data.dataset import Dataset, LabelledFile, Split, hold_out
from training.data.download import PublicFile, fetch_file, find_file

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")

TRAIN_IMAGES = PublicFile(
    "train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
)
TRAIN_LABELS = PublicFile(
    "train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
)
TEST_IMAGES = PublicFile(
    "t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
)
TEST_LABELS = PublicFile(
    "t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
)

_VALIDATION_SHARE = 1 / 12


def load_mnist(folder: Path | None) -> Dataset:
    """MNIST from a folder that holds the four files, or from the cache, downloaded where it lacks them.

    Raises:
        DatasetUnavailable: a file can't be had, or isn't the published one.
    """
    training = Split(_read(TRAIN_IMAGES, folder)[..., np.newaxis], _read(TRAIN_LABELS, folder).astype(np.int64))
    test = Split(_read(TEST_IMAGES, folder)[..., np.newaxis], _read(TEST_LABELS, folder).astype(np.int64))
    train, validation = hold_out(training, _VALIDATION_SHARE)
    return Dataset(
        name="mnist",
        description="Which digit a handwritten figure is.",
        labels=tuple("0123456789"),
        input=PictureInput(height=28, width=28, channels=1, resize=MnistForm()),
        train=train,
        validation=validation,
        test=test,
        samples=tuple(_samples(test)),
    )


def _samples(test: Split) -> list[LabelledFile]:
    """The first test picture of each digit."""
    samples = []
    for digit in range(10):
        picture = test.pictures[int(np.flatnonzero(test.labels == digit)[0]), ..., 0]
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "PNG", optimize=True)
        samples.append(LabelledFile(content.getvalue(), str(digit)))
    return samples


def _read(file: PublicFile, folder: Path | None) -> NDArray[np.uint8]:
    """One idx file as the array that its header describes; the checksum has vouched for its form."""
    path = find_file(file, folder) if folder else fetch_file(file, MIRRORS, user_cache_path("convscope") / "mnist")
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()  # writable, for PyTorch
