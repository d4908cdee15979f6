"""Turns files in MNIST's idx format into arrays, and four of them into a training and a test split."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from training.data.dataset import Split
from training.data.download import PublicFile, fetch_file, find_file

_GZIP = 31
"""zlib's word for a gzip header and the largest window."""


@dataclass(frozen=True)
class IdxSource:
    """Where a data set in this format comes from."""

    name: str
    """Of its folder in the cache."""
    mirrors: tuple[str, ...]
    """Addresses of folders that hold the files."""
    train_images: PublicFile
    train_labels: PublicFile
    test_images: PublicFile
    test_labels: PublicFile


def load_splits(source: IdxSource, folder: Path | None) -> tuple[Split, Split]:
    """The training and the test pictures, (n, h, w, 1) uint8, from a folder that has the files, or from the cache.

    Raises:
        DatasetUnavailable: a file can't be had, or isn't the published one.
    """

    def read(file: PublicFile) -> NDArray[np.uint8]:
        cache = user_cache_path("convscope") / source.name
        return read_idx(find_file(file, folder) if folder else fetch_file(file, source.mirrors, cache))

    return (
        Split(read(source.train_images)[..., np.newaxis], read(source.train_labels).astype(np.int64)),
        Split(read(source.test_images)[..., np.newaxis], read(source.test_labels).astype(np.int64)),
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """One gzipped file as the array that its header describes; a checksum has vouched for its form."""
    content = bytearray(zlib.decompress(path.read_bytes(), _GZIP))  # writable, for PyTorch
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
