"""Turns a data set and an untrained network into a trained one: the loop, and nothing but the loop."""

import math
import time

import torch
from torch import Tensor
from torch.nn import functional

from training.config import TrainingConfig
from training.data.augment import augment
from training.data.dataset import Dataset, Split
from training.errors import TrainingDiverged
from training.progress import EpochFigures, Listener
from training.serving_graph import ServingGraph

_EVALUATION_BATCH = 500


def train(graph: ServingGraph, dataset: Dataset, config: TrainingConfig, listener: Listener) -> None:
    """Train in place with AdamW and a one-cycle schedule; the same configuration gives the same weights on a CPU.

    Sources: I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; L. N. Smith, N. Topin,
    "Super-Convergence", 2018.

    Args:
        graph: the network with its preprocessing.
        dataset: its training split is learnt, its validation split reported.
        config: the settings.
        listener: is told how it goes.

    Raises:
        TrainingDiverged: the loss is no number any more.
    """
    if config.epochs == 0:
        return
    torch.set_num_threads(config.threads)
    chance = torch.Generator().manual_seed(config.seed)
    pictures, labels = torch.from_numpy(dataset.train.pictures), torch.from_numpy(dataset.train.labels)
    steps = math.ceil(len(labels) / config.batch_size)
    optimizer = torch.optim.AdamW(graph.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=config.learning_rate, total_steps=steps * config.epochs
    )
    listener.begin(steps * config.epochs)
    for epoch in range(1, config.epochs + 1):
        started, total = time.perf_counter(), 0.0
        graph.train()
        for chosen in torch.randperm(len(labels), generator=chance).split(config.batch_size):  # type: ignore[no-untyped-call]
            varied = _vary(pictures[chosen], config, chance)
            loss = functional.cross_entropy(graph.logits(varied), labels[chosen])
            if not torch.isfinite(loss):
                raise TrainingDiverged(
                    f"the loss is {loss.item()} in epoch {epoch}: try a --learning-rate below {config.learning_rate:g}"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
            listener.step()
        speed = len(labels) / (time.perf_counter() - started)
        accuracy = measure_accuracy(graph, dataset.validation)
        listener.epoch(EpochFigures(epoch, config.epochs, total / len(labels), accuracy, speed))


def measure_accuracy(graph: ServingGraph, split: Split) -> float:
    """Share of pictures whose largest logit is their label's; 0 for an empty split."""
    graph.eval()
    pictures, labels = torch.from_numpy(split.pictures), torch.from_numpy(split.labels)
    correct = 0
    with torch.inference_mode():
        for start in range(0, len(labels), _EVALUATION_BATCH):
            some = slice(start, start + _EVALUATION_BATCH)
            correct += int((graph.logits(pictures[some]).argmax(dim=1) == labels[some]).sum())
    return correct / max(1, len(labels))


def _vary(pictures: Tensor, config: TrainingConfig, chance: torch.Generator) -> Tensor:
    """Augment uint8 (n, h, w, c) pictures; they stay (n, h, w, c), but as floats of 0 to 255."""
    scaled = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255
    return augment(scaled, config.augmentation, chance).permute(0, 2, 3, 1) * 255
