"""Turns one layer's output into a handful of numbers."""

from dataclasses import dataclass

import numpy as np

from service.inspection.activations import Activation


@dataclass(frozen=True)
class Statistics:
    """Over all values of a layer, in float64."""

    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    zero_share: float
    """Share of values that are exactly 0."""
    dead_channels: int
    """Channels of which every value is exactly 0."""


def measure(values: Activation) -> Statistics:
    """Summarise one layer's output, (C, H, W) or (K,) float32."""
    is_zero = values == 0
    return Statistics(
        minimum=float(values.min()),
        maximum=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
        standard_deviation=float(values.std(dtype=np.float64)),
        zero_share=float(is_zero.mean()),
        dead_channels=int(is_zero.reshape(len(values), -1).all(axis=1).sum()),
    )
