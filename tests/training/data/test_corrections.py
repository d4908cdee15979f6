"""Corrected pictures are learnt, often enough to matter, and never judged by."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.feedback.archive import Archive
from service.feedback.folder import Correction
from training.data.batches import read_batches
from training.data.corrections import add_corrections, choose_repeats
from training.data.dataset import Dataset, JoinedPictures, are_in_memory
from training.data.resized import ResizedPictures
from training.data.ticks import draw_mark


def correct(folder: Path, picture: Image.Image, label: str, model: str = "ticks") -> None:
    about = Correction(model=model, version=1, label=label, predicted="?", probability=1, kept=datetime.now(UTC))
    Archive(folder, 2**20, 100).keep(picture, about)


def draw(seed: int) -> Image.Image:
    return Image.fromarray(draw_mark(np.random.default_rng(seed), 0))


def test_they_come_behind_the_others_and_several_times_an_epoch(ticks: Dataset, tmp_path: Path) -> None:
    for seed in (1, 2):
        correct(tmp_path, draw(seed), "cross")
    correct(tmp_path, draw(3), "cross", model="other")
    correct(tmp_path, draw(4), "scribble")
    learnt, lines = add_corrections(ticks, tmp_path, "ticks", 5, workers=1)
    assert lines == [
        "left out: 1 corrected picture with labels that are not learnt",
        "learning from 2 corrected pictures too, 5 times an epoch",
    ]
    assert len(learnt.train) == len(ticks.train) + 2
    assert learnt.corrections().labels.tolist() == [1, 1]
    assert np.bincount(learnt.epoch())[-3:].tolist() == [1, 5, 5]
    assert are_in_memory(learnt.train.pictures)
    (batch,) = read_batches(learnt.train, [np.array([601, 0, 600])], workers=2)
    assert np.array_equal(batch[1], ticks.train.pictures[slice(0, 1)][0])
    assert np.array_equal(batch[[2, 0]], learnt.corrections().pictures[slice(0, 2)])
    record = learnt.record()
    assert record.corrections is not None
    assert (record.corrections.pictures, record.corrections.repeats, record.counts["train"]) == (2, 5, 602)
    assert record.fingerprint != ticks.record().fingerprint
    assert record.counts["test"] == 300
    assert ticks.record().corrections is None
    assert ticks.epoch().tolist() == list(range(600))


def test_what_is_held_out_stays_so(ticks: Dataset, tmp_path: Path) -> None:
    for split in (ticks.test, ticks.validation):
        correct(tmp_path, Image.fromarray(split.pictures[slice(7, 8)][0, ..., 0]), "cross")
    learnt, lines = add_corrections(ticks, tmp_path, "ticks", 0, workers=1)
    assert learnt is ticks
    assert lines[0] == "left out: 2 corrected pictures of the test or validation split"
    assert lines[1].startswith("no corrected picture of ticks to learn from")


def test_a_missing_folder_and_a_broken_file_stop_nothing(ticks: Dataset, tmp_path: Path) -> None:
    assert add_corrections(ticks, tmp_path / "none", "ticks", 0, workers=1)[0] is ticks
    for seed in (1, 2):
        correct(tmp_path, draw(seed), "cross")
    broken = next(tmp_path.rglob("*.png"))
    broken.write_bytes(b"no picture")
    learnt, lines = add_corrections(ticks, tmp_path, "ticks", 0, workers=1)
    assert len(learnt.corrections()) == 1
    assert broken.name in lines[0]


def test_a_resumed_run_learns_those_that_it_began_with(ticks: Dataset, tmp_path: Path) -> None:
    correct(tmp_path, draw(1), "cross")
    begun = add_corrections(ticks, tmp_path, "ticks", 0, workers=1)[0]
    assert begun.corrected is not None
    correct(tmp_path, draw(2), "cross")
    resumed = add_corrections(ticks, tmp_path, "ticks", 0, workers=1, only=begun.corrected.digests)[0]
    assert resumed.fingerprint() == begun.fingerprint()


@pytest.mark.parametrize(
    ("pictures", "corrected", "repeats"), [(60_000, 1, 100), (4000, 10, 44), (90, 10, 1), (10, 500, 1)]
)
def test_a_handful_matters_and_many_do_not_crowd_out(pictures: int, corrected: int, repeats: int) -> None:
    assert choose_repeats(pictures, corrected) == repeats


def test_joined_pictures_are_as_one(ticks: Dataset) -> None:
    first, more = ticks.train.pictures[slice(0, 5)], ticks.train.pictures[slice(5, 8)]
    joined = JoinedPictures(first, more)
    assert len(joined) == 8
    assert np.array_equal(joined[slice(3, 7)], ticks.train.pictures[slice(3, 7)])
    assert np.array_equal(joined[np.array([7, 0])], ticks.train.pictures[np.array([7, 0])])
    assert not are_in_memory(JoinedPictures(ResizedPictures(first, ticks.input), more))
