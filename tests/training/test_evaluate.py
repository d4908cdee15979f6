"""Held-out pictures to figures: counted rightly, for splits of any kind and size, and named so that files can be."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from service.contract import Stretch
from service.engine import Engine, Scores
from service.evidence import Sample
from tests.published import white_png
from tests.training.learnt import learn, load
from training.data.dataset import Dataset, LabelledFile, Positions, Split
from training.evaluate import answer, answer_samples, evaluate

Array = NDArray[np.uint8]


class FromDisk:
    """Pictures that are only read in pieces, as those of a folder are."""

    def __init__(self, pictures: Array) -> None:
        self._pictures = pictures
        self.largest = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, positions: Positions, /) -> Array:
        pieces = self._pictures[positions]
        self.largest = max(self.largest, len(pieces))
        return pieces


def scores(answers: list[int], labels: int) -> Scores:
    logits = np.eye(labels, dtype=np.float32)[answers] * 3
    return Scores(logits, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def split(true: list[int]) -> Split:
    return Split(np.zeros((len(true), 2, 2, 1), np.uint8), np.array(true, np.int64))


@pytest.fixture(scope="module")
def engine(ticks: Dataset) -> Engine:
    return load(learn(ticks), ticks)[0]


def test_the_figures_are_those_counted_by_hand() -> None:
    figures = evaluate(scores([0, 0, 1, 2, 2, 0], 4), split([0, 1, 1, 2, 0, 0]), ("a", "b", "c", "d"))
    assert figures.pictures == 6
    assert figures.accuracy == pytest.approx(4 / 6)
    assert figures.top_5 is None
    assert figures.confusion == ((2, 0, 1, 0), (1, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0))
    a, b, c, d = figures.per_label
    assert (a.label, a.pictures, a.correct) == ("a", 3, 2)
    assert (a.precision, a.recall, a.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3), abs=1e-6)
    assert (b.precision, b.recall, b.f1) == pytest.approx((1, 1 / 2, 2 / 3), abs=1e-6)
    assert (c.precision, c.recall, c.f1) == pytest.approx((1 / 2, 1, 2 / 3), abs=1e-6)
    assert (d.pictures, d.correct, d.precision, d.recall, d.f1) == (0, 0, 0, 0, 0)


def test_among_the_first_five_counts_where_there_are_more_labels() -> None:
    logits = np.tile(np.arange(7, dtype=np.float32), (3, 1))  # the answer is always 6; 0 and 1 are not among five
    figures = evaluate(Scores(logits, logits), split([6, 2, 1]), tuple("abcdefg"))
    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.top_5 == pytest.approx(2 / 3, abs=1e-6)


def test_an_empty_test_split_has_figures_of_nothing(engine: Engine, ticks: Dataset) -> None:
    empty = Split(ticks.test.pictures[slice(0, 0)], ticks.test.labels[:0])
    for labels in (ticks.labels, tuple("abcdefg")):
        figures = evaluate(answer(engine, empty), empty, labels)
        assert (figures.pictures, figures.accuracy, figures.top_5) == (0, 0, None)
        assert [(row.label, row.pictures, row.precision) for row in figures.per_label] == [
            (label, 0, 0) for label in labels
        ]


def test_a_network_of_a_single_label_and_one_of_many() -> None:
    alone = evaluate(scores([0, 0], 1), split([0, 0]), ("a",))
    assert (alone.accuracy, alone.confusion, alone.per_label[0].f1) == (1, ((2,),), 1)
    many = evaluate(scores([0, 149], 150), split([0, 1]), tuple(map(str, range(150))))
    assert many.accuracy == 0.5
    assert many.confusion == ()


def test_pictures_are_read_a_batch_at_a_time(engine: Engine, ticks: Dataset) -> None:
    pictures = np.concatenate([ticks.train.pictures[slice(0, 600)], ticks.test.pictures[slice(0, 300)]])
    labels = np.concatenate([ticks.train.labels, ticks.test.labels])
    from_disk = FromDisk(pictures)
    answered = answer(engine, Split(from_disk, labels))
    assert answered.logits.shape == answered.probabilities.shape == (900, 2)
    assert from_disk.largest == 500
    assert answered.logits[555] == pytest.approx(engine.run(pictures[555:556]).logits[0], abs=1e-5)
    assert evaluate(answered, Split(from_disk, labels), ticks.labels).accuracy > 0.9


def test_samples_are_answered_as_the_service_will(engine: Engine, ticks: Dataset) -> None:
    samples = answer_samples(engine, ticks)
    assert list(samples) == [f"{index:02d}-{sample.label}.png" for index, sample in enumerate(ticks.samples)]
    for (content, record), sample in zip(samples.values(), ticks.samples, strict=True):
        assert content == sample.content
        assert record.label == sample.label
        assert 0.5 <= record.probability <= 1
    assert sum(record.label == record.predicted for _, record in samples.values()) >= 8


@pytest.mark.parametrize(
    ("label", "file"),
    [
        ("t-shirt/top", "00-t-shirt-top.jpg"), ("../../etc", "00-etc.jpg"), ("Café crème", "00-Cafe-creme.jpg"),
        ("猫", "00-picture.jpg"), ("a" * 200, f"00-{'a' * 60}.jpg"), ("n01.b_2", "00-n01.b_2.jpg"),
    ],
)  # fmt: skip
def test_any_label_makes_a_file_name(engine: Engine, ticks: Dataset, label: str, file: str) -> None:
    odd = dataclasses.replace(
        ticks,
        labels=(label, "cross"),
        samples=(LabelledFile(white_png(), label, "jpg"),),
        input=ticks.input.model_copy(update={"resize": Stretch()}),
    )
    samples = answer_samples(engine, odd)
    assert list(samples) == [file]
    assert Sample.model_validate(samples[file][1].model_dump()).label == label
