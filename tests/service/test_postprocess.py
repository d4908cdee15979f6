"""Probabilities to ranked labels."""

import numpy as np

from service.postprocess import rank


def test_most_probable_first_ties_in_label_order() -> None:
    ranked = rank(np.array([0.25, 0.5, 0.25], np.float32), ["a", "b", "c"], 5)
    assert ranked == [
        {"label": "b", "index": 1, "probability": 0.5},
        {"label": "a", "index": 0, "probability": 0.25},
        {"label": "c", "index": 2, "probability": 0.25},
    ]


def test_no_more_than_asked_for() -> None:
    assert [item["label"] for item in rank(np.array([0.1, 0.9], np.float32), ["a", "b"], 1)] == ["b"]
