"""Turns a recipe's name into a network, its pictures, and settings that were chosen on the validation split."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from training.config import Augmentation, RecipeName, TrainingConfig
from training.data.dataset import Dataset
from training.data.mnist import load_mnist
from training.data.ticks import load_ticks
from training.networks.lenet5 import lenet5
from training.networks.tick_or_cross import tick_or_cross


@dataclass(frozen=True)
class Recipe:
    """What is needed for a run."""

    config: TrainingConfig
    network: Callable[[int, int], nn.Module]
    """(channels, labels) -> an untrained network."""
    load: Callable[[TrainingConfig, Path | None], Dataset]
    """(settings, the folder given with --data) -> pictures."""


def find_recipe(name: RecipeName, threads: int) -> Recipe:
    """The recipe of that name, with its own settings."""
    match name:
        case RecipeName.TICKS:
            return _ticks(threads)
        case RecipeName.DIGITS:
            return _digits(threads)


def _ticks(threads: int) -> Recipe:
    """A tick or a cross, drawn by the thousand."""
    config = TrainingConfig(
        recipe=RecipeName.TICKS,
        name="ticks",
        epochs=12,
        batch_size=64,
        learning_rate=0.02,
        weight_decay=0.01,
        augmentation=Augmentation(),  # the drawings are varied already
        seed=0,
        threads=threads,
    )
    return Recipe(config, tick_or_cross, lambda settings, _: load_ticks(settings.seed))


def _digits(threads: int) -> Recipe:
    """MNIST, varied as far as people's drawings differ from it."""
    config = TrainingConfig(
        recipe=RecipeName.DIGITS,
        name="digits",
        epochs=15,
        batch_size=256,
        learning_rate=0.012,
        weight_decay=0.01,
        augmentation=Augmentation(rotation=10, shift=0.06, scale=0.12, shear=0.1, thickness=0.7),
        seed=0,
        threads=threads,
    )
    return Recipe(config, lenet5, lambda _, folder: load_mnist(folder))
