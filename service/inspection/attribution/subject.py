"""Turns a picture and a class into what every method asks for: the class's score, and the score's gradient."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.contract import LOGITS
from service.inspection.attribution.target import Weights
from service.inspection.derivatives import Derivatives, FloatPictures

Map = NDArray[np.float32]
"""(h, w) float32 at the size of the network's input: how much each place speaks for the class."""

Figure = float | int | str | list[int]

Baseline = Literal["black", "mean"]
"""What stands for "nothing there": black, or the picture's own mean colour."""


@dataclass(frozen=True)
class Heat:
    """What a method found out of one picture."""

    values: Map
    channels: NDArray[np.float32] | None = None
    """(c, h, w) float32: the same by colour channel, signed, where the method tells them apart."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """The method's own."""


@dataclass(frozen=True)
class Subject:
    """One picture, and the class that it is asked about."""

    derivatives: Derivatives
    picture: FloatPictures
    """(h, w, c) float32, 0 to 255."""
    weights: Weights
    """The class's, of the logits."""
    batch: int
    """Pictures that one run may take."""

    def scores(self, pictures: FloatPictures) -> NDArray[np.float32]:
        """The class's score for n pictures, (n, h, w, c) like this one: (n,) float32."""
        logits = self.derivatives.values(pictures, [LOGITS])[LOGITS]
        scores: NDArray[np.float32] = logits @ self.weights
        return scores

    def gradients(self, pictures: FloatPictures) -> tuple[NDArray[np.float32], FloatPictures]:
        """The class's score for n pictures, and how it changes with each of their numbers, in logits per grey level.

        Returns:
            (n,) and (n, h, w, c), float32.
        """
        values, gradients = self.gradients_of(pictures, self.derivatives.picture)
        return values[LOGITS] @ self.weights, gradients

    def gradients_of(
        self, pictures: FloatPictures, value: str
    ) -> tuple[Mapping[str, NDArray[np.float32]], NDArray[np.float32]]:
        """How the class's score for n pictures changes with a value of the graph.

        Returns:
            The logits and the value itself, by name; the gradient, (n, …) as the value.
        """
        cotangent = np.broadcast_to(self.weights, (len(pictures), self.weights.size))
        values, gradients = self.derivatives.gradients(pictures, LOGITS, np.ascontiguousarray(cotangent), [value])
        return values, gradients[value]

    def baseline(self, kind: Baseline) -> FloatPictures:
        """(h, w, c) float32: a picture of nothing."""
        if kind == "black":
            return np.zeros_like(self.picture)
        return np.broadcast_to(self.picture.mean(axis=(0, 1)), self.picture.shape).astype(np.float32)

    def portions(self, count: int) -> Iterator[range]:
        """The numbers from 0 to `count`, in portions that one run may take."""
        for start in range(0, count, self.batch):
            yield range(start, min(start + self.batch, count))
