"""Says what a training run is told: one frozen value, made at the edge from a recipe and the command line."""

from dataclasses import dataclass
from enum import StrEnum


class RecipeName(StrEnum):
    """What can be trained by name."""

    TICKS = "ticks"
    DIGITS = "digits"


@dataclass(frozen=True)
class Augmentation:
    """How far a training picture is varied, each time anew; all zero: not at all."""

    rotation: float = 0
    """Largest angle, in degrees, either way."""
    shift: float = 0
    """Largest displacement, as a share of the picture's side, either way."""
    scale: float = 0
    """Largest change of size, as a share, either way."""
    shear: float = 0
    """Largest shear, as a share, either way."""
    thickness: float = 0
    """How far strokes are thickened or thinned: 1 is a pixel on either side."""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the result, but for the pictures."""

    recipe: RecipeName
    name: str
    """The model that a version is published of."""
    epochs: int
    """0 publishes the untrained network."""
    batch_size: int
    learning_rate: float
    """The peak of the one-cycle schedule."""
    weight_decay: float
    augmentation: Augmentation
    seed: int
    threads: int
    """Of the arithmetic: one and two threads give different last bits from the same seed."""
