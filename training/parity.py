"""Turns a network and its exported graph into a figure for how far they are apart, or into a refusal."""

import numpy as np
import torch

from service.contract import Parity
from service.engine import Engine
from training.data.dataset import Dataset
from training.errors import ParityFailed
from training.serving_graph import ServingGraph

PICTURES = 512
"""At most so many are compared."""

_RELATIVE_TOLERANCE = 1e-4
"""Of the largest logit: float32 arithmetic in another order differs by about 1e-6."""


def check_parity(graph: ServingGraph, engine: Engine, dataset: Dataset) -> Parity:
    """Compare the logits of the network and of the engine that will serve it, on test pictures.

    Raises:
        ParityFailed: any logit differs by more than 1e-4 of the largest.
    """
    pictures = dataset.test.pictures[:PICTURES]
    with torch.inference_mode():
        expected = graph.eval().logits(torch.from_numpy(pictures)).numpy()
    difference = float(np.abs(engine.run(pictures).logits - expected).max())
    tolerance = _RELATIVE_TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= tolerance:  # also where it is no number
        raise ParityFailed(
            f"the exported graph differs from the network by {difference:.3g} in a logit, on {len(pictures)} pictures;"
            f" {tolerance:.3g} is allowed: nothing was published"
        )
    return Parity(pictures=len(pictures), max_abs_difference=difference, tolerance=tolerance)
