"""Turns a network into what is served: one module from pixels to probabilities, preprocessing and head included."""

from typing import Literal

import torch
from torch import Tensor, nn


class Preprocessing(nn.Module):
    """(n, h, w, c) pixels of 0 to 255 -> (n, c, h, w) float32, shifted and scaled to the training set's statistics.

    Channels come first before anything is computed: onnxruntime spreads a number per channel over a plane at once, but
    over the last dimension a pixel at a time, which took longer than all of LeNet-5.
    """

    mean: Tensor
    """(c, 1, 1)."""
    std: Tensor
    """(c, 1, 1)."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Cast, channels first, scale to [0, 1], normalise per channel."""
        # Copied: in the strides of channels-last, PyTorch would export a global average pool as a dozen nodes.
        planes = pixels.to(torch.float32).permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
        return self.normalise(planes / 255)

    def normalise(self, scaled: Tensor) -> Tensor:
        """The last step of it, for pictures that training has scaled and varied: (n, c, h, w) in [0, 1]."""
        return (scaled - self.mean) / self.std


class Temperature(nn.Module):
    """Divides the logits by a constant: the same answers, with probabilities that mean what they say.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
    """

    value: Tensor

    def __init__(self, value: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(value, dtype=torch.float32))

    def forward(self, logits: Tensor) -> Tensor:
        """(n, K) -> (n, K)."""
        return logits / self.value


class ServingGraph(nn.Module):
    """A network with all that belongs to it: (n, h, w, c) pixels -> logits and probabilities, (n, K) each."""

    def __init__(
        self,
        preprocessing: Preprocessing,
        network: nn.Module,
        head: Literal["softmax", "sigmoid"],
        temperature: float = 1.0,
    ) -> None:
        """Put them together.

        Args:
            preprocessing: from pixels to what the network takes.
            network: from that to logits.
            head: what makes probabilities of them.
            temperature: what the logits are divided by before the head; 1: there is no such step in the graph.
        """
        super().__init__()
        self.preprocessing = preprocessing
        self.network = network
        self.divisor = temperature
        """What the logits are divided by before the head."""
        self.temperature = Temperature(temperature) if temperature != 1 else None
        self.add_module(head, nn.Softmax(dim=1) if head == "softmax" else nn.Sigmoid())
        self._head = head

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and probabilities."""
        logits = self.logits(pixels)
        tempered = logits if self.temperature is None else self.temperature(logits)
        probabilities: Tensor = self.get_submodule(self._head)(tempered)
        return logits, probabilities

    def logits(self, pixels: Tensor) -> Tensor:
        """(n, K) float32, before temperature and head."""
        logits: Tensor = self.network(self.preprocessing(pixels))
        return logits
