"""Logits to a temperature: the right one where it is known, a sane one where there is none; and as a layer."""

from typing import Literal

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from service.engine import Provider, Scores, load_engine
from service.inspection.graph import read_layers
from tests.published import manifest
from tests.training.learnt import small_network
from training.calibrate import (
    calibrate,
    expected_calibration_error,
    measure_calibration,
    measure_reliability,
    probabilities_at,
)
from training.data.dataset import Dataset
from training.export import export
from training.serving_graph import Preprocessing, ServingGraph

Head = Literal["softmax", "sigmoid"]


def scored(logits: NDArray[np.float64], head: Head = "softmax") -> Scores:
    as_served = logits.astype(np.float32)
    return Scores(as_served, probabilities_at(as_served, head, 1.0))


def draw(seed: int, pictures: int, labels: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits that are right about how sure they are: the labels are drawn from their own probabilities."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (pictures, labels))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    chosen = (probabilities.cumsum(axis=1) < random.random((pictures, 1))).sum(axis=1)
    return logits, np.minimum(chosen, labels - 1).astype(np.int64)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0, 9.0])
def test_the_temperature_of_overconfident_logits_is_found(temperature: float) -> None:
    logits, labels = draw(0, 20_000, 6)
    found = calibrate(scored(logits * temperature), labels, "softmax")
    assert found == pytest.approx(temperature, rel=0.03)
    test_logits, test_labels = draw(1, 20_000, 6)
    measured = measure_calibration(scored(test_logits * temperature), test_labels, "softmax", found)
    assert measured.temperature == found
    assert measured.error < 0.02
    assert measured.error_before == pytest.approx(measured.error, abs=0.01) or measured.error_before > 0.04


def test_the_temperature_of_sigmoids_is_found() -> None:
    random = np.random.default_rng(0)
    z = random.normal(0, 2, 20_000)
    labels = (random.random(20_000) < 1 / (1 + np.exp(-z))).astype(np.int64)
    single = scored(np.stack([np.zeros_like(z), z * 2.5], axis=1), "sigmoid")  # as the engine gives a single output
    assert calibrate(single, labels, "sigmoid") == pytest.approx(2.5, rel=0.03)
    assert single.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    both = scored(np.stack([-z, z], axis=1) * 2.5, "sigmoid")
    assert calibrate(both, labels, "sigmoid") == pytest.approx(2.5, rel=0.03)


def test_degenerate_splits_give_a_sane_temperature() -> None:
    told_apart = np.array([[5.0, -5.0], [-5.0, 5.0]])
    assert calibrate(scored(told_apart), np.array([0, 1]), "softmax") == 1
    assert calibrate(scored(told_apart), np.array([1, 0]), "softmax") == 20
    assert calibrate(scored(np.zeros((2, 2))), np.array([0, 1]), "softmax") == 1
    nothing = Scores(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))
    assert calibrate(nothing, np.zeros(0, np.int64), "softmax") == 1
    measured = measure_calibration(nothing, np.zeros(0, np.int64), "softmax", 1.0)
    assert (measured.error_before, measured.error) == (0, 0)


def test_the_same_scores_give_the_same_temperature() -> None:
    logits, labels = draw(3, 500, 4)
    assert len({calibrate(scored(logits * 2), labels, "softmax") for _ in range(3)}) == 1


def test_the_calibration_error_is_that_of_its_definition() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.4, 0.6]], np.float32)
    labels = np.array([0, 1, 1, 0])
    # bins of 0.9: half right; of 0.7: right; of 0.6: wrong
    assert expected_calibration_error(probabilities, labels) == pytest.approx(
        (2 * abs(0.9 - 0.5) + abs(0.7 - 1) + 0.6) / 4, abs=1e-6
    )
    over = probabilities + np.float32(1e-7) * np.array([[10, 0]] * 4, np.float32)  # rounding must not make them logits
    over[0, 0] = 1.0000001
    assert expected_calibration_error(over, labels) < 0.6


def test_the_bins_that_are_drawn_are_those_of_the_error() -> None:
    logits, labels = draw(5, 3000, 5)
    probabilities = probabilities_at(logits.astype(np.float32), "softmax", 0.5)
    bins = measure_reliability(probabilities, labels)
    assert sum(point.pictures for point in bins) == 3000
    assert [point.confidence for point in bins] == sorted(point.confidence for point in bins)
    error = sum(point.pictures * abs(point.confidence - point.accuracy) for point in bins) / 3000
    assert expected_calibration_error(probabilities, labels) == pytest.approx(error, abs=1e-5)
    assert measure_reliability(probabilities[:0], labels[:0]) == []


@pytest.mark.parametrize(("head", "outputs"), [("softmax", 2), ("sigmoid", 2), ("sigmoid", 1)])
def test_the_graph_divides_before_the_head_and_shows_it(ticks: Dataset, head: Head, outputs: int) -> None:
    torch.manual_seed(0)
    plain = ServingGraph(Preprocessing([0.1], [0.3]), small_network(outputs), head)
    hot = ServingGraph(plain.preprocessing, plain.network, head, temperature=2.5)
    assert (plain.divisor, hot.divisor) == (1, 2.5)
    graphs = [export(graph, ticks.input).onnx for graph in (plain, hot)]
    contract = manifest(graphs[0], labels=ticks.labels).model_copy(update={"head": head, "input": ticks.input})
    undivided, divided = (
        load_engine(contract, graph, Provider.CPU, 1).run(ticks.test.pictures[slice(0, 50)]) for graph in graphs
    )
    assert divided.logits == pytest.approx(undivided.logits, abs=1e-6)
    assert divided.probabilities == pytest.approx(probabilities_at(divided.logits, head, 2.5), abs=1e-6)
    assert divided.probabilities != pytest.approx(undivided.probabilities, abs=1e-3)
    without, layers = (
        {layer.name: layer for layer in read_layers(onnx.load_model_from_string(graph))} for graph in graphs
    )
    assert set(layers) - set(without) == {"temperature"}
    assert layers["temperature"].inputs == ["dense"]
    assert layers["temperature"].parameters == 0
    assert layers[head].inputs == ["temperature"]
