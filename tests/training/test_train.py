"""The loop learns, repeats itself bit by bit, and says when it can't go on."""

import dataclasses

import pytest
import torch

from tests.training.conftest import Recorder
from training.config import Augmentation, TrainingConfig
from training.data.dataset import Dataset
from training.errors import TrainingDiverged
from training.networks.tick_or_cross import tick_or_cross
from training.pipeline import build
from training.serving_graph import ServingGraph
from training.train import measure_accuracy, train


def trained(dataset: Dataset, config: TrainingConfig, recorder: Recorder) -> ServingGraph:
    network = build(tick_or_cross, dataset, config)
    train(network, dataset, config, recorder)
    return network


def test_it_learns(ticks: Dataset, config: TrainingConfig, recorder: Recorder) -> None:
    network = trained(ticks, config, recorder)
    assert measure_accuracy(network, ticks.test) >= 0.97
    assert [figures.epoch for figures in recorder.epochs] == [1, 2, 3, 4]
    assert recorder.steps == recorder.announced == 4 * 12
    assert recorder.epochs[-1].loss < recorder.epochs[0].loss


def test_the_same_settings_give_the_same_weights(ticks: Dataset, config: TrainingConfig, recorder: Recorder) -> None:
    varied = dataclasses.replace(config, epochs=2, augmentation=Augmentation(10, 0.05, 0.1, 0.1, 0.5))
    first, second = trained(ticks, varied, recorder), trained(ticks, varied, recorder)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    third = trained(ticks, dataclasses.replace(varied, seed=1), recorder)
    assert not torch.equal(next(first.parameters()), next(third.parameters()))


def test_a_loss_that_is_no_number_stops_the_run(ticks: Dataset, config: TrainingConfig, recorder: Recorder) -> None:
    with pytest.raises(TrainingDiverged, match="--learning-rate below"):
        trained(ticks, dataclasses.replace(config, learning_rate=1e38), recorder)


def test_no_epochs_leave_the_network_untrained(ticks: Dataset, config: TrainingConfig, recorder: Recorder) -> None:
    still = dataclasses.replace(config, epochs=0)
    untouched, network = build(tick_or_cross, ticks, still), trained(ticks, still, recorder)
    for one, other in zip(untouched.parameters(), network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert recorder.announced == 0
