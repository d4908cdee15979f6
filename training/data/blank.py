"""Turns labels and an input size into a data set without pictures, for a network that is published untrained."""

from collections.abc import Sequence

import numpy as np

from service.contract import PictureInput
from training.data.dataset import Dataset, Split


def make_blank(labels: Sequence[str], spec: PictureInput) -> Dataset:
    """No pictures, but all that a network's form depends on."""
    nothing = Split(np.zeros((0, spec.height, spec.width, spec.channels), np.uint8), np.zeros(0, np.int64))
    return Dataset(
        name="none",
        description="Untrained: the weights are as the seed made them.",
        labels=tuple(labels),
        input=spec,
        train=nothing,
        validation=nothing,
        test=nothing,
        samples=(),
    )
