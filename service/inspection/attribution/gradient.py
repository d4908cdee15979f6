"""Turns a picture into maps of the score's gradient: plain, as a mean over noise, summed from a picture of nothing."""

import numpy as np
from numpy.typing import NDArray

from service.inspection.attribution.subject import Baseline, Heat, Subject
from service.inspection.derivatives import FloatPictures

_FIRST_STEPS = 16
"""Of the sum, before it is known whether they suffice."""

_TOLERANCE = 0.01
"""Share of the difference of scores that the sum may miss."""


def gradient(subject: Subject) -> Heat:
    """How much the score changes with a pixel: the gradient's largest absolute value among the colours.

    Source: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks: Visualising Image
    Classification Models and Saliency Maps", ICLR workshop 2014.
    """
    _, gradients = subject.gradients(subject.picture[np.newaxis])
    return _saliency(gradients[0], {})


def smoothgrad(subject: Subject, *, samples: int, noise: float, seed: int) -> Heat:
    """The same of the mean gradient over copies of the picture with noise: what only flickers is gone.

    Args:
        subject: the picture and the class.
        samples: copies.
        noise: its standard deviation, as a share of the picture's range of values.
        seed: of the noise.

    Source: D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg, "SmoothGrad: removing noise by adding noise", 2017.
    """
    random = np.random.default_rng(seed)  # drawn one after the other: the portions' size makes no difference
    spread = np.float32(noise * np.ptp(subject.picture))
    total = np.zeros(subject.picture.shape)
    for portion in subject.portions(samples):
        drawn = random.standard_normal((len(portion), *subject.picture.shape), dtype=np.float32)
        _, gradients = subject.gradients(subject.picture + spread * drawn)
        total += gradients.sum(axis=0, dtype=np.float64)
    mean = (total / samples).astype(np.float32)
    return _saliency(mean, {"samples": samples, "noise": noise, "seed": seed})


def integrated_gradients(subject: Subject, *, baseline: Baseline, steps: int) -> Heat:
    """Each pixel's share in the difference between the picture's score and that of a picture of nothing.

    The gradients along the straight way between the two are summed by the trapezoidal rule, whose steps are halved
    until the shares add up to the difference within 1 %: every gradient that was computed goes on being used.

    Args:
        subject: the picture and the class.
        baseline: the picture of nothing.
        steps: at most.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    """
    start = subject.baseline(baseline)
    way = subject.picture - start
    taken = min(_FIRST_STEPS, steps)
    ends, first = subject.gradients(np.stack([start, subject.picture]))
    difference = float(ends[1]) - float(ends[0])
    mean = (first[0] / 2 + first[1] / 2 + _sum_along(subject, start, way, np.arange(1, taken) / taken)) / taken
    while not _is_complete(mean, way, difference) and 2 * taken <= steps:
        between = (np.arange(taken) + 0.5) / taken
        mean = mean / 2 + _sum_along(subject, start, way, between) / (2 * taken)
        taken *= 2
    shares = (mean * way).astype(np.float32)
    total = float(shares.sum(dtype=np.float64))
    figures = {
        "baseline": baseline,
        "steps": taken,
        "sum": total,
        "difference": difference,
        "completeness_error": abs(total - difference) / abs(difference) if difference else abs(total),
    }
    return Heat(shares.sum(axis=-1), np.moveaxis(shares, -1, 0), figures)


def _sum_along(
    subject: Subject, start: FloatPictures, way: FloatPictures, places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The sum of the gradients at places between 0, the start, and 1, the way's end."""
    total = np.zeros(start.shape)
    for portion in subject.portions(len(places)):
        shares = places[portion].astype(np.float32).reshape(-1, 1, 1, 1)
        _, gradients = subject.gradients(start + shares * way)
        total += gradients.sum(axis=0, dtype=np.float64)
    return total


def _is_complete(mean: NDArray[np.float64], way: FloatPictures, difference: float) -> bool:
    # Half of what is promised: the steps' error shrinks unevenly, and a sum may be right by chance.
    return abs(float((mean * way).sum()) - difference) <= _TOLERANCE / 2 * abs(difference)


def _saliency(gradients: FloatPictures, figures: dict[str, float | int | str | list[int]]) -> Heat:
    return Heat(np.abs(gradients).max(axis=-1), np.moveaxis(gradients, -1, 0), figures)
