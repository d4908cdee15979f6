"""Turns a picture into a map of how much the score falls where a part of it is covered."""

import numpy as np

from service.inspection.attribution.subject import Baseline, Heat, Subject
from service.inspection.errors import TooMuchToShow

_WINDOWS = 7
"""Of them lie side by side across the picture, where no size is asked for."""

_MOST = 1024
"""Windows of one request: a minute's work for a large network on a few cores."""


def occlusion(subject: Subject, *, baseline: Baseline, window: int | None, stride: int | None) -> Heat:
    """The fall of the score when a square window is covered, as a mean over the windows that cover a pixel.

    Args:
        subject: the picture and the class.
        baseline: what covers it.
        window: its side in pixels; None: about a seventh of the picture's shorter side.
        stride: pixels between two windows; None: half a window.

    Raises:
        TooMuchToShow: there would be too many windows.

    Source: M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    height, width, _ = subject.picture.shape
    side = min(window or max(1, round(min(height, width) / _WINDOWS)), height, width)
    step = min(stride or max(1, side // 2), side)  # longer, and pixels between the windows would never be covered
    places = [(y, x) for y in _starts(height, side, step) for x in _starts(width, side, step)]
    if len(places) > _MOST:
        raise TooMuchToShow(
            f"this would cover {len(places):,} windows; {_MOST:,} is the limit: ask for a longer stride"
        )
    cover = subject.baseline(baseline)
    whole = float(subject.scores(subject.picture[np.newaxis])[0])
    total, covered = np.zeros((height, width)), np.zeros((height, width))
    for portion in subject.portions(len(places)):
        parts = [np.s_[y : y + side, x : x + side] for y, x in places[portion.start : portion.stop]]
        pictures = np.repeat(subject.picture[np.newaxis], len(parts), axis=0)
        for picture, part in zip(pictures, parts, strict=True):
            picture[part] = cover[part]
        for part, score in zip(parts, subject.scores(pictures), strict=True):
            total[part] += whole - float(score)
            covered[part] += 1
    figures = {"baseline": baseline, "window": side, "stride": step, "windows": len(places)}
    return Heat((total / covered).astype(np.float32), figures=figures)


def _starts(length: int, side: int, step: int) -> range:
    """Where windows begin; the last may stick out, so that the picture's end is covered too."""
    return range(0, max(1, length - side + step), step)
