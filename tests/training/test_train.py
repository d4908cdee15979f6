"""The loop: it learns, the same settings give the same weights, and what stops it says so."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import Recorder
from training.config import Augmentation, TrainingConfig
from training.data.dataset import Dataset
from training.errors import CheckpointFailed, TrainingDiverged
from training.pipeline import build, measure_statistics
from training.processes import Processes
from training.runs import RunFolder
from training.score import measure_accuracy
from training.serving_graph import ServingGraph
from training.train import train


def trained(dataset: Dataset, config: TrainingConfig, folder: Path, recorder: Recorder | None = None) -> ServingGraph:
    graph = build(dataset, config)
    folder.mkdir(parents=True, exist_ok=True)
    train(graph, dataset, config, RunFolder(folder), Processes(), recorder or Recorder())
    return graph


def change(config: TrainingConfig, **changes: object) -> TrainingConfig:
    return TrainingConfig.model_validate({**config.model_dump(), **changes})


def are_equal(one: ServingGraph, other: ServingGraph) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


EVERYTHING = {
    "epochs": 2,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "clip_norm": 1.0,
    "ema": 0.9,
    "label_smoothing": 0.1,
    "schedule": "cosine",
    "augmentation": Augmentation(
        flip=True, rotation=10, shift=0.05, scale=0.1, shear=0.1, thickness=0.5, cutout=0.3, mixup=0.2, brightness=0.2,
        contrast=0.2, saturation=0.2,
    ).model_dump(),
}  # fmt: skip


def test_it_learns(ticks: Dataset, config: TrainingConfig, recorder: Recorder, tmp_path: Path) -> None:
    graph = trained(ticks, config, tmp_path, recorder)
    assert measure_accuracy(graph, ticks.test) >= 0.97
    assert [figures.epoch for figures in recorder.epochs] == [1, 2, 3, 4]
    assert recorder.announced == (48, 0)
    assert [figures.step for figures in recorder.steps] == list(range(1, 49))
    assert recorder.epochs[-1].loss < recorder.epochs[0].loss


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "step", "precision": "float32", "channels_last": False},
        {"schedule": "constant", "learning_rate": 0.005},
        {"optimizer": "sgd", "learning_rate": 0.1, "ema": 0.9, "clip_norm": 1.0, "schedule": "cosine"},
        {"head": "sigmoid", "label_smoothing": 0.02},
        {"precision": "bfloat16", "augmentation": {"shift": 0.05, "mixup": 0.1, "cutout": 0.1}},
    ],
    ids=str,
)
def test_it_learns_in_other_ways_too(
    ticks: Dataset, config: TrainingConfig, tmp_path: Path, changes: dict[str, object]
) -> None:
    assert measure_accuracy(trained(ticks, change(config, epochs=6, **changes), tmp_path), ticks.test) >= 0.95


def test_the_same_settings_give_the_same_weights(ticks: Dataset, config: TrainingConfig, tmp_path: Path) -> None:
    varied = change(config, **EVERYTHING)
    first, second = (trained(ticks, varied, tmp_path / str(number)) for number in range(2))
    assert are_equal(first, second)
    third = trained(ticks, change(varied, seed=1), tmp_path / "3")
    assert not are_equal(first, third)


def test_a_loss_that_is_no_number_stops_the_run(ticks: Dataset, config: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match="--learning-rate below"):
        trained(ticks, change(config, learning_rate=1e38, precision="float32"), tmp_path)


def test_no_epochs_leave_the_network_untrained(
    ticks: Dataset, config: TrainingConfig, recorder: Recorder, tmp_path: Path
) -> None:
    still = change(config, epochs=0)
    assert are_equal(build(ticks, still), trained(ticks, still, tmp_path, recorder))
    assert recorder.announced == (0, 0)


def test_patience_ends_a_run_that_learns_nothing_and_keeps_its_best(
    ticks: Dataset, config: TrainingConfig, recorder: Recorder, tmp_path: Path
) -> None:
    graph = trained(ticks, change(config, epochs=50, patience=2), tmp_path, recorder)
    past = [figures.validation_accuracy for figures in recorder.epochs]
    assert len(past) < 50
    assert max(past[-2:]) <= max(past[:-2])
    assert measure_accuracy(graph, ticks.validation) >= max(past) - 0.011, "bfloat16 may answer one picture otherwise"


def test_every_step_and_epoch_is_logged(ticks: Dataset, config: TrainingConfig, tmp_path: Path) -> None:
    trained(ticks, change(config, tensorboard=True), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 49))
    assert all(line["learning_rate"] >= 0 and line["pictures_per_second"] > 0 for line in steps)
    assert all(0 <= line["data_wait"] < 1 for line in steps)
    assert [line["epoch"] for line in lines if "validation_accuracy" in line] == [1, 2, 3, 4]
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_a_full_disk_leaves_the_last_checkpoint(
    ticks: Dataset, config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(ticks, change(config, epochs=1), tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.checkpoint.os.fsync", refuse)
    with pytest.raises(CheckpointFailed, match="No space left on device; what was there before is untouched"):
        trained(ticks, change(config, epochs=2), tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_rare_labels_weigh_as_much_as_frequent_ones(ticks: Dataset, config: TrainingConfig, tmp_path: Path) -> None:
    """With one cross in fifteen the unweighed network hardly answers `cross` so early; the weighed one does."""
    few = np.flatnonzero(ticks.train.labels == 1)[:20]
    kept = np.sort(np.concatenate([np.flatnonzero(ticks.train.labels == 0), few]))
    skewed = Dataset(
        **{**vars(ticks), "train": type(ticks.train)(ticks.train.pictures[kept], ticks.train.labels[kept])}
    )
    recalls = []
    for balance in (True, False):
        graph = trained(skewed, change(config, epochs=3, balance=balance), tmp_path / str(balance))
        crosses = ticks.test.labels == 1
        part = type(ticks.test)(ticks.test.pictures[crosses], ticks.test.labels[crosses])
        recalls.append(measure_accuracy(graph, part))
    assert recalls[0] > recalls[1]


def test_mean_and_deviation_are_those_of_the_training_pictures(ticks: Dataset) -> None:
    scaled = np.asarray(ticks.train.pictures[slice(None)], np.float64) / 255
    mean, std = measure_statistics(ticks.train, 1)
    assert mean == pytest.approx([scaled.mean()], abs=1e-9)
    assert std == pytest.approx([scaled.std()], abs=1e-9)
