"""Turns a run's figures and its answers to the test split into `course/` of a version: curves, and pictures to look at.

The folder stays within its budget by this rule. First come the wrong answers that the network was surest of. Then, in
turn, one more picture of each pair of labels that were taken for each other, and one more of each label that was told
right but barely, until there are enough of each or the budget is spent.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract import COURSE_FILE, COURSE_FOLDER
from service.evidence import AnsweredPicture, Course, Epoch, LearningRate, ReliabilityBin
from training.calibrate import measure_reliability, probabilities_at
from training.report import MISTAKES, ReportInput
from training.thumbnail import draw_thumbnail

BUDGET = 300_000
"""Bytes of all pictures together, at most."""

EACH = 8
"""Pictures of one true and one answered label, at most; more only of the surest mistakes."""

SIDE = 96
"""Longer side of a stored picture in pixels, at most: a smaller one is exactly what the network sees."""

_RATES = 240
"""Points of the learning rate's curve."""


def write_course(given: ReportInput, budget: int = BUDGET) -> dict[str, bytes]:
    """The files of `course/` by path in the version's folder; the same input gives the same bytes.

    Args:
        given: what the report tells of.
        budget: bytes of all pictures together.
    """
    answers = _read_answers(given)
    chosen = _choose_pictures(given, answers, budget)
    before, after = _reliability(given)
    course = Course(
        epochs=tuple(
            Epoch(
                epoch=figures.epoch,
                loss=round(figures.loss, 6),
                validation_accuracy=round(figures.validation_accuracy, 6) if len(given.dataset.validation) else None,
            )
            for figures in given.epochs
        ),
        learning_rates=_learning_rates(given),
        reliability_before=before,
        reliability=after,
        pictures=tuple(_describe(given, answers, position) for position in _sort(answers, list(chosen))),
    )
    pictures = {f"{COURSE_FOLDER}/{_file(position)}": content for position, content in chosen.items()}
    return {f"{COURSE_FOLDER}/{COURSE_FILE}": course.model_dump_json().encode(), **pictures}


def _learning_rates(given: ReportInput) -> tuple[LearningRate, ...]:
    rates = given.learning_rates
    if not rates:
        return ()
    chosen = np.unique(np.linspace(0, len(rates) - 1, min(_RATES, len(rates))).astype(int))
    epochs = len(given.epochs) / len(rates)
    return tuple(
        LearningRate(epoch=round(step * epochs, 4), rate=float(f"{rates[step]:.6g}")) for step in chosen.tolist()
    )


def _reliability(given: ReportInput) -> tuple[tuple[ReliabilityBin, ...], ...]:
    """Before calibration, and as it is published."""
    calibration = given.evidence.test.calibration
    labels = given.dataset.test.labels
    if not len(labels):
        return (), ()
    return tuple(
        tuple(
            ReliabilityBin(
                confidence=round(each.confidence, 6), accuracy=round(each.accuracy, 6), pictures=each.pictures
            )
            for each in measure_reliability(
                probabilities_at(given.scores.logits, given.manifest.head, divisor), labels
            )
        )
        for divisor in (1.0, calibration.temperature if calibration else 1.0)
    )  # fmt: skip


class _Answers(NamedTuple):
    """To each picture of the test split."""

    true: NDArray[np.int64]
    answered: NDArray[np.int64]
    sureness: NDArray[np.float32]
    """Probability of the answered label."""


def _read_answers(given: ReportInput) -> _Answers:
    true = given.dataset.test.labels
    if not len(true):
        return _Answers(true, true, np.zeros(0, np.float32))
    return _Answers(true, given.scores.logits.argmax(axis=1), given.scores.probabilities.max(axis=1))


def _choose_pictures(given: ReportInput, answers: _Answers, budget: int) -> dict[int, bytes]:
    """Pictures as PNG, by their position in the test split."""
    chosen: dict[int, bytes] = {}
    spent = 0
    for position in _order(answers):
        pixels = given.dataset.test.pictures[slice(position, position + 1)][0]
        content = draw_thumbnail(pixels, SIDE)
        spent += len(content)
        if spent > budget:
            break
        chosen[position] = content
    return chosen


def _order(answers: _Answers) -> Iterator[int]:
    """Positions in the test split by how much one wants to see them, without doubles."""
    true, answered, sureness = answers
    wrong = np.flatnonzero(answered != true)
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")]
    right = np.flatnonzero(answered == true)
    right = right[np.argsort(sureness[right], kind="stable")]
    worst = wrong[:MISTAKES].tolist()
    yield from worst
    taken, turns = Counter[tuple[int, int]](), list[tuple[int, int]]()
    for position in [*wrong.tolist(), *right.tolist()]:
        pair = int(true[position]), int(answered[position])
        turns.append((taken[pair], position))
        taken[pair] += 1
    seen = set(worst)
    # Sorting keeps the order of equals: in each turn wrong answers come first, the surest of them before the rest.
    for turn, position in sorted(turns, key=lambda item: item[0]):
        if turn < EACH and position not in seen:
            yield position


def _sort(answers: _Answers, positions: list[int]) -> list[int]:
    """Wrong answers, the surest first, then right ones, the least sure first."""
    true, answered, sureness = answers

    def rank(position: int) -> tuple[bool, float, int]:
        is_right = bool(true[position] == answered[position])
        return is_right, float(sureness[position]) * (1 if is_right else -1), position

    return sorted(positions, key=rank)


def _describe(given: ReportInput, answers: _Answers, position: int) -> AnsweredPicture:
    true, answered, sureness = answers
    labels = given.dataset.labels
    return AnsweredPicture(
        file=_file(position),
        label=labels[int(true[position])],
        answered=labels[int(answered[position])],
        probability=min(1.0, float(sureness[position])),
    )


def _file(position: int) -> str:
    return f"{position:05d}.png"
