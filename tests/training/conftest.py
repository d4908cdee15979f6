"""Gives the training tests small real things to train on."""

import pytest

from training.config import Augmentation, RecipeName, TrainingConfig
from training.data.dataset import Dataset
from training.data.ticks import Counts, load_ticks
from training.progress import EpochFigures


class Recorder:
    """Listens to a training run."""

    def __init__(self) -> None:
        self.steps = 0
        self.announced = 0
        self.epochs: list[EpochFigures] = []
        self.stages: list[str] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def begin(self, steps: int) -> None:
        self.announced = steps

    def step(self) -> None:
        self.steps += 1

    def epoch(self, figures: EpochFigures) -> None:
        self.epochs.append(figures)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="session")
def ticks() -> Dataset:
    """A few hundred drawings."""
    return load_ticks(seed=1, counts=Counts(train=600, validation=100, test=300))


@pytest.fixture
def config() -> TrainingConfig:
    return TrainingConfig(
        recipe=RecipeName.TICKS,
        name="ticks",
        epochs=4,
        batch_size=50,
        learning_rate=0.02,
        weight_decay=0.01,
        augmentation=Augmentation(),
        seed=0,
        threads=2,
    )
