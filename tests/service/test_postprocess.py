"""Probabilities to ranked labels."""

import numpy as np

from service.postprocess import RankedLabel, rank


def test_most_probable_first_ties_in_label_order() -> None:
    ranked = rank(np.array([0.25, 0.5, 0.25], np.float32), ["a", "b", "c"], 5)
    assert ranked == [RankedLabel("b", 1, 0.5), RankedLabel("a", 0, 0.25), RankedLabel("c", 2, 0.25)]


def test_no_more_than_asked_for() -> None:
    assert [item.label for item in rank(np.array([0.1, 0.9], np.float32), ["a", "b"], 1)] == ["b"]
