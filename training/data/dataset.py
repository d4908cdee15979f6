"""Says what a data set is: pictures already in the form that the network takes, with their labels, in three splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.contract import CorrectionsRecord, DatasetRecord, PictureInput

Positions = slice | NDArray[np.int64]
"""Which pictures of a split."""


class Pictures(Protocol):
    """n pictures in the form that the network takes, in memory or read from the disk when asked for."""

    def __len__(self) -> int:
        """How many they are, n."""

    def __getitem__(self, positions: Positions, /) -> NDArray[np.uint8]:
        """Those pictures, (m, h, w, c) uint8, as the service's preprocessing gives them."""


@dataclass(frozen=True)
class Split:
    """A part of a data set."""

    pictures: Pictures
    """(n, h, w, c) uint8; an array is such a thing."""
    labels: NDArray[np.int64]
    """(n,) int64, positions among the data set's labels."""
    digests: tuple[str, ...] = field(default=(), repr=False)
    """sha256 of each picture's file, or of its pixels where it came in none, in hexadecimal; empty: not yet taken."""

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.labels):
            raise ValueError(f"{len(self.pictures)} pictures, but {len(self.labels)} labels")
        if self.digests and len(self.digests) != len(self.labels):
            raise ValueError(f"{len(self.digests)} digests, but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def content_hashes(self) -> tuple[str, ...]:
        """sha256 of each picture: of its file, or of its pixels where it came in none."""
        return self.digests or tuple(hash_pixels(self.pictures[slice(at, at + 1)][0]) for at in range(len(self)))


@dataclass(frozen=True)
class JoinedPictures:
    """Pictures and a few more behind them, without a copy of the many; `Pictures` to those who train."""

    first: Pictures = field(repr=False)
    more: NDArray[np.uint8] = field(repr=False)
    """(m, h, w, c)."""

    def __len__(self) -> int:
        return len(self.first) + len(self.more)

    def __getitem__(self, positions: Positions, /) -> NDArray[np.uint8]:
        chosen = np.arange(len(self))[positions]
        behind = chosen >= len(self.first)
        pictures = np.empty((len(chosen), *self.more.shape[1:]), np.uint8)
        pictures[~behind] = self.first[chosen[~behind]]
        pictures[behind] = self.more[chosen[behind] - len(self.first)]
        return pictures


def are_in_memory(pictures: Pictures) -> bool:
    """Whether they are at hand, so that nothing is won by reading them ahead."""
    return isinstance(pictures.first if isinstance(pictures, JoinedPictures) else pictures, np.ndarray)


@dataclass(frozen=True)
class Corrected:
    """The training pictures that people had corrected answers to: the last ones of the split."""

    digests: tuple[str, ...]
    """Of the pictures as they were kept."""
    repeats: int
    """Times that each comes in an epoch."""


@dataclass(frozen=True)
class LabelledFile:
    """A held-out picture as a person would send it."""

    content: bytes
    """An encoded picture."""
    label: str
    extension: str = "png"


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
    skipped: tuple[str, ...] = ()
    """Files that could not be read as pictures, each with its reason."""
    corrected: Corrected | None = None

    def splits(self) -> Mapping[str, Split]:
        """By name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def corrections(self) -> Split:
        """The training pictures that people had corrected answers to."""
        count = len(self.corrected.digests) if self.corrected else 0
        return _take(self.train, np.arange(len(self.train) - count, len(self.train)))

    def epoch(self) -> NDArray[np.int64]:
        """Positions of the training pictures that an epoch goes over, some of them several times: (n,) int64."""
        times = np.ones(len(self.train), np.int64)
        if self.corrected is not None:
            times[-len(self.corrected.digests) :] = self.corrected.repeats
        return np.repeat(np.arange(len(self.train)), times)

    def record(self) -> DatasetRecord:
        """What the manifest keeps of it."""
        splits = self.splits()
        return DatasetRecord(
            name=self.name,
            fingerprint=self.fingerprint(),
            counts={name: len(split) for name, split in splits.items()},
            labels={name: self._count_labels(split) for name, split in splits.items()},
            skipped=len(self.skipped),
            corrections=self._record_corrections(),
        )

    def fingerprint(self) -> str:
        """sha256 over the sorted content hashes and labels of all pictures: the same set, the same digits."""
        lines = sorted(
            f"{digest} {self.labels[label]}"
            for split in self.splits().values()
            for digest, label in zip(split.content_hashes(), split.labels, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _record_corrections(self) -> CorrectionsRecord | None:
        if self.corrected is None:
            return None
        labels = self.corrections().labels
        lines = sorted(f"{digest} {self.labels[at]}" for digest, at in zip(self.corrected.digests, labels, strict=True))
        fingerprint = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return CorrectionsRecord(pictures=len(lines), repeats=self.corrected.repeats, fingerprint=fingerprint)

    def _count_labels(self, split: Split) -> dict[str, int]:
        counted = np.bincount(split.labels, minlength=len(self.labels))
        return dict(zip(self.labels, counted.tolist(), strict=True))


def hash_pixels(pixels: NDArray[np.uint8]) -> str:
    """sha256 of a picture's pixels, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def is_held_out(digest: str, share: float, *, start: float = 0.0) -> bool:
    """Whether a content hash falls into [start, start + share) of all hashes.

    A picture so stays in its split however the set grows or is ordered.
    """
    return start <= int(digest[:16], 16) / 2**64 < start + share


def hold_out(split: Split, share: float) -> tuple[Split, Split]:
    """Divide a split in memory by content hash into what stays and the share that is held out."""
    hashed = replace(split, digests=split.content_hashes())
    held = np.array([is_held_out(digest, share) for digest in hashed.digests], bool)
    return _take(hashed, np.flatnonzero(~held)), _take(hashed, np.flatnonzero(held))


def _take(split: Split, positions: NDArray[np.int64]) -> Split:
    digests = tuple(split.digests[at] for at in positions) if split.digests else ()
    return Split(split.pictures[positions], split.labels[positions], digests)
