"""Measures the training: LeNet-5 to 99 % beside PyTorch's own example, the wait for data, and the decoding of a folder.

    python -m benchmarks.training --data FOLDER_WITH_MNIST

Everything runs in turn in this process, on the same threads, so that what is compared met the same machine.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import pytorch_examples
from service.contract import CenterCrop, PictureInput
from service.cores import available_cores
from training.data.dataset import Dataset
from training.data.decoding import decode_files
from training.data.mnist import load_mnist
from training.pipeline import build
from training.processes import Processes
from training.progress import Listener, Silence
from training.recipes import RECIPES
from training.runs import RunFolder
from training.score import measure_accuracy
from training.train import train

GOAL = 0.99
"""Accuracy on MNIST's 10,000 test pictures."""

_MOST_EPOCHS = 12
_PHOTOGRAPHS = 1000


@dataclass(frozen=True)
class Measured:
    """What a training took."""

    accuracy: float
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all threads."""
    data_wait: float = 0.0
    """Share of a step, mean over the epochs."""


def train_ours(dataset: Dataset, seed: int, threads: int, listener: Listener) -> Measured:
    """The recipe `digits-fast`, the data already in memory; evaluation isn't counted, the example's neither."""
    config = RECIPES["digits-fast"](threads).model_copy(update={"seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        graph = build(dataset, config)
        state = train(graph, dataset, config, RunFolder(Path(folder)), Processes(), listener)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    waits = statistics.mean(figures.data_wait for figures in state.epochs)
    return Measured(measure_accuracy(graph, dataset.test), wall, cpu, waits)


def train_theirs(dataset: Dataset, seed: int) -> Measured:
    """Epochs until the goal is reached."""
    splits = (dataset.train, dataset.validation)
    pictures = np.concatenate([split.pictures[slice(None)] for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    training = pytorch_examples.PerSample(pictures, labels)
    test = pytorch_examples.PerSample(dataset.test.pictures[slice(None)], dataset.test.labels)
    wall, cpu, accuracy = time.perf_counter(), time.process_time(), 0.0
    for epoch, accuracy in enumerate(pytorch_examples.train(training, test, seed, _MOST_EPOCHS), 1):
        print(f"    epoch {epoch}: {accuracy:.2%} after {time.perf_counter() - wall:.0f} s", flush=True)
        if accuracy >= GOAL:
            break
    return Measured(accuracy, time.perf_counter() - wall, time.process_time() - cpu)


def measure_decoding(threads: int) -> float:
    """How many times as fast a folder of photographs is decoded with all cores as with one."""
    spec = PictureInput(height=64, width=64, channels=3, resize=CenterCrop())
    with tempfile.TemporaryDirectory() as folder:
        paths = _make_photographs(Path(folder))
        decode_files(paths[:50], spec, threads)
        rounds = []
        for _ in range(3):
            seconds = []
            for workers in (1, threads):
                started = time.perf_counter()
                decode_files(paths, spec, workers)
                seconds.append(time.perf_counter() - started)
            print(f"    1 worker {seconds[0]:.2f} s, {threads} workers {seconds[1]:.2f} s", flush=True)
            rounds.append(seconds[0] / seconds[1])
    return statistics.median(rounds)


def _make_photographs(folder: Path) -> list[Path]:
    """JPEGs of 1024 x 768 with content that costs what a photograph's does: smooth noise on several scales."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(_PHOTOGRAPHS):
        scales = [
            Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)).resize(
                (1024, 768), Image.Resampling.BICUBIC
            )
            for side in (4, 32, 128)
        ]
        picture = Image.blend(Image.blend(scales[0], scales[1], 0.4), scales[2], 0.25)
        paths.append(folder / f"{number}.jpg")
        picture.save(paths[-1], quality=85)
    return paths


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of MNIST's four files; otherwise downloaded")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=available_cores(), help="of ours; the example takes all cores")
    options = parser.parse_args()
    cores, threads = available_cores(), options.threads
    dataset = load_mnist(options.data)
    print(f"LeNet-5, recipe digits-fast, {threads} threads")
    ours = []
    for seed in range(options.seeds):
        ours.append(train_ours(dataset, seed, threads, Silence()))
        figures = ours[-1]
        print(f"    seed {seed}: {figures.accuracy:.2%}, {figures.wall:.1f} s, {figures.cpu:.1f} CPU s,"
              f" waited for data {figures.data_wait:.1%}", flush=True)  # fmt: skip
    print("the example of PyTorch, until 99 %")
    torch.set_num_threads(cores)
    theirs = train_theirs(dataset, 0)
    wall = statistics.median(figures.wall for figures in ours)
    print(f"    reached {theirs.accuracy:.2%} in {theirs.wall:.0f} s, {theirs.cpu:.0f} CPU s")
    cpu = statistics.median(figures.cpu for figures in ours)
    reached = sum(figures.accuracy >= GOAL for figures in ours)
    print(f"ours is {theirs.wall / wall:.1f} times shorter ({theirs.cpu / cpu:.1f} in CPU time);"
          f" {reached} of {len(ours)} seeds reach {GOAL:.0%}")  # fmt: skip
    print(f"decoding {_PHOTOGRAPHS:,} photographs of 1024 x 768")
    print(f"    {measure_decoding(cores):.2f} times as fast on {cores} cores as on one")


if __name__ == "__main__":
    main()
