"""Turns content hashes into the positions of three splits, and says what to do where one comes out empty."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import is_held_out
from training.errors import DatasetUnavailable


class Division(NamedTuple):
    """Positions of the pictures of each split, ascending."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def divide(digests: Sequence[str], validation: float, test: float) -> Division:
    """Divide by content hash: a picture stays in its split however the set grows, is ordered or renamed.

    That is also why no picture is moved where a small set leaves a split empty.

    Args:
        digests: sha256 of each picture, in hexadecimal.
        validation: its share; 0: none is wanted.
        test: its share; the result can't be published unjudged, so it may not come out empty.

    Raises:
        DatasetUnavailable: a split that is needed is empty.
    """
    if validation + test >= 1:
        raise DatasetUnavailable(f"--validation {validation:g} and --test {test:g} leave nothing to learn from")
    tested = np.array([is_held_out(digest, test) for digest in digests], bool)
    validated = np.array([is_held_out(digest, validation, start=test) for digest in digests], bool)
    parts = Division(*(np.flatnonzero(chosen) for chosen in (~tested & ~validated, validated, tested)))
    if not len(parts.test):
        raise DatasetUnavailable(_advice("test", test, digests, 0.0))
    if validation and not len(parts.validation):
        raise DatasetUnavailable(_advice("validation", validation, digests, test))
    if not len(parts.train):
        raise DatasetUnavailable(f"all {len(digests)} pictures are held out: add pictures, or hold out less of them")
    return parts


def ensure_every_label(train: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Whether the training pictures, given by their labels' positions, show every label.

    Raises:
        DatasetUnavailable: one is missing; the network could only learn never to answer it.
    """
    for label, count in zip(labels, np.bincount(train, minlength=len(labels)), strict=True):
        if not count:
            raise DatasetUnavailable(
                f"no training picture shows {label!r}: add pictures of it, or hold out less of them"
            )


def _advice(name: str, share: float, digests: Sequence[str], start: float) -> str:
    """What to do about an empty split; the smallest share that would help is known, as the hashes are."""
    text = f"none of the {len(digests)} pictures falls into the {name} split: add pictures"
    places = [place for place in (int(digest[:16], 16) / 2**64 for digest in digests) if place >= start]
    enough = math.floor((min(places, default=1.0) - start) * 100 + 1) / 100
    return f"{text}, or hold out more with --{name} {enough:g} (now {share:.2g})" if start + enough < 1 else text
