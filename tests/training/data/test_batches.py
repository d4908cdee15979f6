"""Batches in the order asked for, the same from memory and from the disk, and no process left behind."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from service.contract import PictureInput, Stretch
from tests.training.data.conftest import settings
from training.data.batches import read_batches
from training.data.dataset import Split
from training.data.pictures import load_pictures
from training.data.resized import ResizedPictures
from training.errors import DatasetUnavailable


@pytest.fixture
def streamed(folder: Path, tmp_path: Path) -> Split:
    """A training split on the disk, whose files may be broken."""
    root = shutil.copytree(folder, tmp_path / "set")
    return load_pictures(settings(root, memory=1, height=100, width=100)).train


def shuffled(split: Split, size: int) -> list[NDArray[np.int64]]:
    order = np.random.default_rng(0).permutation(len(split))
    return [order[start : start + size] for start in range(0, len(order), size)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_streaming_gives_what_memory_gives(folder: Path, streamed: Split, workers: int) -> None:
    kept = load_pictures(settings(folder, height=100, width=100)).train
    assert isinstance(kept.pictures, np.ndarray)
    assert not isinstance(streamed.pictures, np.ndarray)
    order = shuffled(kept, 4)
    from_memory, from_disk = (list(read_batches(split, order, workers)) for split in (kept, streamed))
    assert len(from_memory) == len(from_disk) == len(order)
    for positions, one, other in zip(order, from_memory, from_disk, strict=True):
        assert one.dtype == other.dtype == np.uint8
        assert one.shape == other.shape == (len(positions), 100, 100, 3)
        assert np.array_equal(one, other)
        assert np.array_equal(one, kept.pictures[positions])


def test_what_is_resized_when_asked_for_streams_too() -> None:
    originals = np.random.default_rng(0).integers(0, 256, (12, 5, 5, 1), np.uint8)
    spec = PictureInput(height=8, width=9, channels=3, resize=Stretch())
    split = Split(ResizedPictures(originals, spec), np.zeros(12, np.int64))
    order = shuffled(split, 5)
    for batch, positions in zip(read_batches(split, order, workers=2), order, strict=True):
        assert np.array_equal(batch, split.pictures[positions])


def test_no_order_is_no_batches(streamed: Split) -> None:
    assert list(read_batches(streamed, [], workers=2)) == []


def test_closing_early_ends_the_processes(streamed: Split) -> None:
    before = set(multiprocessing.active_children())
    batches = read_batches(streamed, shuffled(streamed, 1) * 20, workers=2)
    next(batches)
    assert len(set(multiprocessing.active_children()) - before) == 2
    started = time.monotonic()
    batches.close()
    assert set(multiprocessing.active_children()) == before
    assert time.monotonic() - started < 10


def test_signals_are_the_parents_business(streamed: Split) -> None:
    """Ctrl-C, and a supervisor that ends a service, send them to all processes at once."""
    order = shuffled(streamed, 2)
    batches = read_batches(streamed, order, workers=1)
    read = [next(batches)]
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGINT)
        os.kill(child.pid or 0, signal.SIGTERM)
    read += batches
    assert len(read) == len(order)


def test_streaming_takes_nothing_from_the_trainings_chance(streamed: Split) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    list(read_batches(streamed, shuffled(streamed, 8), workers=1))
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "could be read when the training began, now it can't: No such file or directory"),
        (b"GIF89a", "could be read when the training began, now it can't: the bytes are no picture that can be read"),
        ("another", "was changed while the training ran"),
    ],
)
def test_a_file_that_vanished_or_broke_is_named(
    streamed: Split, workers: int, content: bytes | str | None, said: str
) -> None:
    paths = streamed.pictures.paths  # type: ignore[attr-defined]
    order = shuffled(streamed, 4)
    path = paths[order[-1][0]]
    if content is None:
        path.unlink()
    else:
        path.write_bytes(paths[order[0][0]].read_bytes() if isinstance(content, str) else content)
    before = set(multiprocessing.active_children())
    with pytest.raises(DatasetUnavailable) as refused:
        list(read_batches(streamed, order, workers))
    assert str(refused.value).startswith(f"{path} {said}")
    assert "\n" not in str(refused.value)
    assert set(multiprocessing.active_children()) == before


def test_decoding_does_not_wait_for_pytorch() -> None:
    program = "import sys, training.data.source, training.data.batches; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
