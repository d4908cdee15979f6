"""Turns a network and its exported graph into a figure for how far they are apart, or into a refusal."""

import numpy as np

from service.engine import Engine
from service.evidence import Parity
from training.data.dataset import Dataset
from training.errors import ParityFailed
from training.score import score_pictures
from training.serving_graph import ServingGraph

PICTURES = 512
"""At most so many are compared."""

_LEAST = 256

_BATCH = 32
"""Large networks at large pictures need memory."""

_RELATIVE_TOLERANCE = 1e-4
"""Of the largest logit: float32 arithmetic in another order differs by about 1e-6."""


def check_parity(graph: ServingGraph, engine: Engine, dataset: Dataset) -> Parity:
    """Compare the logits of the network and of the engine that will serve it, on test pictures.

    Where there are fewer than 256 of them, pictures of noise are added.

    Raises:
        ParityFailed: any logit differs by more than 1e-4 of the largest.
    """
    pictures = dataset.test.pictures[slice(0, PICTURES)]
    if len(pictures) < _LEAST:
        spec = dataset.input
        noise = np.random.default_rng(0).integers(0, 256, (_LEAST, spec.height, spec.width, spec.channels), np.uint8)
        pictures = np.concatenate([pictures, noise[len(pictures) :]])
    worst, largest = 0.0, 1.0
    for start in range(0, len(pictures), _BATCH):
        some = pictures[start : start + _BATCH]
        expected = score_pictures(graph, some).logits
        # fmax would pass over what is no number
        worst = float(np.maximum(worst, np.abs(engine.run(some).logits - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    tolerance = _RELATIVE_TOLERANCE * largest
    if not worst <= tolerance:  # also where it is no number
        raise ParityFailed(
            f"the exported graph differs from the network by {worst:.3g} in a logit, on {len(pictures)} pictures;"
            f" {tolerance:.3g} is allowed: nothing was published"
        )
    return Parity(pictures=len(pictures), max_abs_difference=worst, tolerance=tolerance)
