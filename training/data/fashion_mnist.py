"""Turns Fashion-MNIST's four files into a data set: 60,000 + 10,000 pieces of clothing, 28 x 28, light on black.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", arXiv 1708.07747; licence MIT.
"""

from pathlib import Path

from service.contract import PictureInput, Stretch
from training.data.dataset import Dataset, hold_out
from training.data.download import PublicFile
from training.data.idx import IdxSource, load_splits
from training.data.samples import picture_samples

SOURCE = IdxSource(
    name="fashion-mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
    train_images=PublicFile(
        "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    train_labels=PublicFile(
        "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    test_images=PublicFile(
        "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    test_labels=PublicFile(
        "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
)

LABELS = (
    "t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)  # fmt: skip


def load_fashion_mnist(folder: Path | None, validation: float = 1 / 12) -> Dataset:
    """Fashion-MNIST from a folder that holds the four files, or from the cache, downloaded where it lacks them.

    Args:
        folder: where the files are.
        validation: share of the training pictures that is held out.

    Raises:
        DatasetUnavailable: a file can't be had, or isn't the published one.
    """
    training, test = load_splits(SOURCE, folder)
    train, held_out = hold_out(training, validation)
    return Dataset(
        name="fashion-mnist",
        description="Which piece of clothing a picture shows.",
        labels=LABELS,
        input=PictureInput(height=28, width=28, channels=1, resize=Stretch()),
        train=train,
        validation=held_out,
        test=test,
        samples=picture_samples(test, LABELS),
    )
