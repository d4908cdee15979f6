"""Turns what was asked for into where the training runs and in what precision."""

from dataclasses import dataclass

import torch

from training.config import TrainingConfig
from training.errors import TrainingUnavailable


@dataclass(frozen=True)
class Place:
    """Where the arithmetic is done."""

    device: torch.device
    precision: torch.dtype
    """float32, or bfloat16 for the multiplications of convolutions and dense layers (autocast)."""

    def autocast(self) -> torch.autocast:
        """The context in which the network is run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision is torch.bfloat16)


def choose_place(config: TrainingConfig) -> Place:
    """Resolve `auto`.

    Raises:
        TrainingUnavailable: CUDA was asked for, and isn't there.
    """
    has_cuda = torch.cuda.is_available()
    if config.device == "cuda" and not has_cuda:
        raise TrainingUnavailable("--device cuda was asked for, but PyTorch finds none here; use cpu, or auto")
    device = torch.device("cuda" if has_cuda and config.device != "cpu" else "cpu")
    if config.precision == "auto":
        pays = device.type == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - PyTorch offers no public question
        return Place(device, torch.bfloat16 if pays else torch.float32)
    return Place(device, getattr(torch, config.precision))
