"""Uneven labels are told and weighed against."""

import numpy as np
import pytest

from training.data.balance import imbalance, label_weights
from training.data.dataset import Split
from training.errors import DatasetUnavailable


def labelled(*labels: int) -> Split:
    return Split(np.zeros((len(labels), 1, 1, 1), np.uint8), np.array(labels, np.int64))


def test_imbalance_is_most_to_least() -> None:
    assert imbalance(labelled(0, 0, 0, 1, 2, 2)) == 3
    assert imbalance(labelled(1, 0)) == 1


def test_weights_are_inverse_to_frequency_and_one_on_average() -> None:
    split = labelled(0, 0, 0, 1, 2, 2)
    weights = label_weights(split, ["a", "b", "c"])
    assert weights.dtype == np.float32
    assert weights[split.labels].mean() == pytest.approx(1)
    assert weights[1] == pytest.approx(3 * weights[0])
    assert label_weights(labelled(0, 1), ["a", "b"]).tolist() == [1, 1]


def test_a_label_without_a_training_picture_has_no_weight() -> None:
    with pytest.raises(DatasetUnavailable, match="'b'"):
        label_weights(labelled(0, 2), ["a", "b", "c"])
