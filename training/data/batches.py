"""Turns an order of positions into batches of pictures: from memory, or prepared ahead by processes of their own."""

import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Pictures, Split, are_in_memory
from training.data.decoding import ignore_oddities
from training.errors import DatasetUnavailable

Batch = NDArray[np.uint8]
"""(m, h, w, c) uint8."""

_AHEAD = 2
"""Batches that each process prepares ahead."""


def read_batches(
    split: Split, order: Sequence[NDArray[np.int64]], workers: int
) -> Generator[NDArray[np.uint8], None, None]:
    """The pictures of each array of positions, in that order.

    Closing the generator, or leaving it to be collected, ends its processes.

    Args:
        split: where from.
        order: positions, one array a batch.
        workers: processes that read ahead where the pictures aren't in memory; 0: none.

    Yields:
        (m, h, w, c) uint8.

    Raises:
        DatasetUnavailable: a file is no longer what it was when it was listed.
    """
    if workers == 0 or are_in_memory(split.pictures):
        for positions in order:
            yield split.pictures[positions]
    elif order:
        yield from _read_ahead(_Batches(split.pictures, order), workers)


def _read_ahead(batches: "_Batches", workers: int) -> Generator[Batch, None, None]:
    from torch import Generator as Chance  # noqa: PLC0415 - what only decodes must not wait for PyTorch
    from torch.utils.data import DataLoader  # noqa: PLC0415

    loader: DataLoader[Batch] = DataLoader(
        batches,  # type: ignore[arg-type] # it asks for no more than these two methods
        batch_size=None,  # an item is a batch already
        num_workers=min(workers, len(batches)),
        prefetch_factor=_AHEAD,
        collate_fn=_unchanged,  # arrays go through a pipe; tensors would need more /dev/shm than containers have
        worker_init_fn=_begin,
        generator=Chance(),  # its own, or the training's chance would depend on where pictures are
    )
    prepared = iter(loader)
    try:
        for batch in prepared:
            if isinstance(batch, DatasetUnavailable):
                raise batch
            yield batch
    finally:
        del prepared  # with it go the processes


@dataclass(frozen=True)
class _Batches:
    """What a process is given. An error comes back as a value: raised there, its text would have a traceback."""

    pictures: Pictures
    order: Sequence[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, at: int) -> Batch | DatasetUnavailable:
        try:
            return self.pictures[self.order[at]]
        except DatasetUnavailable as error:
            return error


def _unchanged(batch: Any) -> Any:  # noqa: ANN401 - what torch says of such functions
    return batch


def _begin(_: int) -> None:
    """Leave Ctrl-C and SIGTERM to the parent: it may need this process to the end of an epoch, and takes it along."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ignore_oddities()
