"""Turns one's own pictures, in class folders or named by a CSV, into a data set: read once, divided by content."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.contract import CenterCrop, PictureInput
from service.errors import RequestError
from training.config import TrainingConfig
from training.data.dataset import Dataset, LabelledFile, Pictures, Split
from training.data.decoding import Reading, check_files, decode_files, explain
from training.data.disk import DiskPictures
from training.data.listing import Listing, list_pictures
from training.data.resized import adapt_input
from training.data.samples import choose_samples, file_sample
from training.data.sifting import sift
from training.data.splits import divide, ensure_every_label
from training.errors import DatasetUnavailable

INPUT = PictureInput(height=64, width=64, channels=3, resize=CenterCrop())
"""Where nothing else is asked for."""

_MOVED = 256
"""Pictures that are moved at once."""

_NAMED = 6
"""Labels that the description names."""


def load_pictures(config: TrainingConfig) -> Dataset:
    """The pictures of `config.data`, in memory if all of them fit into `config.memory`, otherwise on the disk.

    Raises:
        DatasetUnavailable: there is nothing to learn from, or, if `config.strict`, something that can't be read.
    """
    if config.data is None:
        raise DatasetUnavailable("name your pictures with --data: a folder of class folders, or a CSV of path,label")
    listing = list_pictures(config.data)
    spec = adapt_input(INPUT, config.height, config.width, config.channels)
    pixels, readings = _read(listing, spec, config)
    sifted = sift(listing, readings, strict=config.strict)
    division = divide([readings[at].digest for at in sifted.kept], config.validation, config.test)
    parts = [sifted.kept[part] for part in division]
    labels = np.array([file.label for file in listing.files], np.int64)
    ensure_every_label(labels[parts[0]], listing.labels)
    digests = [tuple(readings[at].digest for at in part) for part in parts]
    pictures = _stay_on_disk(listing, spec, parts, digests) if pixels is None else _gather(pixels, parts)
    train, validation, test = (
        Split(taken, labels[part], of_part) for taken, part, of_part in zip(pictures, parts, digests, strict=True)
    )
    return Dataset(
        name=listing.name,
        description=_describe(listing.labels),
        labels=listing.labels,
        input=spec,
        train=train,
        validation=validation,
        test=test,
        samples=_samples(listing, parts[-1]),
        skipped=sifted.skipped,
    )


def _read(
    listing: Listing, spec: PictureInput, config: TrainingConfig
) -> tuple[NDArray[np.uint8] | None, tuple[Reading, ...]]:
    """All pixels, or None where they are too many to keep; and what came of each file."""
    paths = [file.path for file in listing.files]
    if len(paths) * spec.height * spec.width * spec.channels <= config.memory * 2**20:
        return decode_files(paths, spec, config.threads)
    return None, check_files(paths, config.threads)


def _gather(pixels: NDArray[np.uint8], parts: Sequence[NDArray[np.int64]]) -> list[Pictures]:
    """The pictures of the training, validation and test split; `pixels` itself becomes the first.

    The training pictures are moved to its front, always to a lower place, for there may be no room for them twice.
    """
    held_out: list[Pictures] = [pixels[part] for part in parts[1:]]
    train = parts[0]
    for start in range(0, len(train), _MOVED):
        moved = train[start : start + _MOVED]
        pixels[start : start + len(moved)] = pixels[moved]
    return [pixels[: len(train)], *held_out]


def _stay_on_disk(
    listing: Listing, spec: PictureInput, parts: Sequence[NDArray[np.int64]], digests: Sequence[tuple[str, ...]]
) -> list[Pictures]:
    return [
        DiskPictures(tuple(listing.files[at].path for at in part), of_part, spec)
        for part, of_part in zip(parts, digests, strict=True)
    ]


def _samples(listing: Listing, test: NDArray[np.int64]) -> tuple[LabelledFile, ...]:
    files = [listing.files[at] for at in test]
    chosen = choose_samples(np.array([file.label for file in files], np.int64), len(listing.labels))
    samples = []
    for file in (files[at] for at in chosen):
        try:
            samples.append(file_sample(file.path, listing.labels[file.label]))
        except (OSError, RequestError) as error:
            raise DatasetUnavailable(
                f"{file.name} could be read a moment ago, now it can't: {explain(error)}"
            ) from error
    return tuple(samples)


def _describe(labels: Sequence[str]) -> str:
    more = f" or {len(labels) - _NAMED} others" if len(labels) > _NAMED else ""
    return f"What a picture shows: {', '.join(labels[:_NAMED])}{more}."
