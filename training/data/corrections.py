"""Turns pictures that people corrected answers to into further training pictures of a data set."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.feedback.folder import CorrectedPicture, list_corrections
from training.data.dataset import Corrected, Dataset, JoinedPictures, Split, hash_pixels
from training.data.decoding import decode_files
from training.errors import DatasetUnavailable
from training.progress import count

_SHARE = 0.1
"""Of an epoch that corrected pictures are, where nothing else is asked for."""

_MOST_REPEATS = 100
"""Of one picture in an epoch, likewise."""

_BATCH = 500


def add_corrections(  # noqa: PLR0913, PLR0917 - each a thing of its own
    dataset: Dataset, feedback: Path, model: str, repeats: int, workers: int, only: Collection[str] | None = None
) -> tuple[Dataset, list[str]]:
    """A data set whose training split has the corrected pictures of a model at its end.

    They are read by the service's own decoding and preprocessing. What is held out stays so: a picture that the test or
    the validation split has too is not learnt.

    Args:
        dataset: what is learnt besides.
        feedback: the feedback folder.
        model: whose corrections.
        repeats: times that each comes in an epoch; 0: see `choose_repeats`.
        workers: threads.
        only: digests of the pictures that are learnt; None: all of them.

    Returns:
        The data set, and what people should know, a line each.

    Raises:
        DatasetUnavailable: the folder can't be read.
    """
    try:
        found = list_corrections(feedback, model, dataset.labels)
    except OSError as error:
        raise DatasetUnavailable(f"{error.filename} can't be read: {error.strerror}") from error
    listed = [picture for picture in found.pictures if only is None or picture.digest in only]
    pictures, readings = decode_files([picture.path for picture in listed], dataset.input, workers)
    held_out = set(_hash_held_out(dataset)) if listed else set()
    lines = []
    if found.others:
        lines.append(f"left out: {count(found.others, 'corrected picture')} with labels that are not learnt")
    kept: list[int] = []
    for at, (picture, reading) in enumerate(zip(listed, readings, strict=True)):
        if reading.reason:
            lines.append(f"{picture.path.name}, a corrected picture, can't be read: {reading.reason}")
        elif hash_pixels(pictures[at]) not in held_out:
            kept.append(at)
    if (left_out := sum(not reading.reason for reading in readings) - len(kept)) > 0:
        lines.append(f"left out: {count(left_out, 'corrected picture')} of the test or validation split")
    if not kept:
        return dataset, [*lines, f"no corrected picture of {model} to learn from in {feedback}"]
    learnt = [listed[at] for at in kept]
    times = repeats or choose_repeats(len(dataset.train), len(learnt))
    lines.append(f"learning from {count(len(learnt), 'corrected picture')} too, {count(times, 'time')} an epoch")
    return _join(dataset, pictures[kept], learnt, times), lines


def choose_repeats(pictures: int, corrected: int) -> int:
    """So often that all corrected pictures together are a tenth of an epoch; once at least, a hundred times at most."""
    return min(_MOST_REPEATS, max(1, round(_SHARE / (1 - _SHARE) * pictures / corrected)))


def _join(dataset: Dataset, pixels: NDArray[np.uint8], learnt: Sequence[CorrectedPicture], times: int) -> Dataset:
    labels = np.array([dataset.labels.index(picture.label) for picture in learnt], np.int64)
    digests = tuple(picture.digest for picture in learnt)
    train = Split(
        JoinedPictures(dataset.train.pictures, pixels),
        np.concatenate([dataset.train.labels, labels]),
        (*dataset.train.content_hashes(), *digests),
    )
    return dataclasses.replace(dataset, train=train, corrected=Corrected(digests, times))


def _hash_held_out(dataset: Dataset) -> Iterator[str]:
    """sha256 of the pixels of all pictures that aren't for learning, as the network sees them."""
    for split in (dataset.validation, dataset.test):
        for start in range(0, len(split), _BATCH):
            for picture in split.pictures[slice(start, start + _BATCH)]:
                yield hash_pixels(picture)
