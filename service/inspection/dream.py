"""Turns a channel of a layer into a picture that excites it: climbed to from noise, along the gradient.

Source: C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", Distill 2017: the picture is a sum of waves
(`spectrum`), each step sees it moved and scaled a little, and edges (total variation) and contrast have their
price: so what is drawn is what the channel looks for, not the fine noise that excites it too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.contract import LOGITS
from service.decode import Picture
from service.inspection.activations import Inspector, check_budget
from service.inspection.dataflow import FixedValue
from service.inspection.errors import UnknownChannel
from service.inspection.graph import LayerTable
from service.inspection.layer import Layer
from service.inspection.spectrum import FloatPicture, Spectrum, Wave

_REACH, _LONGEST = 30.0, 0.3
"""How far all steps of the optimiser may lead in each wave, and one of them; from halfway on they shrink to nothing."""

_FIRST = 0.01
"""Standard deviation of the waves at the start."""

_SHIFT = 1 / 16
"""Of the picture's side: how far a step may see it moved."""

_ZOOM = 0.08
"""By what share a step may see it larger or smaller."""

_SMOOTHNESS = 0.35
"""Weight of the total variation, where the activation's gradient has a root mean square of 1."""

_CALM = 0.7
"""Weight, likewise, of what pulls each pixel back to grey: so what doesn't matter stays grey."""

_FAINT = 0.05
"""Differences below it, of white's 1, are no edge yet."""

_WORK = 1.2e11
"""Multiply-accumulates that a dream of usual length takes: a few seconds on two cores."""


@dataclass(frozen=True)
class Goal:
    """What is to be excited: the mean of a channel's map, or a unit of a vector."""

    layer: Layer
    channel: int


@dataclass(frozen=True)
class Moment:
    """How far it has come."""

    step: int
    """Counted from 1."""
    activation: float
    """The channel's mean in the picture as this step saw it."""
    paint: Callable[[], Picture]
    """Gives the picture as it is now, (h, w, c) uint8."""


@dataclass(frozen=True)
class Dream:
    """What came of it."""

    picture: Picture
    """(h, w, c) uint8."""
    activation: float
    """The channel's mean in that very picture, as the network sees it."""
    start: float
    """The same in the picture that it began with."""
    steps: int


class Watcher(Protocol):
    """Is told of every step."""

    def __call__(self, moment: Moment, /) -> None:
        """Take notice."""


def find_goal(table: LayerTable, name: str, channel: int) -> Goal:
    """What a layer's name and a number stand for; `logits` is the layer that gives them, whatever its name.

    Raises:
        UnknownLayer, UnknownChannel: there is none.
    """
    layer = table.by_tensor[LOGITS] if name == LOGITS and LOGITS in table.by_tensor else table.find(name)
    channels = layer.output_shape[0] if layer.output_shape else 0
    if not 0 <= channel < channels:
        raise UnknownChannel(f"layer {name!r} has the channels 0 to {channels - 1}, there is no {channel}")
    return Goal(layer, channel)


def usual_steps(table: LayerTable, goal: Goal) -> int:
    """As many steps as take a few seconds: 64 for large networks, 256 for small ones."""
    upto = table.flow.places[goal.layer.tensor]
    macs = sum(layer.macs for layer in table.layers if table.flow.places[layer.tensor] <= upto)
    return int(np.clip(_WORK / (3 * max(macs, 1)), 64, 256))  # a gradient takes about three times the forward run


def dream(  # noqa: PLR0913 - each is a choice of its own
    inspector: Inspector, goal: Goal, *, steps: int, seed: int, budget: int, watch: Watcher
) -> Dream:
    """Climb to a picture that excites a channel. The same seed gives the same picture on the same machine.

    Args:
        inspector: of the network.
        goal: what is to be excited.
        steps: of the climb.
        seed: of the first picture, and of how each step sees it.
        budget: bytes of memory that it may take.
        watch: is told of every step.

    Raises:
        TooMuchToShow: the network needs more memory.
        ConvscopeError: an operator on the way has no gradient; see `gradients.gradient_model`.
        CalledOff: nobody waits for it any more.
    """
    check_budget(2 * inspector.weigh(), budget, "no channel of a network of this size can be dreamt of here")
    height, width, channels = inspector.table.flow.shapes[inspector.table.flow.picture]
    random = np.random.default_rng(seed)
    spectrum = Spectrum(height, width, channels)
    waves = _FIRST * random.standard_normal(spectrum.shape)
    climb, slope = _Adam(waves), _Slope(inspector, goal)
    start = slope.measure(_paint(spectrum, waves))
    for step in range(1, steps + 1):
        down, across = _look(height, random), _look(width, random)
        seen = _sample(spectrum.paint(waves), down, across)
        activation, gradient = slope.find(seen)
        painted = spectrum.paint(waves)
        uphill = _level(_sample(gradient, down.T, across.T)) - _SMOOTHNESS * _roughness(painted)
        uphill -= _CALM * (painted / 255 - 0.5)
        rate = min(_LONGEST, _REACH / steps) * min(1, 2 * (1 - step / (steps + 1)))
        waves = climb.step(waves, spectrum.pull_back(waves, uphill), rate)
        watch(Moment(step, activation, partial(_paint, spectrum, waves)))
    picture = _paint(spectrum, waves)
    return Dream(picture, slope.measure(picture), start, steps)


class _Slope:
    """How a channel's mean changes with the picture."""

    def __init__(self, inspector: Inspector, goal: Goal) -> None:
        self._inspector, self._goal = inspector, goal
        self._before = inspector.table.parts[goal.layer.name].nodes[0].input[0]
        shape = goal.layer.output_shape
        self._weights: FixedValue = np.zeros((1, *shape), np.float32)
        self._weights[0, goal.channel] = 1 / prod(shape[1:])

    def measure(self, picture: Picture) -> float:
        """The channel's mean in a picture, (h, w, c) uint8."""
        tensor = self._goal.layer.tensor
        values = self._inspector.values(picture[np.newaxis], [tensor])[tensor][0]
        return float(values[self._goal.channel].mean())

    def find(self, picture: FloatPicture) -> tuple[float, FloatPicture]:
        """The channel's mean in a picture, and its gradient there, (h, w, c)."""
        activation, gradient = self._find(picture, self._goal.layer.tensor)
        if self._goal.layer.kind == "relu" and not gradient.any():
            # Where a ReLU is shut everywhere, nothing says which way is up: what goes into it does.
            _, gradient = self._find(picture, self._before)
        return activation, gradient

    def _find(self, picture: FloatPicture, value: str) -> tuple[float, FloatPicture]:
        derivatives = self._inspector.derivatives
        fed = picture[np.newaxis].astype(np.float32)
        values, gradients = derivatives.gradients(fed, value, self._weights, [derivatives.picture])
        return float((values[value] * self._weights).sum()), gradients[derivatives.picture][0].astype(np.float64)


class _Adam:
    """Steps uphill, of about one length in every wave however steep it is.

    Source: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    def __init__(self, waves: Wave) -> None:
        self._mean, self._square, self._steps = np.zeros_like(waves), np.zeros_like(waves), 0

    def step(self, waves: Wave, slope: Wave, rate: float) -> Wave:
        self._steps += 1
        self._mean = 0.9 * self._mean + 0.1 * slope
        self._square = 0.999 * self._square + 0.001 * slope**2
        mean, square = self._mean / (1 - 0.9**self._steps), self._square / (1 - 0.999**self._steps)
        climbed: Wave = waves + rate * mean / (np.sqrt(square) + 1e-12)
        return climbed


def _look(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    """How a step sees one axis of the picture: (length, length), the places seen from the places that are there."""
    zoom = 1 + random.uniform(-_ZOOM, _ZOOM)
    shift = random.uniform(-_SHIFT, _SHIFT) * length
    places = (np.arange(length) + 0.5 - length / 2) / zoom + length / 2 + shift - 0.5
    places = np.clip(length - 1 - np.abs(length - 1 - np.abs(places)), 0, length - 1)  # mirrored beyond the edges
    below = np.minimum(places.astype(int), length - 2) if length > 1 else np.zeros(1, int)
    matrix = np.zeros((length, length))
    rows = np.arange(length)
    matrix[rows, below] += 1 - (places - below)
    matrix[rows, np.minimum(below + 1, length - 1)] += places - below
    return matrix


def _sample(picture: FloatPicture, down: NDArray[np.float64], across: NDArray[np.float64]) -> FloatPicture:
    """A picture seen through a matrix for each axis; with the matrices transposed, the way back for gradients."""
    return np.stack([down @ plane @ across.T for plane in np.moveaxis(picture, -1, 0)], axis=-1)


def _level(gradient: FloatPicture) -> FloatPicture:
    """A gradient brought to a root mean square of 1."""
    size = float(np.sqrt((gradient**2).mean()))
    return gradient / size if size else gradient


def _roughness(picture: FloatPicture) -> FloatPicture:
    """How the picture's total variation changes with it: the lengths of its colours' gradients, summed.

    Source: L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise removal algorithms", 1992.
    """
    scaled = picture / 255
    down, across = np.diff(scaled, axis=0, append=scaled[-1:]), np.diff(scaled, axis=1, append=scaled[:, -1:])
    length = np.sqrt((down**2 + across**2).sum(axis=-1, keepdims=True) + _FAINT**2)
    down, across = down / length, across / length
    slope: FloatPicture = -down - across
    slope[1:] += down[:-1]
    slope[:, 1:] += across[:, :-1]
    return slope


def _paint(spectrum: Spectrum, waves: Wave) -> Picture:
    return np.round(spectrum.paint(waves)).astype(np.uint8)
