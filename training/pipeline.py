"""Turns settings into a published version: the stages, one a line. Read this file first.

    settings -load-> pictures -train-> network -export-> ONNX -parity, evaluate-> evidence -publish-> models/<name>/<n>

`publish` is the only door into the models folder, and it opens only on evidence. Killed anywhere, the folder is as it
was, and the run can be resumed from its last checkpoint.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from service.publish import ensure_writable
from training.chance import Purpose, derive_seed
from training.config import TrainingConfig
from training.data.balance import imbalance
from training.data.corrections import add_corrections
from training.data.dataset import Dataset, Split
from training.data.source import load_dataset
from training.errors import NothingToResume
from training.folders import Folders
from training.loss import count_outputs
from training.networks.catalogue import find_network
from training.processes import Processes, join_processes
from training.progress import Listener
from training.result import Result
from training.runs import RunFolder, RunRecord, begin_run, check_same, find_run
from training.serving_graph import Preprocessing, ServingGraph
from training.train import train
from training.version import TrainedNetwork, publish_version

_STATISTICS_PICTURES = 20_000
"""Mean and standard deviation are those of so many training pictures, spread over the split."""

_IMBALANCED = 1.5
"""From this ratio of the largest label's pictures to the smallest's on, it is told."""


@dataclass(frozen=True)
class Begun:
    """A run that was stopped."""

    folder: RunFolder
    record: RunRecord


def take_up(folders: Folders, name: str, given: dict[str, Any]) -> Begun:
    """Find the last run of a model, to resume it.

    Args:
        folders: where runs are.
        name: the model's.
        given: options that must not contradict the run's own.

    Raises:
        NothingToResume: there is none, it is finished, or it was started with other settings.
    """
    folder = find_run(folders.runs, name)
    record = folder.read()
    check_same(given, record.config)
    return Begun(folder, record)


def run(  # noqa: PLR0913, PLR0917 - each a thing of its own
    config: TrainingConfig,
    command: str,
    folders: Folders,
    listener: Listener,
    begun: Begun | None = None,
    load: Callable[[TrainingConfig], Dataset] = load_dataset,
) -> Result | None:
    """Train, export, prove and publish.

    Args:
        config: the settings.
        command: what makes this version again, for its manifest.
        folders: where to read and write.
        listener: is told how the training goes.
        begun: the run to go on with, if any.
        load: what finds the pictures.

    Returns:
        What was published; None in a process that only helped another one.

    Raises:
        ConvscopeError: the pictures can't be had, the training diverged or was stopped, the graph isn't the network, or
            the disk doesn't take it. Nothing was published then.
    """
    with join_processes() as processes:
        if processes.is_first:
            ensure_writable(folders.models)
        listener.stage("collecting pictures")
        only = begun.record.corrections if begun else None
        dataset = _collect(lambda: _load(load, config, folders, only, listener), config, processes, listener)
        folder = _open_run(config, command, dataset, folders, begun, processes)
        graph = build(dataset, config)
        listener.stage("training")
        state = train(graph, dataset, config, folder, processes, listener)
        if not processes.is_first:
            return None
        trained = TrainedNetwork(graph, state.epochs, folder.frames(), command, round(state.seconds, 1))
        result = publish_version(trained, dataset, config, folders.models, listener)
        folder.finish(result.folder)
        return result


def publish_untrained(
    config: TrainingConfig, dataset: Dataset, command: str, models: Path, listener: Listener
) -> Result:
    """Publish a network as the seed makes it, for labels that need no pictures.

    Raises:
        ConvscopeError: the network doesn't fit the input, or the disk doesn't take it. Nothing was published then.
    """
    ensure_writable(models)
    listener.stage("building")
    trained = TrainedNetwork(build(dataset, config).eval(), (), (), command, 0.0)
    return publish_version(trained, dataset, config, models, listener)


def build(dataset: Dataset, config: TrainingConfig) -> ServingGraph:
    """An untrained network, initialised from the seed, behind the training split's mean and standard deviation."""
    spec = dataset.input
    torch.manual_seed(derive_seed(config.seed, Purpose.WEIGHTS))
    outputs = count_outputs(len(dataset.labels), config.head)
    network = find_network(config.network)(spec.channels, spec.height, spec.width, outputs)
    mean, std = measure_statistics(dataset.train, spec.channels)
    preprocessing = Preprocessing(mean.tolist(), np.maximum(std, 1e-3).tolist())
    return ServingGraph(preprocessing, network, config.head)


def measure_statistics(split: Split, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, of pixels scaled to [0, 1]; 0 and 1 where there are no pictures."""
    if not len(split):
        return np.zeros(channels), np.ones(channels)
    chosen = np.linspace(0, len(split) - 1, min(len(split), _STATISTICS_PICTURES)).astype(np.int64)
    # How often each of the 256 values occurs tells both exactly, whatever the order of summation.
    counts = np.zeros((channels, 256), np.int64)
    for start in range(0, len(chosen), 1000):
        pictures = split.pictures[chosen[start : start + 1000]]
        for channel in range(channels):
            counts[channel] += np.bincount(pictures[..., channel].ravel(), minlength=256)
    values, shares = np.arange(256) / 255, counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ values
    return mean, np.sqrt(np.maximum(0, shares @ values**2 - mean**2))


def _load(
    load: Callable[[TrainingConfig], Dataset],
    config: TrainingConfig,
    folders: Folders,
    only: Collection[str] | None,
    listener: Listener,
) -> Dataset:
    """The pictures, and the corrected ones where they are wanted; a resumed run gets those that it began with."""
    dataset = load(config)
    if config.add_feedback:
        dataset, lines = add_corrections(
            dataset, folders.feedback, config.name, config.feedback_repeats, config.threads, only
        )
        for line in lines:
            listener.tell(line)
    return dataset


def _collect(load: Callable[[], Dataset], config: TrainingConfig, processes: Processes, listener: Listener) -> Dataset:
    """The pictures; the first process fetches what has to be fetched, the others find it there."""
    if not processes.is_first:
        processes.wait()
    dataset = load()
    if processes.is_first:
        processes.wait()
        for skipped in dataset.skipped[:_TOLD]:
            listener.tell(f"skipped {skipped}")
        if len(dataset.skipped) > _TOLD:
            listener.tell(f"skipped {len(dataset.skipped) - _TOLD:,} more; --strict refuses such a set")
        ratio = imbalance(dataset.train) if len(dataset.train) else 1.0
        if ratio > _IMBALANCED:
            how = "weighed against it" if config.balance else "not weighed (--no-balance)"
            listener.tell(f"the largest label has {ratio:.1f} times the pictures of the smallest: {how}")
    return dataset


_TOLD = 10
"""So many skipped files are named one by one."""


def _open_run(  # noqa: PLR0913, PLR0917 - each a thing of its own
    config: TrainingConfig,
    command: str,
    dataset: Dataset,
    folders: Folders,
    begun: Begun | None,
    processes: Processes,
) -> RunFolder:
    """The folder of a new run, or of the one to resume; the same for all processes."""
    if begun is not None:
        if begun.record.fingerprint != dataset.fingerprint():
            raise NothingToResume("the pictures are not those that the run was started with: start a new one")
        return begun.folder
    if processes.is_first:
        corrections = dataset.corrected.digests if dataset.corrected else ()
        record = RunRecord(config=config, fingerprint=dataset.fingerprint(), command=command, corrections=corrections)
        folder = begin_run(folders.runs, record)
    processes.wait()
    return folder if processes.is_first else find_run(folders.runs, config.name)
