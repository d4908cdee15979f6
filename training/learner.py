"""Turns batches into better weights, one step at a time; all that a step changes is kept and restored here."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.average import Average
from training.chance import Chance, Purpose, derive_seed, generator
from training.checkpoint import pack_optimizer, unpack_optimizer
from training.config import TrainingConfig
from training.data.augment import augment, blend
from training.device import Place
from training.loss import count_outputs, make_targets, measure_loss
from training.optimizer import make_optimizer, set_learning_rate
from training.processes import Processes
from training.serving_graph import ServingGraph


class Learner:
    """A network that learns.

    Args:
        graph: the network with its preprocessing; trained in place.
        config: the settings.
        place: where and in what precision.
        processes: who else trains.
        label_weights: (labels,) float32, how much a picture of each label counts; 1 on average.
    """

    def __init__(
        self, graph: ServingGraph, config: TrainingConfig, place: Place, processes: Processes, label_weights: Tensor
    ) -> None:
        form = torch.channels_last if config.channels_last else torch.contiguous_format
        self.graph = graph.to(place.device).to(memory_format=form)  # type: ignore[call-overload]  # PyTorch knows it, its types don't
        self._form = form
        self._config = config
        self._place = place
        self._processes = processes
        self._weights = label_weights.to(place.device)
        self._outputs = count_outputs(len(label_weights), config.head)
        self._network: nn.Module = torch.compile(graph.network) if config.compile else graph.network  # type: ignore[assignment]
        self._network = processes.wrap(self._network)
        self._optimizer = make_optimizer(graph.network, config)
        self._average = Average(graph.network, config.ema) if config.ema else None

    def vary(self, pictures: Tensor, chance: Chance) -> Tensor:
        """(n, h, w, c) uint8 -> (n, c, h, w) float32 in [0, 1], each varied anew."""
        scaled = pictures.to(self._place.device).permute(0, 3, 1, 2).to(torch.float32) / 255
        return augment(scaled, self._config.augmentation, chance)

    def learn(self, step: int, rate: float, pictures: Tensor, labels: Tensor) -> tuple[float, float]:
        """Take one step.

        Args:
            step: its number, counted from 0.
            rate: of learning.
            pictures: (n, h, w, c) uint8, this process's share of the batch.
            labels: (N,) int64 of the whole batch.

        Returns:
            The mean loss over the whole batch, before the step; and the seconds spent on varying the pictures.
        """
        started = time.perf_counter()
        config, mine = self._config, self._processes.share(len(labels))
        chance = Chance(generator(config.seed, Purpose.VARIATION, step), len(labels), mine)
        torch.manual_seed(derive_seed(config.seed, Purpose.DROPOUT, step, self._processes.rank))
        labels = labels.to(self._place.device)
        counts = self._weights[labels]
        varied = self.vary(pictures, chance)
        targets = make_targets(labels[mine], self._outputs)
        if config.augmentation.mixup:
            varied, targets = blend(varied, targets, config.augmentation.mixup, chance)
        varying = time.perf_counter() - started
        self.graph.train()
        with self._place.autocast():
            normalised = self.graph.preprocessing.normalise(varied).contiguous(memory_format=self._form)
            logits = self._network(normalised)
        losses = measure_loss(logits, targets, config.head, config.label_smoothing)
        loss = (losses * counts[mine]).sum() / counts.sum()
        self._optimizer.zero_grad()
        (loss * self._processes.count).backward()  # type: ignore[no-untyped-call]  # the gradients are then averaged over the processes
        if config.clip_norm:
            nn.utils.clip_grad_norm_(self.graph.network.parameters(), config.clip_norm)
        set_learning_rate(self._optimizer, rate)
        self._optimizer.step()
        if self._average is not None:
            self._average.update(self.graph.network, step + 1)
        return float(self._processes.sum(loss.detach())), varying

    def weights(self) -> dict[str, Tensor]:
        """What would be published now: the moving average, or the weights themselves."""
        return dict(self.graph.network.state_dict() if self._average is None else self._average.values)

    def pack(self) -> dict[str, Tensor]:
        """All numbers that the next step depends on."""
        packed = {f"network.{name}": value for name, value in self.graph.network.state_dict().items()}
        if self._average is not None:
            packed |= {f"average.{name}": value for name, value in self._average.values.items()}
        return packed | pack_optimizer(self._optimizer)

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `pack` gave."""
        self.graph.network.load_state_dict(take(tensors, "network."))
        if self._average is not None:
            for name, value in take(tensors, "average.").items():
                self._average.values[name].copy_(value)
        unpack_optimizer(self._optimizer, tensors)


def take(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
