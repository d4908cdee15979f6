"""Turns the weights of successive steps into their exponential moving average."""

import torch
from torch import Tensor, nn


class Average:
    """Moving average of a network's numbers, the running statistics of normalisations among them.

    The decay grows with the steps, min(decay, (1 + t) / (10 + t)), so that the untrained start is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.values = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step `step`, counted from 1."""
        keep = min(self._decay, (1 + step) / (10 + step))
        state: dict[str, Tensor] = network.state_dict()
        fractions = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.values[name] for name in fractions], [state[name] for name in fractions], 1 - keep)
        for name, value in state.items():
            if not value.is_floating_point():
                self.values[name].copy_(value)
