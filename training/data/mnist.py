"""Turns MNIST's four files into a data set: 60,000 + 10,000 handwritten digits, 28 x 28, light on black.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; licence CC BY-SA 3.0.
"""

from pathlib import Path

from service.contract import MnistForm, PictureInput
from training.data.dataset import Dataset, hold_out
from training.data.download import PublicFile
from training.data.idx import IdxSource, load_splits
from training.data.samples import picture_samples

SOURCE = IdxSource(
    name="mnist",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    train_images=PublicFile(
        "train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    train_labels=PublicFile(
        "train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    test_images=PublicFile(
        "t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    test_labels=PublicFile(
        "t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
)

LABELS = tuple("0123456789")


def load_mnist(folder: Path | None, validation: float = 1 / 12) -> Dataset:
    """MNIST from a folder that holds the four files, or from the cache, downloaded where it lacks them.

    Args:
        folder: where the files are.
        validation: share of the training pictures that is held out.

    Raises:
        DatasetUnavailable: a file can't be had, or isn't the published one.
    """
    training, test = load_splits(SOURCE, folder)
    train, held_out = hold_out(training, validation)
    return Dataset(
        name="mnist",
        description="Which digit a handwritten figure is.",
        labels=LABELS,
        input=PictureInput(height=28, width=28, channels=1, resize=MnistForm()),
        train=train,
        validation=held_out,
        test=test,
        samples=picture_samples(test, LABELS),
    )
