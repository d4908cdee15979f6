"""Turns CIFAR-10 in its binary or a lossless form into a data set: 50,000 + 10,000 colour photographs, 32 x 32.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The authors state no licence.

Three things are read, whichever a folder has: `cifar-10-binary.tar.gz`, what it unpacks to, and `cifar10-lossless.zip`
(sheets of 25 x 40 pictures as WebP). The form for Python is made of pickles, which run code when they are read.
"""

import csv
import dataclasses
import hashlib
import io
import math
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from platformdirs import user_cache_path

from service.contract import PictureInput, Stretch
from service.cores import available_cores
from training.data.dataset import Dataset, Split, hold_out
from training.data.download import PublicFile, fetch_file, find_file
from training.data.samples import picture_samples
from training.errors import DatasetUnavailable

MIRRORS = ("https://www.cs.toronto.edu/~kriz",)

# The authors publish an MD5 only; this is what TensorFlow Datasets and others record.
ARCHIVE = PublicFile("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")
LOSSLESS = PublicFile("cifar10-lossless.zip", "355c79bd69acf7c0e493ce5f02cfcf9d90cb999ff7c69944070b2f5061730fa3")

UNPACKED = "cifar-10-batches-bin"
TRAIN_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_BATCHES = ("test_batch.bin",)

PICKLED = ("cifar-10-python.tar.gz", "cifar-10-batches-py")

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

CONTENT = {
    "training": "cba710b2c7ef2a3550228b2de4b238dcd12632e199d2c3ed90f1f671941f1755",
    "test": "144e580e5f7b81c6ff2a51e76b4d06b321d9eb0f69ef32a34bb4d05882ec199e",
}
"""sha256 over the sorted content hashes and labels of each split, in whatever form and order it came."""

_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
"""Bytes: the label, then the red, the green and the blue pixels, each row by row."""

_SHEET = (25, 40)
"""Rows and columns of pictures on a sheet of the lossless form."""


def load_cifar10(folder: Path | None, validation: float = 1 / 12) -> Dataset:
    """CIFAR-10 from a folder that holds one of its forms, or from the cache, downloaded where that lacks it.

    Args:
        folder: where the files are.
        validation: share of the training pictures that is held out.

    Raises:
        DatasetUnavailable: it can't be had, or it is something else.
    """
    training, test = _read_folder(folder) if folder else _read_archive(_fetch())
    for name, split in (("training", training), ("test", test)):
        if _fingerprint(split) != CONTENT[name]:
            raise DatasetUnavailable(f"the {name} pictures in {folder or 'the cache'} are not those of CIFAR-10")
    train, held_out = hold_out(training, validation)
    return Dataset(
        name="cifar10",
        description="What a small photograph shows.",
        labels=LABELS,
        input=PictureInput(height=_SIDE, width=_SIDE, channels=3, resize=Stretch()),
        train=train,
        validation=held_out,
        test=test,
        samples=picture_samples(test, LABELS),
    )


def read_records(content: bytes) -> Split:
    """The records of a binary batch.

    Raises:
        DatasetUnavailable: they are no such records.
    """
    if not content or len(content) % _RECORD:
        raise DatasetUnavailable(f"{len(content):,} bytes are no batch of CIFAR-10, whose records have {_RECORD:,}")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(LABELS):
        raise DatasetUnavailable(f"a record has the label {labels.max()}; CIFAR-10 has {len(LABELS)}")
    planes = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels)


def read_sheet(content: bytes) -> NDArray[np.uint8]:
    """The pictures of a sheet of the lossless form, row by row: (1000, 32, 32, 3) uint8."""
    rows, columns = _SHEET
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).reshape(rows, _SIDE, columns, _SIDE, 3)
    return pixels.transpose(0, 2, 1, 3, 4).reshape(-1, _SIDE, _SIDE, 3)


def _fetch() -> Path:
    return fetch_file(ARCHIVE, MIRRORS, user_cache_path("convscope") / "cifar10")


def _read_folder(folder: Path) -> tuple[Split, Split]:
    """The training and the test pictures from whichever form the folder has."""
    if (folder / ARCHIVE.name).is_file():
        return _read_archive(find_file(ARCHIVE, folder))
    for place in (folder / UNPACKED, folder):
        if (place / TRAIN_BATCHES[0]).is_file():
            return _read_unpacked(place)
    if (folder / LOSSLESS.name).is_file():
        return _read_lossless(find_file(LOSSLESS, folder))
    for name in PICKLED:
        if (folder / name).exists():
            raise DatasetUnavailable(
                f"{folder / name} is made of pickles, which can run any code when they are read:"
                f" take {MIRRORS[0]}/{ARCHIVE.name}"
            )
    raise DatasetUnavailable(f"{folder} holds no CIFAR-10: neither {ARCHIVE.name}, {UNPACKED} nor {LOSSLESS.name}")


def _read_archive(path: Path) -> tuple[Split, Split]:
    contents = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if file := archive.extractfile(member):
                contents[Path(member.name).name] = file.read()
    return _join(TRAIN_BATCHES, contents.__getitem__), _join(TEST_BATCHES, contents.__getitem__)


def _read_unpacked(folder: Path) -> tuple[Split, Split]:
    def read(name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise DatasetUnavailable(f"{folder / name} can't be read: {error.strerror}") from error

    return _join(TRAIN_BATCHES, read), _join(TEST_BATCHES, read)


def _join(names: Sequence[str], read: Callable[[str], bytes]) -> Split:
    return _hashed(read_records(b"".join(read(name) for name in names)))


def _read_lossless(path: Path) -> tuple[Split, Split]:
    with zipfile.ZipFile(path) as file, ThreadPoolExecutor(available_cores()) as threads:
        rows = list(csv.DictReader(io.TextIOWrapper(file.open("labels.csv"), "utf-8")))
        splits = []
        for name in ("train", "test"):
            labels = np.array([int(row["label"]) for row in rows if row["split"] == name], np.int64)
            sheets = [f"{name}_{number:02d}.webp" for number in range(len(labels) // math.prod(_SHEET))]
            pictures = np.concatenate(list(threads.map(read_sheet, map(file.read, sheets))))
            splits.append(_hashed(Split(pictures, labels)))
    return splits[0], splits[1]


def _hashed(split: Split) -> Split:
    return dataclasses.replace(split, digests=split.content_hashes())


def _fingerprint(split: Split) -> str:
    lines = sorted(f"{digest} {label}" for digest, label in zip(split.digests, split.labels, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
