"""Turns what reading the files showed into those to learn from, each picture once, and those left out, with reasons."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.decoding import Reading
from training.data.listing import Listing
from training.errors import DatasetUnavailable

_NAMED = 3
"""Files that an error names; it counts the others."""


@dataclass(frozen=True)
class Sifted:
    """Which files are learnt from."""

    kept: NDArray[np.int64]
    """Positions among the listed files, ascending; of equal files with equal labels the first."""
    skipped: tuple[str, ...]
    """The files left out, each with its reason; further copies of a picture are no loss, so not among them."""


def sift(listing: Listing, readings: Sequence[Reading], *, strict: bool) -> Sifted:
    """Leave out what can't be read, and pictures that are there under two labels: nobody knows which one is right.

    Raises:
        DatasetUnavailable: `strict`, and there is such a file; or hardly anything is left.
    """
    unreadable = list(listing.strays)
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for at, (file, reading) in enumerate(zip(listing.files, readings, strict=True)):
        if reading.digest:
            alike[reading.digest].append(at)
        else:
            unreadable.append(f"{file.name}: {reading.reason}")
    if strict and unreadable:
        raise DatasetUnavailable(_refusal(unreadable))
    kept, contradictions = [], []
    for copies in alike.values():
        other = next((at for at in copies if listing.files[at].label != listing.files[copies[0]].label), None)
        if other is None:
            kept.append(copies[0])
            continue
        if strict:
            raise DatasetUnavailable(_contradiction(listing, copies[0], other) + ": keep the one that is right")
        contradictions += [_contradiction(listing, at, other if at == copies[0] else copies[0]) for at in copies]
    _ensure_labels(listing, kept)
    return Sifted(np.array(sorted(kept), np.int64), (*unreadable, *contradictions))


def _refusal(unreadable: Sequence[str]) -> str:
    more = f"; and {len(unreadable) - _NAMED} more" if len(unreadable) > _NAMED else ""
    count = "1 file" if len(unreadable) == 1 else f"{len(unreadable)} files"
    return f"{count} can't be read as pictures: {'; '.join(unreadable[:_NAMED])}{more}"


def _contradiction(listing: Listing, one: int, other: int) -> str:
    first, second = listing.files[one], listing.files[other]
    return (
        f"{first.name}: it is the same picture as {second.name}, but labelled {listing.labels[first.label]!r},"
        f" not {listing.labels[second.label]!r}"
    )


def _ensure_labels(listing: Listing, kept: Sequence[int]) -> None:
    """Whether each label has a picture."""
    found = {listing.files[at].label for at in kept}
    for position, label in enumerate(listing.labels):
        if position not in found:
            raise DatasetUnavailable(
                f"none of the files labelled {label!r} can be used: add pictures of it, or remove it"
            )
