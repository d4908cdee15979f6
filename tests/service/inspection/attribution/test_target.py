"""Which class is asked about."""

import numpy as np
import pytest

from service.inspection.attribution.target import find_class, make_target, predicted_class
from service.inspection.errors import UnknownClass


def test_a_class_is_found_by_label_and_by_number() -> None:
    labels = ["cat", "dog", "0"]
    assert find_class("dog", labels) == 1
    assert find_class("1", labels) == 1
    assert find_class("0", labels) == 2  # a label that looks like a number is meant as the label


@pytest.mark.parametrize("name", ["cow", "3", "-1", "", "99999999999999999999", "²"])
def test_an_unknown_class_is_refused_with_the_valid_ones(name: str) -> None:
    with pytest.raises(UnknownClass, match=r"from 0 to 2 .* cat, dog, fox"):
        find_class(name, ["cat", "dog", "fox"])


def test_of_a_thousand_labels_the_message_names_some() -> None:
    with pytest.raises(UnknownClass, match="and 970 more") as refusal:
        find_class("cow", [f"label {index}" for index in range(1000)])
    assert len(str(refusal.value)) < 600


def test_a_score_is_the_class_own_logit() -> None:
    logits = np.array([3, 5, -2], np.float32)
    assert [float(logits @ make_target(index, "abc", 3).weights) for index in range(3)] == [3, 5, -2]
    assert predicted_class(logits) == 1


def test_a_single_output_speaks_for_the_second_class_and_against_the_first() -> None:
    for value, predicted in ((2.5, 1), (-2.5, 0)):
        logits = np.array([value], np.float32)
        assert predicted_class(logits) == predicted
        assert float(logits @ make_target(0, ["dark", "bright"], 1).weights) == -value
        assert float(logits @ make_target(1, ["dark", "bright"], 1).weights) == value
