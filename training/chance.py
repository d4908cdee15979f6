"""Turns a seed and a place in the run into random numbers: nothing random has a state, so a run can go on anywhere.

What is drawn for a step depends on the seed and on the step alone. A run that was killed and resumed, or one that is
shared by several processes, draws what an undisturbed one would have drawn.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class Purpose(IntEnum):
    """What chance decides; each has numbers of its own."""

    WEIGHTS = 0
    ORDER = 1
    VARIATION = 2
    DROPOUT = 3


def derive_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """A seed in [0, 2**63) for one purpose at one place of the run (an epoch, a step)."""
    words = np.random.SeedSequence([seed, purpose, *place]).generate_state(1, np.uint64)
    return int(words[0]) >> 1


def generator(seed: int, purpose: Purpose, *place: int) -> torch.Generator:
    """A generator on the CPU, seeded by `derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(seed, purpose, *place))


@dataclass(frozen=True)
class Chance:
    """Draws a number for each picture of a batch that several processes may share."""

    source: torch.Generator
    count: int
    """Pictures in the batch of all processes."""
    mine: slice
    """Which of them are this process's."""

    def uniform(self, low: float, high: float) -> Tensor:
        """(n,) float32 in [low, high) for this process's n pictures."""
        return (torch.rand(self.count, generator=self.source) * (high - low) + low)[self.mine]

    def beta(self, concentration: float) -> Tensor:
        """(n,) float32 from Beta(concentration, concentration), by two gammas from NumPy with a seed drawn here."""
        seed = int(torch.randint(2**62, (1,), generator=self.source))
        drawn = np.random.default_rng(seed).beta(concentration, concentration, self.count)
        return torch.from_numpy(drawn.astype(np.float32))[self.mine]
