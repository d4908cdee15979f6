"""Turns a network and its settings into the optimiser that improves it."""

import torch
from torch import nn

from training.config import TrainingConfig


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW or SGD with Nesterov's momentum; weights of convolutions and dense layers decay, all else doesn't.

    Sources: I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; I. Sutskever et al., "On the
    importance of initialization and momentum in deep learning", ICML 2013.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [tensor for tensor in trained if tensor.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [tensor for tensor in trained if tensor.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=config.momentum, nesterov=config.momentum > 0)
    return torch.optim.AdamW(groups, lr=0.0, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameters the same rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
