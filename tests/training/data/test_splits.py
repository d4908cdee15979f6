"""Pictures stay in their splits, and an empty split comes with advice."""

import hashlib
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from training.data.splits import divide, ensure_every_label
from training.errors import DatasetUnavailable


def digests(*contents: object) -> list[str]:
    return [hashlib.sha256(str(content).encode()).hexdigest() for content in contents]


@given(st.sets(st.integers()), st.sets(st.integers()), st.randoms(use_true_random=False))
def test_adding_pictures_never_moves_one(first: set[int], more: set[int], random: object) -> None:
    before, after = digests(*first), digests(*(first | more))
    random.shuffle(after)  # type: ignore[attr-defined]
    try:
        small, large = divide(before, 0.2, 0.3), divide(after, 0.2, 0.3)
    except DatasetUnavailable:
        assume(False)
    for few, many in zip(small, large, strict=True):
        assert {before[at] for at in few} == {after[at] for at in many} & set(before)


def test_splits_have_their_shares_and_nothing_in_common() -> None:
    parts = divide(digests(*range(20_000)), validation=0.1, test=0.25)
    assert [len(part) / 20_000 for part in parts] == pytest.approx([0.65, 0.1, 0.25], abs=0.01)
    assert sorted(np.concatenate(parts)) == list(range(20_000))
    for part in parts:
        assert np.all(np.diff(part) > 0)


@given(st.sets(st.integers(), min_size=3, max_size=12))
def test_following_the_advice_ends_in_three_splits_or_in_a_call_for_pictures(contents: set[int]) -> None:
    shares = {"test": 0.01, "validation": 0.01}
    for _ in range(10):
        try:
            parts = divide(digests(*contents), **shares)
        except DatasetUnavailable as error:
            assert "add pictures" in str(error) or "nothing to learn from" in str(error)
            advice = re.search(r"--(test|validation) (\S+) \(now", str(error))
            if not advice:
                return
            assert float(advice[2]) > shares[advice[1]]
            shares[advice[1]] = float(advice[2])
        else:
            assert all(len(part) for part in parts)
            return
    pytest.fail("the advice leads nowhere")


def test_an_unwanted_validation_split_may_be_empty() -> None:
    train, validation, test = divide(digests(*range(50)), validation=0, test=0.2)
    assert not len(validation)
    assert len(train) + len(test) == 50


@pytest.mark.parametrize(
    ("validation", "test", "said"),
    [
        (0.1, 0.0, "none of the 50 pictures falls into the test split: add pictures, or hold out more with --test 0.0"),
        (0.001, 0.2, "validation split: add pictures, or hold out more with --validation 0.0"),
        (0.5, 0.5, "--validation 0.5 and --test 0.5 leave nothing to learn from"),
        (0.5, 0.4999, "all 50 pictures are held out"),
    ],
)
def test_a_split_that_comes_out_empty_is_told_with_what_to_do(validation: float, test: float, said: str) -> None:
    with pytest.raises(DatasetUnavailable, match=re.escape(said)):
        divide(digests(*range(50)), validation, test)


def test_a_label_that_nothing_shows_is_named() -> None:
    ensure_every_label(np.array([0, 1]), ["cat", "dog"])
    with pytest.raises(DatasetUnavailable, match="no training picture shows 'dog'"):
        ensure_every_label(np.array([0, 0]), ["cat", "dog"])
