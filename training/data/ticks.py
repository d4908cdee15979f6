"""Turns a seed into a data set of drawn ticks and crosses: any stroke, slant, size, place, pen, paper and noise."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.contract import MnistForm, PictureInput
from service.preprocess import preprocess
from training.data.dataset import Dataset, LabelledFile, Split
from training.data.samples import encode_png

LABELS = ("tick", "cross")

INPUT = PictureInput(height=28, width=28, channels=1, resize=MnistForm())

Point = tuple[float, float]
"""x, y in pixels."""


@dataclass(frozen=True)
class Counts:
    """Pictures per split; half of each are ticks."""

    train: int = 4000
    validation: int = 500
    test: int = 1000


def load_ticks(seed: int, counts: Counts = Counts(), spec: PictureInput = INPUT) -> Dataset:
    """Draw a data set; the same seed gives the same pictures.

    Every picture is drawn as a person would send it and goes through the service's own preprocessing, so that the
    network learns from what it will be asked about.

    Args:
        seed: of the drawings, which are the same whatever the form.
        counts: pictures per split.
        spec: the form that the network takes.
    """
    random = np.random.default_rng(seed)
    drawings = _draw_labelled(random, 10)
    return Dataset(
        name="ticks",
        description="Whether a mark is a tick or a cross.",
        labels=LABELS,
        input=spec,
        train=_split(random, counts.train, spec),
        validation=_split(random, counts.validation, spec),
        test=_split(random, counts.test, spec),
        samples=tuple(LabelledFile(encode_png(picture), LABELS[label]) for picture, label in drawings),
    )


def draw_mark(random: np.random.Generator, label: int) -> NDArray[np.uint8]:
    """One drawing: (H, W) uint8, 72 to 120 pixels a side, ink darker or lighter than the paper."""
    width, height = (int(side) for side in random.integers(72, 121, 2))
    size = random.uniform(0.35, 0.8) * min(width, height)
    strokes = _tick(random, size) if label == 0 else _cross(random, size)
    strokes = _place(random, strokes, width, height)
    paper, ink = _greys(random)
    page = Image.new("L", (2 * width, 2 * height), paper)  # drawn at twice the size: Pillow's lines have hard edges
    pen = ImageDraw.Draw(page)
    thickness = max(2, round(2 * size * random.uniform(0.04, 0.16)))
    for stroke in strokes:
        points = [(2 * x, 2 * y) for x, y in stroke]
        pen.line(points, fill=ink, width=thickness, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - thickness / 2, y - thickness / 2, x + thickness / 2, y + thickness / 2), fill=ink)
    grey = np.asarray(page.resize((width, height), Image.Resampling.BOX), np.float64)
    noisy = grey + random.normal(0, random.uniform(0, 6), grey.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _tick(random: np.random.Generator, size: float) -> list[list[Point]]:
    """A short stroke down to the right and a long one up to the right, in one go; around the origin."""
    slant = random.normal(0, math.radians(10))
    short = random.uniform(0.3, 0.5) * size
    long = random.uniform(0.75, 1.0) * size
    down = math.radians(random.uniform(35, 70)) + slant
    up = math.radians(random.uniform(-68, -38)) + slant
    corner = (0.0, 0.0)
    start = (-short * math.cos(down), -short * math.sin(down))
    end = (long * math.cos(up), long * math.sin(up))
    return [[start, corner, _bent(random, corner, end, size), end]]


def _cross(random: np.random.Generator, size: float) -> list[list[Point]]:
    """Two strokes that cross near their middles, 60 to 120 degrees apart; around the origin."""
    turn = math.radians(45) + random.normal(0, math.radians(10))
    apart = math.radians(random.uniform(60, 120))
    strokes = []
    for angle in (turn, turn + apart):
        half, off = random.uniform(0.4, 0.55) * size, random.normal(0, 0.05 * size, 2)
        dx, dy = half * math.cos(angle), half * math.sin(angle)
        start, end = (float(off[0] - dx), float(off[1] - dy)), (float(off[0] + dx), float(off[1] + dy))
        strokes.append([start, _bent(random, start, end, size), end])
    return strokes


def _bent(random: np.random.Generator, start: Point, end: Point, size: float) -> Point:
    """The middle of a stroke, a little off the straight line: no hand draws with a ruler."""
    dx, dy = random.normal(0, 0.03 * size, 2)
    return (start[0] + end[0]) / 2 + float(dx), (start[1] + end[1]) / 2 + float(dy)


def _place(random: np.random.Generator, strokes: list[list[Point]], width: int, height: int) -> list[list[Point]]:
    """Move a mark to anywhere on the page that keeps it off the edges."""
    xs, ys = [x for stroke in strokes for x, _ in stroke], [y for stroke in strokes for _, y in stroke]
    margin = 0.1 * min(width, height)

    def offset(low: float, high: float, side: int) -> float:
        first, last = margin - low, side - margin - high
        return float(random.uniform(min(first, last), max(first, last)))

    dx, dy = offset(min(xs), max(xs), width), offset(min(ys), max(ys), height)
    return [[(x + dx, y + dy) for x, y in stroke] for stroke in strokes]


def _greys(random: np.random.Generator) -> tuple[int, int]:
    """Paper and ink, at least 90 grey levels apart, either one the lighter."""
    dark, light = int(random.integers(0, 80)), int(random.integers(170, 256))
    return (light, dark) if random.random() < 0.7 else (dark, light)


def _draw_labelled(random: np.random.Generator, count: int) -> list[tuple[NDArray[np.uint8], int]]:
    return [(draw_mark(random, index % 2), index % 2) for index in range(count)]


def _split(random: np.random.Generator, count: int, spec: PictureInput) -> Split:
    drawings = _draw_labelled(random, count)
    pictures = [preprocess(np.repeat(picture[..., np.newaxis], 3, axis=2), spec) for picture, _ in drawings]
    return Split(np.stack(pictures), np.array([label for _, label in drawings], np.int64))
