"""Splits that stay, and a fingerprint that tells sets apart."""

import dataclasses

import numpy as np
import pytest

from training.data.dataset import Dataset, Split, hold_out
from training.data.ticks import Counts, load_ticks


def random_split(count: int, seed: int = 0) -> Split:
    random = np.random.default_rng(seed)
    return Split(random.integers(0, 255, (count, 3, 3, 1), np.uint8), random.integers(0, 2, count))


def test_a_picture_stays_on_its_side_as_the_set_grows_and_is_shuffled() -> None:
    small = random_split(200)
    grown = Split(
        np.concatenate([random_split(100, 1).pictures, small.pictures[::-1]]),
        np.concatenate([random_split(100, 1).labels, small.labels[::-1]]),
    )
    held_before = {picture.tobytes() for picture in hold_out(small, 0.25)[1].pictures[:]}
    held_after = {picture.tobytes() for picture in hold_out(grown, 0.25)[1].pictures[:]}
    assert 30 < len(held_before) < 70
    assert held_before <= held_after
    kept_after = {picture.tobytes() for picture in hold_out(grown, 0.25)[0].pictures[:]}
    assert not kept_after & held_after


def test_the_fingerprint_knows_content_and_labels_but_no_order(ticks: Dataset) -> None:
    backwards = Split(ticks.train.pictures[::-1], ticks.train.labels[::-1])
    relabelled = Split(ticks.train.pictures, 1 - ticks.train.labels)
    assert dataclasses.replace(ticks, train=backwards).fingerprint() == ticks.fingerprint()
    assert dataclasses.replace(ticks, train=relabelled).fingerprint() != ticks.fingerprint()


def test_pictures_and_labels_have_to_match() -> None:
    with pytest.raises(ValueError, match="3 pictures, but 2 labels"):
        Split(np.zeros((3, 1, 1, 1), np.uint8), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="1 digests, but 2 labels"):
        Split(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(2, np.int64), ("ab",))


def test_drawings_repeat_with_the_seed_and_are_in_mnists_form() -> None:
    counts = Counts(train=40, validation=10, test=10)
    first, again, other = (load_ticks(seed, counts) for seed in (5, 5, 6))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    assert first.train.labels.mean() == 0.5
    for picture in first.train.pictures[:]:
        rows = np.flatnonzero(picture.any(axis=(1, 2)))
        columns = np.flatnonzero(picture.any(axis=(0, 2)))
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20  # a faint edge may round to nothing
