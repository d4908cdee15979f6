"""The course of a training: its curves, and the test pictures one wants to see, within a budget."""

import dataclasses
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.evidence import Course
from service.published import read_course
from tests.training.test_report import EPOCHS, made_up, report_input
from training.course import BUDGET, EACH, write_course
from training.data.dataset import Dataset, Split
from training.report import MISTAKES, ReportInput


def course_of(files: dict[str, bytes]) -> Course:
    return Course.model_validate_json(files["course/course.json"])


@pytest.fixture(scope="module")
def given(ticks: Dataset) -> ReportInput:
    """Random answers to 300 pictures of noise with three labels."""
    return made_up(("a", "b", "c"), report_input(ticks))


def test_the_curves_are_those_of_the_run(given: ReportInput) -> None:
    course = course_of(write_course(given))
    assert [epoch.loss for epoch in course.epochs] == [round(epoch.loss, 6) for epoch in EPOCHS]
    assert [epoch.validation_accuracy for epoch in course.epochs] == [round(e.validation_accuracy, 6) for e in EPOCHS]
    rates = course.learning_rates
    assert [rate.rate for rate in rates] == pytest.approx(given.learning_rates)
    assert rates[0].epoch == 0
    assert rates[-1].epoch < len(EPOCHS)
    assert sum(each.pictures for each in course.reliability) == 300


def test_the_pictures_are_the_ones_to_see(given: ReportInput) -> None:
    files = write_course(given)
    pictures = course_of(files).pictures
    wrong = [picture for picture in pictures if picture.label != picture.answered]
    right = pictures[len(wrong) :]
    assert all(picture.label == picture.answered for picture in right), "wrong ones come first"
    assert [p.probability for p in wrong] == sorted((p.probability for p in wrong), reverse=True)
    assert [p.probability for p in right] == sorted(p.probability for p in right)
    true, answered = given.dataset.test.labels, given.scores.logits.argmax(axis=1)
    assert wrong[0].probability == pytest.approx(float(given.scores.probabilities.max(axis=1)[true != answered].max()))
    pairs = Counter((picture.label, picture.answered) for picture in pictures)
    assert len(pairs) == 9, "some of every pair"
    assert all(count == EACH for (label, said), count in pairs.items() if label == said)
    for picture in pictures:
        position = int(picture.file.removesuffix(".png"))
        assert given.dataset.labels[int(true[position])] == picture.label
        assert given.dataset.labels[int(answered[position])] == picture.answered
        shown = np.asarray(Image.open(io.BytesIO(files[f"course/{picture.file}"])))
        assert (shown == given.dataset.test.pictures[slice(position, position + 1)][0, ..., 0]).all()


def test_the_pictures_stay_within_their_budget_and_the_worst_come_first(given: ReportInput) -> None:
    files = write_course(given, 20_000)
    content = sum(len(data) for name, data in files.items() if name.endswith(".png"))
    assert 10_000 < content <= 20_000
    everything = course_of(write_course(given)).pictures
    few = course_of(files).pictures
    assert few == everything[: len(few)], "as many of the worst as fit"
    assert len(few) < MISTAKES


def test_the_same_input_gives_the_same_bytes_and_is_read_again(given: ReportInput, tmp_path: Path) -> None:
    files = write_course(given)
    assert write_course(given) == files
    assert sum(map(len, files.values())) < BUDGET + 100_000
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert read_course(tmp_path) == course_of(files)
    assert read_course(tmp_path / "elsewhere") is None


def test_without_epochs_or_test_pictures_there_is_nothing_to_show(given: ReportInput) -> None:
    nothing = Split(np.zeros((0, 28, 28, 1), np.uint8), np.zeros(0, np.int64))
    dataset: Dataset = dataclasses.replace(given.dataset, test=nothing, validation=nothing)
    course = course_of(write_course(dataclasses.replace(given, dataset=dataset, epochs=(), learning_rates=())))
    assert (course.epochs, course.learning_rates, course.pictures, course.reliability) == ((), (), (), ())
