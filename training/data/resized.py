"""Turns a data set of small pictures into the same in another size or colour, through the service's own resizing."""

import dataclasses
import multiprocessing
import signal
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.contract import MnistForm, PictureInput, Resize, Stretch
from service.preprocess import preprocess
from training.data.dataset import Dataset, Pictures, Positions

_CHUNK = 1000
"""Pictures that a process takes at once."""


def adapt_input(
    native: PictureInput, height: int | None, width: int | None, channels: Literal[1, 3] | None
) -> PictureInput:
    """A data set's own input, but for what is asked for.

    MNIST's form keeps its proportions: a box of 20 in 28 pixels is one of 40 in 56. It is grey; in colour, pictures are
    stretched.
    """
    height, width, channels = height or native.height, width or native.width, channels or native.channels
    resize: Resize = native.resize
    if isinstance(resize, MnistForm):
        box = round(resize.box / min(native.height, native.width) * min(height, width))
        resize = MnistForm(box=max(1, box)) if channels == 1 else Stretch()
    return PictureInput(height=height, width=width, channels=channels, resize=resize)


def resize_dataset(dataset: Dataset, spec: PictureInput, memory: int, workers: int) -> Dataset:
    """The same pictures in another form; the fingerprint stays that of the original ones.

    Args:
        dataset: pictures in memory.
        spec: the form.
        memory: MiB that they may take; beyond that they are resized each time they are asked for.
        workers: processes.
    """
    if spec == dataset.input:
        return dataset
    resized = {name: ResizedPictures(split.pictures, spec) for name, split in dataset.splits().items()}
    size = sum(map(len, resized.values())) * spec.height * spec.width * spec.channels
    pictures: Mapping[str, Pictures] = _in_memory(resized, workers) if size <= memory * 2**20 else resized
    splits = {
        name: dataclasses.replace(split, pictures=pictures[name], digests=split.content_hashes())
        for name, split in dataset.splits().items()
    }
    return dataclasses.replace(
        dataset, input=spec, train=splits["train"], validation=splits["validation"], test=splits["test"]
    )


@dataclass(frozen=True)
class ResizedPictures:
    """Pictures that are resized when they are asked for; `Pictures` to those who train."""

    originals: Pictures = field(repr=False)
    spec: PictureInput

    def __len__(self) -> int:
        return len(self.originals)

    def __getitem__(self, positions: Positions, /) -> NDArray[np.uint8]:
        return _resize(self.originals[positions], self.spec)


def _in_memory(resized: Mapping[str, ResizedPictures], workers: int) -> dict[str, Pictures]:
    """Resize everything now. In processes: small pictures are mostly Python's work, which threads can't share."""
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),  # a fork would copy PyTorch's threads' locks
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is for the parent, which ends them
    ) as processes:
        return {name: _collect(pictures, processes) for name, pictures in resized.items()}


def _collect(resized: ResizedPictures, processes: ProcessPoolExecutor) -> NDArray[np.uint8]:
    spec = resized.spec
    pictures = np.empty((len(resized), spec.height, spec.width, spec.channels), np.uint8)
    starts = range(0, len(resized), _CHUNK)
    chunks = (resized.originals[slice(start, start + _CHUNK)] for start in starts)
    for start, chunk in zip(starts, processes.map(_resize, chunks, repeat(spec)), strict=True):
        pictures[start : start + len(chunk)] = chunk
    return pictures


def _resize(originals: NDArray[np.uint8], spec: PictureInput) -> NDArray[np.uint8]:
    """(m, H, W, C) uint8 to (m, h, w, c) uint8, each as the service would."""
    pictures = np.empty((len(originals), spec.height, spec.width, spec.channels), np.uint8)
    for at, original in enumerate(originals):
        colour = np.repeat(original, 3, axis=2) if original.shape[2] == 1 else original
        pictures[at] = preprocess(colour, spec)
    return pictures
