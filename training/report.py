"""Turns a trained network's figures, its curves and its mistakes into one HTML page that needs nothing beside it."""

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypedDict

import numpy as np
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray

from service.contract import Manifest
from service.engine import Scores
from service.evidence import Evidence
from training.calibrate import BINS, measure_reliability, probabilities_at
from training.charts import draw_accuracies, draw_learning_rates, draw_losses, draw_reliability
from training.data.dataset import Dataset
from training.evaluate import count_confusions
from training.progress import EpochFigures
from training.thumbnail import draw_thumbnail

MISTAKES = 24
"""Wrong answers that are shown, the surest first."""

LARGEST_MATRIX = 20
"""Labels; of more, only the most confused pairs are listed."""

PAIRS_BESIDE, PAIRS_ALONE = 10, 25
"""Confused pairs that are listed beside the matrix, and where there is none."""

_SIDE = 96
"""Longer side of a mistake's picture in pixels, at most."""

_THIN = "\N{NARROW NO-BREAK SPACE}"

_RATES = 240
"""Points of the learning rate's curve."""


@dataclass(frozen=True)
class ReportInput:
    """What a report tells of."""

    manifest: Manifest
    evidence: Evidence
    dataset: Dataset
    scores: Scores
    """Of `model.onnx` on the test split."""
    epochs: Sequence[EpochFigures]
    """In order; none of an untrained network."""
    learning_rates: Sequence[float] = ()
    """Of each step, in order."""


def write_report(given: ReportInput) -> bytes:
    """Write `report.html`; the same input gives the same bytes."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=_percent, duration=_duration)
    template = environment.from_string(files("training").joinpath("report.html.j2").read_text("utf-8"))
    matrix = count_confusions(given.scores, given.dataset.test, len(given.dataset.labels))
    page = template.render(
        manifest=given.manifest,
        evidence=given.evidence,
        test=given.evidence.test,
        interval=_interval(given.evidence.test.accuracy, given.evidence.test.pictures),
        curves=_draw_curves(given),
        matrix=_shade(matrix) if len(matrix) <= LARGEST_MATRIX else None,
        pairs=list(_list_pairs(matrix, given.dataset.labels)),
        mistakes=list(_list_mistakes(given)),
        mistaken=int(matrix.sum() - np.trace(matrix)),
        reliability=_draw_reliability(given),
        bins=BINS,
    )
    return page.encode()


class _Curve(TypedDict):
    title: str
    value: str
    """What it came to, in words."""
    drawing: str
    """An `<svg>` element."""


def _draw_curves(given: ReportInput) -> list[_Curve]:
    if not given.epochs:
        return []
    losses = [figures.loss for figures in given.epochs]
    accuracies = [figures.validation_accuracy for figures in given.epochs]
    curves = [_Curve(title="Training loss", value=f"{losses[-1]:.4f} nats at last", drawing=draw_losses(losses))]
    if len(given.dataset.validation):
        best = max(accuracies)
        value = f"{_percent(accuracies[-1])} at last, {_percent(best)} at best"
        curves.append(_Curve(title="Validation accuracy", value=value, drawing=draw_accuracies(accuracies)))
    if given.learning_rates:
        chosen = np.linspace(0, len(given.learning_rates) - 1, min(_RATES, len(given.learning_rates))).astype(int)
        drawing = draw_learning_rates([given.learning_rates[index] for index in chosen], len(given.epochs))
        value = f"{max(given.learning_rates):g} at its peak"
        curves.append(_Curve(title="Learning rate", value=value, drawing=drawing))
    return curves


class _Cell(TypedDict):
    pictures: int
    shade: int
    """Per cent of full colour."""
    dark: bool
    """Whether letters on it have to be light."""


def _shade(matrix: NDArray[np.int64]) -> list[list[_Cell]]:
    """Right answers by their share of the row; wrong ones beside the most frequent of them, so that few can be seen."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    frequency = np.where(wrong > 0, 0.15 + 0.6 * np.sqrt(wrong / max(1, wrong.max())), 0.0)
    shown = np.where(np.eye(len(matrix), dtype=bool), shares, frequency)
    return [
        [
            _Cell(pictures=int(pictures), shade=round(100 * share), dark=bool(share > 0.6))
            for pictures, share in zip(*row, strict=True)
        ]
        for row in zip(matrix, shown, strict=True)
    ]


class _Pair(TypedDict):
    true: str
    answered: str
    pictures: int
    share: float
    """Of the true label's pictures."""


def _list_pairs(matrix: NDArray[np.int64], labels: Sequence[str]) -> Iterator[_Pair]:
    """The labels that are most often taken for others, most often first."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    totals = matrix.sum(axis=1)
    listed = PAIRS_BESIDE if len(labels) <= LARGEST_MATRIX else PAIRS_ALONE
    for place in np.argsort(-wrong, axis=None, kind="stable")[:listed]:
        row, column = divmod(int(place), len(labels))
        pictures = int(wrong[row, column])
        if pictures:
            share = pictures / int(totals[row])
            yield _Pair(true=labels[row], answered=labels[column], pictures=pictures, share=share)


class _Mistake(TypedDict):
    picture: str
    """As a data URI."""
    true: str
    answered: str
    probability: float


def _list_mistakes(given: ReportInput) -> Iterator[_Mistake]:
    """The wrong answers that the network was surest of."""
    split, labels = given.dataset.test, given.dataset.labels
    if not len(split):
        return
    answered, sureness = given.scores.logits.argmax(axis=1), given.scores.probabilities.max(axis=1)
    wrong = np.flatnonzero(answered != split.labels)
    for index in wrong[np.argsort(-sureness[wrong], kind="stable")][:MISTAKES]:
        pixels = split.pictures[slice(int(index), int(index) + 1)][0]
        yield _Mistake(
            picture=f"data:image/png;base64,{base64.b64encode(draw_thumbnail(pixels, _SIDE)).decode()}",
            true=labels[int(split.labels[index])],
            answered=labels[int(answered[index])],
            probability=min(1.0, float(sureness[index])),
        )


def _draw_reliability(given: ReportInput) -> str | None:
    """Before and after calibration, or as it is where there was none."""
    split, head, calibration = given.dataset.test, given.manifest.head, given.evidence.test.calibration
    if not len(split):
        return None
    temperature = calibration.temperature if calibration else 1.0
    before, after = (
        measure_reliability(probabilities_at(given.scores.logits, head, divisor), split.labels)
        for divisor in (1.0, temperature)
    )
    return draw_reliability(before, after if temperature != 1 else ())


def _interval(share: float, pictures: int) -> tuple[float, float] | None:
    """Where the true share is with 95 % probability; None without pictures.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    if not pictures:
        return None
    z = 1.96
    middle = (share + z * z / (2 * pictures)) / (1 + z * z / pictures)
    half = z / (1 + z * z / pictures) * math.sqrt(share * (1 - share) / pictures + (z / (2 * pictures)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _percent(share: float, digits: int = 2) -> str:
    """`99.20 %` with a space that doesn't break, never rounded up to all or down to none."""
    rounded = f"{100 * share:.{digits}f}"
    if share < 1 and float(rounded) == 100:
        rounded = f"{100 - 10**-digits:.{digits}f}"
    return f"{rounded}{_THIN}%" if float(rounded) or not share else f"<{_THIN}{10**-digits:.{digits}f}{_THIN}%"


def _duration(seconds: float) -> str:
    """`1 h 5 min`, `3 min 20 s`, `12.5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
