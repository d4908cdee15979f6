"""Gives the training tests small real things to train on."""

import os
from collections.abc import Iterator

import pytest

from training.config import TrainingConfig
from training.data.dataset import Dataset
from training.data.ticks import Counts, load_ticks
from training.progress import EpochFigures, StepFigures


@pytest.fixture(scope="package", autouse=True)
def untraced() -> Iterator[None]:
    """Programs of the training aren't traced: coverage is the service's, and PyTorch is slow then."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_PROCESS")}
    yield
    os.environ.update(kept)


class Recorder:
    """Listens to a training run."""

    def __init__(self) -> None:
        self.steps: list[StepFigures] = []
        self.announced = (0, 0)
        self.lines: list[str] = []
        self.epochs: list[EpochFigures] = []
        self.stages: list[str] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def tell(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, steps: int, done: int) -> None:
        self.announced = (steps, done)

    def step(self, figures: StepFigures) -> None:
        self.steps.append(figures)

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
        name="ticks",
        dataset="ticks",
        network="tick-or-cross",
        epochs=4,
        batch_size=50,
        learning_rate=0.02,
        weight_decay=0.01,
        threads=2,
    )
