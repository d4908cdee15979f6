"""Says what a data set is: pictures in memory, already in the form that the network takes, with their labels."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.contract import PictureInput


@dataclass(frozen=True)
class Split:
    """A part of a data set."""

    pictures: NDArray[np.uint8]
    """(n, h, w, c) uint8, as the service's preprocessing gives them."""
    labels: NDArray[np.int64]
    """(n,) int64, positions among the data set's labels."""

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.labels):
            raise ValueError(f"{len(self.pictures)} pictures, but {len(self.labels)} labels")


@dataclass(frozen=True)
class LabelledFile:
    """A held-out picture as a person would send it."""

    content: bytes
    """An encoded PNG."""
    label: str


@dataclass(frozen=True)
class Dataset:
    """Pictures to learn from, to choose by, and to be judged on."""

    name: str
    description: str
    """What a model that learnt it tells, for the manifest."""
    labels: tuple[str, ...]
    input: PictureInput
    train: Split
    validation: Split
    """Held out of the training to choose settings by; the test split is only ever reported."""
    test: Split
    samples: tuple[LabelledFile, ...]
    """From the test split."""

    def splits(self) -> Mapping[str, Split]:
        """By name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def counts(self) -> dict[str, int]:
        """Pictures per split."""
        return {name: len(split.labels) for name, split in self.splits().items()}

    def fingerprint(self) -> str:
        """sha256 over the sorted content hashes and labels of all pictures: the same set, the same digits."""
        lines = sorted(
            f"{hashlib.sha256(picture.tobytes()).hexdigest()} {self.labels[label]}"
            for split in self.splits().values()
            for picture, label in zip(split.pictures, split.labels, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def hold_out(split: Split, share: float) -> tuple[Split, Split]:
    """Divide by content hash: a picture stays on its side however the set grows or is ordered.

    Args:
        split: what to divide.
        share: of the second part, in [0, 1].
    """
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in split.pictures]
    held = np.array([int.from_bytes(digest[:8], "big") / 2**64 < share for digest in digests], bool)
    return Split(split.pictures[~held], split.labels[~held]), Split(split.pictures[held], split.labels[held])
