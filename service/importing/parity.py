"""Turns a file and the version made of it into a figure for how far apart they answer, or into a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from service.engine import Engine, Pixels, Scores
from service.evidence import Parity
from service.importing.errors import FixedBatch, ImportDiffers
from service.importing.options import Normalisation
from service.importing.picture import PictureForm
from service.importing.preprocessing import prepare
from service.importing.scores import ScoreValue
from service.importing.session import Array, Original

PICTURES = 12
"""So many are compared."""

_RELATIVE_TOLERANCE, _HALF_TOLERANCE = 1e-4, 1e-2
"""Of the largest logit, at least of 1: float32 arithmetic in another order differs by about 1e-6; float16 more."""

_TOGETHER = 3
"""Pictures in one run, to see that each gets the answer that it gets alone."""


def random_pictures(form: PictureForm) -> Pixels:
    """Pictures that differ in everything a picture can: noise, soft blotches and flat colours, (12, h, w, c) uint8."""
    chance = np.random.default_rng(0)
    size = (form.height, form.width)
    channels = form.pixel_channels
    pictures = [chance.integers(0, 256, (*size, channels), np.uint8) for _ in range(PICTURES // 2)]
    rows, columns = (np.linspace(0, 3.999, side).astype(int) for side in size)
    for number in range(PICTURES // 3):
        coarse = chance.integers(0, 256, (4, 4, channels), np.uint8)
        pictures.append(coarse[rows][:, columns] if number else np.full_like(pictures[0], 0))
    pictures += [np.full_like(pictures[0], 255 * each // 2) for each in range(1, 1 + PICTURES - len(pictures))]
    return np.stack(pictures)


@dataclass(frozen=True)
class Expectation:
    """What the file answers to the pictures."""

    pictures: Pixels
    scores: Array
    """(n, K) in the file's own form."""
    logits: Array | None
    """(n, K), where the graph has them."""
    element: int
    """The coarsest type that the file computes its answer in."""


def expect(
    original: Original, form: PictureForm, normalisation: Normalisation, value: ScoreValue, element: int
) -> Expectation:
    """Ask the file about the random pictures.

    Raises:
        ImportRefused: onnxruntime can't.
    """
    pictures = random_pictures(form)
    wanted = [value.value] if value.logits is None else [value.value, value.logits]
    answers = original.run(prepare(pictures, form, normalisation), wanted)
    rows = [answer.reshape(len(pictures), -1).astype(np.float32) for answer in answers]
    if not all(np.isfinite(row).all() for row in rows):
        raise ImportDiffers(
            "the file itself answers random pictures with infinite numbers, or none: nothing can be held"
        )
    return Expectation(pictures, rows[0], rows[1] if value.logits is not None else None, element)


def check_parity(engine: Engine, expectation: Expectation, value: ScoreValue) -> Parity:
    """Compare the version, run by the service's own engine, with the file.

    Raises:
        ImportDiffers: its answers are others.
        FixedBatch: they are, once several pictures are asked about together.
    """
    pictures = expectation.pictures
    alone = _join([engine.run(pictures[slice(at, at + 1)]) for at in range(len(pictures))], value)
    parity = _compare(alone, expectation, value)
    together = _join(
        [engine.run(pictures[slice(at, at + _TOGETHER)]) for at in range(0, len(pictures), _TOGETHER)], value
    )
    try:
        _compare(together, expectation, value)
    except ImportDiffers as error:
        raise FixedBatch(
            "the network answers differently when it is asked about several pictures at once: it was made for a fixed"
            " number of them, and can't be freed of it"
        ) from error
    return parity


def _join(answers: Sequence[Scores], value: ScoreValue) -> Scores:
    """Rows of all, as the graph gives them: of two labels told apart by one sigmoid the second."""
    first = slice(1, None) if value.outputs == 1 else slice(None)
    return Scores(
        np.concatenate([answer.logits for answer in answers])[:, first],
        np.concatenate([answer.probabilities for answer in answers])[:, first],
    )


def _compare(found: Scores, expectation: Expectation, value: ScoreValue) -> Parity:
    relative = _HALF_TOLERANCE if expectation.element == TensorProto.FLOAT16 else _RELATIVE_TOLERANCE
    scores = expectation.scores
    if value.form == "log-probabilities":
        scores = np.exp(scores)
    apart = found.logits if value.form == "logits" else found.probabilities
    difference = _difference(apart, scores)
    largest = max(1.0, float(np.abs(scores).max()))
    if expectation.logits is not None:
        _refuse_above(difference, relative * largest)
        difference = _difference(found.logits, expectation.logits)
        largest = max(1.0, float(np.abs(expectation.logits).max()))
    _refuse_above(difference, relative * largest)
    return Parity(pictures=len(scores), max_abs_difference=difference, tolerance=relative * largest)


def _difference(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        raise ImportDiffers(f"the version gives {found.shape} where the file gives {expected.shape}")
    return float(np.abs(found - expected).max())


def _refuse_above(difference: float, tolerance: float) -> None:
    if not difference <= tolerance:  # also where it is no number
        raise ImportDiffers(
            f"with its preprocessing in front the network answers differently from the file: by {difference:.3g},"
            f" {tolerance:.3g} is allowed; nothing was published"
        )
