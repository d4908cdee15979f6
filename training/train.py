"""Turns a data set and an untrained network into a trained one: the loop, and nothing but the loop."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from training.chance import Purpose, generator
from training.checkpoint import Checkpoint, write_checkpoint
from training.config import TrainingConfig
from training.data.balance import label_weights
from training.data.batches import read_batches
from training.data.dataset import Dataset
from training.device import Place, choose_place
from training.errors import TrainingDiverged, TrainingStopped
from training.interruption import Interruption, listen_for_interruption
from training.learner import Learner
from training.metrics import Metrics
from training.processes import Processes
from training.progress import EpochFigures, Listener, StepFigures
from training.runs import RunFolder
from training.schedule import learning_rate
from training.score import measure_accuracy
from training.serving_graph import ServingGraph
from training.state import State, restore


def train(  # noqa: PLR0913, PLR0917 - each a thing of its own
    graph: ServingGraph,
    dataset: Dataset,
    config: TrainingConfig,
    folder: RunFolder,
    processes: Processes,
    listener: Listener,
) -> State:
    """Train in place, from the run's last checkpoint where it has one; the network ends with the weights to publish.

    The same settings give the same weights on a CPU, however often the run was stopped and resumed.

    Args:
        graph: the network with its preprocessing.
        dataset: its training split is learnt, its validation split decides and is reported.
        config: the settings.
        folder: where the run keeps its state.
        processes: who trains.
        listener: is told how it goes.

    Returns:
        How it went.

    Raises:
        TrainingDiverged: the loss is no number any more.
        TrainingStopped: by Ctrl-C or SIGTERM; a checkpoint is kept.
        CheckpointFailed: the disk doesn't take the run's state.
    """
    torch.set_num_threads(config.threads)
    place = choose_place(config)
    weights = (
        label_weights(dataset.train, dataset.labels)
        if config.balance and config.epochs
        else np.ones(len(dataset.labels))
    )
    learner = Learner(graph, config, place, processes, torch.from_numpy(weights.astype(np.float32)))
    state = restore(learner, folder)
    with listen_for_interruption() as interruption, ExitStack() as stack:
        metrics = None
        if processes.is_first:
            log = Metrics(folder.metrics, after_step=state.step, tensorboard=config.tensorboard)
            metrics = stack.enter_context(log)
        loop = _Loop(learner, dataset, config, folder, processes, place, listener, interruption, metrics, state)
        loop.run()
    graph.network.load_state_dict(state.best_weights or learner.weights())
    graph.to("cpu").eval()
    return state


@dataclass(frozen=True)
class _Loop:
    learner: Learner
    dataset: Dataset
    config: TrainingConfig
    folder: RunFolder
    processes: Processes
    place: Place
    listener: Listener
    interruption: Interruption
    metrics: Metrics | None
    """Of the first process only."""
    state: State
    ticks: list[float] = field(default_factory=list)
    """When the clock was last read."""

    def run(self) -> None:
        self.listener.begin(self.steps, self.state.step)
        self._clock()
        self._keep_frame()
        while self.state.step < self.steps and not self._has_lost_patience():
            self._run_epoch()

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.dataset.epoch()) / (self.config.batch_size * self.processes.count))

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.config.epochs

    def _run_epoch(self) -> None:
        state, epoch = self.state, self.state.step // self.steps_per_epoch
        started, learnt, waited = time.perf_counter(), 0, 0.0
        for labels, pictures, wait in self._batches(epoch):
            begun = time.perf_counter()
            rate = learning_rate(self.config, state.step, self.steps)
            loss, varying = self.learner.learn(state.step, rate, pictures, labels)
            if not math.isfinite(loss):
                raise TrainingDiverged(
                    f"the loss is {loss} in epoch {epoch + 1}: try a --learning-rate below"
                    f" {self.config.learning_rate:g}"
                )
            state.step, state.loss = state.step + 1, state.loss + loss * len(labels)
            learnt, waited = learnt + len(labels), waited + wait + varying
            seconds = time.perf_counter() - begun + wait
            self._report(
                StepFigures(state.step, epoch + 1, loss, rate, len(labels) / seconds, (wait + varying) / seconds)
            )
            self._keep_frame()
            self._keep_checkpoint()
        seconds = time.perf_counter() - started
        self._close_epoch(epoch, learnt / seconds, waited / seconds)

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor, float]]:
        """For each batch left of the epoch: all its labels, this process's pictures, and seconds waited for them."""
        chance = generator(self.config.seed, Purpose.ORDER, epoch)
        positions = self.dataset.epoch()
        order = positions[torch.randperm(len(positions), generator=chance).numpy()]
        size = self.config.batch_size * self.processes.count
        done = self.state.step - epoch * self.steps_per_epoch
        batches = [order[at : at + size] for at in range(done * size, len(order), size)]
        mine = [batch[self.processes.share(len(batch))] for batch in batches]
        read = read_batches(self.dataset.train, mine, workers=self.config.threads)
        with closing(read):
            for batch in batches:
                asked = time.perf_counter()
                pictures = torch.from_numpy(next(read))
                yield torch.from_numpy(self.dataset.train.labels[batch]), pictures, time.perf_counter() - asked

    def _close_epoch(self, epoch: int, pictures_per_second: float, data_wait: float) -> None:
        state = self.state
        accuracy = self._validate() if self.processes.is_first else 0.0
        figures = EpochFigures(
            epoch=epoch + 1,
            epochs=self.config.epochs,
            loss=state.loss / len(self.dataset.epoch()),
            validation_accuracy=accuracy,
            pictures_per_second=pictures_per_second,
            step=state.step,
            data_wait=data_wait,
        )
        state.epochs.append(figures)
        state.loss = 0.0
        if self.config.patience and accuracy > state.best:
            state.best, state.best_weights = accuracy, {k: v.clone() for k, v in self.learner.weights().items()}
        if self.metrics is not None:
            self.metrics.epoch(figures)
            self.listener.epoch(figures)
        self._save()

    def _validate(self) -> float:
        network = copy.deepcopy(self.learner.graph)
        network.network.load_state_dict(self.learner.weights())
        with self.place.autocast():
            return measure_accuracy(network, self.dataset.validation)

    def _report(self, figures: StepFigures) -> None:
        if self.metrics is not None:
            self.metrics.step(figures)
            self.listener.step(figures)

    def _has_lost_patience(self) -> bool:
        past = [figures.validation_accuracy for figures in self.state.epochs]
        patience = self.config.patience
        lost = bool(patience) and len(past) > patience and max(past[-patience:]) <= max(past[:-patience])
        return self.processes.any(lost)

    def _keep_frame(self) -> None:
        """Keep the weights for the film, where one of its points has come."""
        count = self.config.keep_checkpoints
        points = {round(number * self.steps / count) for number in range(count)}
        if self.processes.is_first and self.state.step in points:
            weights = Checkpoint(self.learner.weights(), {"step": self.state.step})
            write_checkpoint(self.folder.frame(self.state.step), weights)

    def _keep_checkpoint(self) -> None:
        """Keep the run's state where it is due or asked for; epochs keep their own."""
        is_stopped = self.processes.any(self.interruption.is_asked)
        every = self.config.checkpoint_steps
        if is_stopped or (every and self.state.step % every == 0):
            self._save()
        if is_stopped:
            raise TrainingStopped(
                f"stopped after step {self.state.step:,} of {self.steps:,}; nothing was published."
                " Go on with the same command and --resume"
            )

    def _clock(self) -> None:
        """Add the time since the last call to that of the run."""
        now = time.perf_counter()
        self.state.seconds += now - (self.ticks.pop() if self.ticks else now)
        self.ticks.append(now)

    def _save(self) -> None:
        self._clock()
        if self.metrics is not None:
            self.metrics.flush()
            best = {f"best.{name}": value for name, value in self.state.best_weights.items()}
            write_checkpoint(self.folder.checkpoint, Checkpoint(self.learner.pack() | best, self.state.about()))
        self.processes.wait()
