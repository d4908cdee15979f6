"""Turns the settings of a run into its data set: finds the file of this folder that knows the source."""

from training.config import TrainingConfig
from training.data import ticks
from training.data.cifar10 import load_cifar10
from training.data.dataset import Dataset
from training.data.fashion_mnist import load_fashion_mnist
from training.data.mnist import load_mnist
from training.data.pictures import load_pictures
from training.data.resized import adapt_input, resize_dataset
from training.errors import DatasetUnavailable


def load_dataset(config: TrainingConfig) -> Dataset:
    """The pictures that the settings name, in the size that they ask for.

    Raises:
        DatasetUnavailable: they can't be had, or there is nothing to learn from or to choose by.
    """
    match config.dataset:
        case "ticks":
            return ticks.load_ticks(
                config.seed, ticks.Counts(), adapt_input(ticks.INPUT, config.height, config.width, config.channels)
            )
        case "pictures":
            return load_pictures(config)
        case _:
            return _load_published(config)


def _load_published(config: TrainingConfig) -> Dataset:
    """A data set that the world knows, at its own size or another."""
    load = {"mnist": load_mnist, "fashion-mnist": load_fashion_mnist, "cifar10": load_cifar10}[config.dataset]
    dataset = load(config.data, config.validation)
    if not len(dataset.train) or (config.validation and not len(dataset.validation)):
        raise DatasetUnavailable(f"--validation {config.validation:g} leaves a split of {dataset.name} empty")
    spec = adapt_input(dataset.input, config.height, config.width, config.channels)
    return resize_dataset(dataset, spec, config.memory, config.threads)
