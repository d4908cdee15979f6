"""CIFAR-10 is the same data set in whatever form it comes, and nothing else is taken for it."""

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data import cifar10
from training.data.cifar10 import LABELS, load_cifar10, read_records, read_sheet
from training.data.dataset import Dataset, Split
from training.errors import DatasetUnavailable


@pytest.fixture(scope="module")
def cifar(data: Path) -> Dataset:
    return load_cifar10(data, validation=0.1)


@pytest.fixture
def sheet(data: Path) -> Split:
    """The first 1,000 test pictures."""
    with zipfile.ZipFile(data / cifar10.LOSSLESS.name) as file:
        rows = csv.DictReader(io.TextIOWrapper(file.open("labels.csv")))
        labels = [int(row["label"]) for row in rows if row["split"] == "test"]
        return Split(read_sheet(file.read("test_00.webp")), np.array(labels[:1000], np.int64))


def records(pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> bytes:
    """The binary form, by its definition: the label, then all red, all green and all blue pixels."""
    return np.concatenate(
        [labels.astype(np.uint8)[:, np.newaxis], pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)], axis=1
    ).tobytes()


def test_sizes_and_statistics(cifar: Dataset) -> None:
    assert cifar.labels == LABELS
    assert cifar.test.pictures[:].shape == (10_000, 32, 32, 3)
    assert len(cifar.train) + len(cifar.validation) == 50_000
    assert len(cifar.validation) == pytest.approx(5_000, rel=0.05)
    means = cifar.train.pictures[:].mean(axis=(0, 1, 2), dtype=np.float64) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
    assert tuple(sample.label for sample in cifar.samples) == LABELS
    assert len(cifar.fingerprint()) == 64


def test_the_binary_form_is_the_same_data_set(cifar: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / cifar10.UNPACKED
    folder.mkdir()
    training = [np.concatenate([one, other]) for one, other in (
        (cifar.validation.pictures[:], cifar.train.pictures[:]),
        (cifar.validation.labels, cifar.train.labels),
    )]  # fmt: skip
    for number, name in enumerate(cifar10.TRAIN_BATCHES):
        part = slice(number * 10_000, (number + 1) * 10_000)
        (folder / name).write_bytes(records(training[0][part], training[1][part]))
    (folder / cifar10.TEST_BATCHES[0]).write_bytes(records(cifar.test.pictures[:], cifar.test.labels))
    unpacked = load_cifar10(tmp_path, validation=0.1)
    assert unpacked.record() == cifar.record()
    assert unpacked.fingerprint() == cifar.fingerprint()
    assert set(unpacked.validation.digests) == set(cifar.validation.digests)
    (folder / cifar10.TEST_BATCHES[0]).rename(folder / cifar10.TRAIN_BATCHES[0])
    with pytest.raises(DatasetUnavailable, match=r"test_batch\.bin can't be read: No such file"):
        load_cifar10(tmp_path)
    (folder / cifar10.TEST_BATCHES[0]).write_bytes((folder / cifar10.TRAIN_BATCHES[0]).read_bytes())
    with pytest.raises(DatasetUnavailable, match=r"the training pictures in .* are not those of CIFAR-10"):
        load_cifar10(folder)
    for path in folder.iterdir():  # pytest keeps folders; this one is large
        path.unlink()


def test_records_are_read_back(sheet: Split) -> None:
    again = read_records(records(sheet.pictures[:], sheet.labels))
    assert np.array_equal(again.pictures[:], sheet.pictures[:])
    assert np.array_equal(again.labels, sheet.labels)


def test_the_archive_is_read_by_its_members_names(sheet: Split, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        names = [*cifar10.TRAIN_BATCHES, *cifar10.TEST_BATCHES, "batches.meta.txt"]
        for number, name in enumerate(names):
            content = records(sheet.pictures[number : number + 1], sheet.labels[number : number + 1])
            member = tarfile.TarInfo(f"{cifar10.UNPACKED}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    training, test = cifar10._read_archive(tmp_path / "a.tar.gz")
    assert training.content_hashes() + test.content_hashes() == sheet.content_hashes()[:6]
    assert [*training.labels, *test.labels] == sheet.labels[:6].tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "0 bytes are no batch"), (b"\0" * 3072, "3,072 bytes are no batch"), (b"\x0a" * 3073, "has the label 10")],
)
def test_other_records_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(DatasetUnavailable, match=said):
        read_records(content)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cifar-10-python.tar.gz", "pickles.*take https://.*/cifar-10-binary.tar.gz"),
        ("cifar-10-batches-py", "pickles"),
        ("cifar-10-binary.tar.gz", "not the published file"),
        ("cifar10-lossless.zip", "not the published file"),
        ("something.else", "holds no CIFAR-10"),
    ],
)
def test_what_is_not_the_published_set_is_refused_by_name(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(DatasetUnavailable, match=said) as refused:
        load_cifar10(tmp_path)
    assert "\n" not in str(refused.value)
