"""What a profile's events come to for each layer."""

import numpy as np
import onnx
import pytest

from service.engine import Provider
from service.inspection.activations import load_inspector
from service.inspection.graph import read_table
from service.inspection.timings import number_nodes, sum_layers, time_layers
from service.published import PublishedVersion


def event(name: str, microseconds: int, category: str = "Node") -> dict[str, object]:
    return {"cat": category, "name": name, "dur": microseconds}


def test_the_nodes_of_a_layer_are_added_run_by_run(lenet: PublishedVersion) -> None:
    table = read_table(onnx.load_model_from_string(lenet.onnx))
    places = {output: str(place) for place, node in enumerate(table.flow.model.graph.node) for output in node.output}
    first, second, *_ = [places[node.output[0]] for node in table.parts["preprocessing"].nodes]
    conv = places[table.parts["conv1"].main.output[0]]
    found = sum_layers(table, [
        event("model_run", 9999, "Session"), event(f"{first}_kernel_time", 100), event(f"{second}_kernel_time", 20),
        event(f"{conv}_kernel_time", 700), event(f"{conv}_fence_before", 1), event("Memcpy_kernel_time", 50),
        event(f"{first}_kernel_time", 80), event(f"{second}_kernel_time", 30), event(f"{conv}_kernel_time", 500),
    ])  # fmt: skip
    assert found["preprocessing"] == pytest.approx([0.12, 0.11])
    assert found["conv1"] == pytest.approx([0.7, 0.5])
    assert found["softmax"] == []
    assert list(found) == [layer.name for layer in table.layers]


def test_nodes_are_numbered_in_a_copy(lenet: PublishedVersion) -> None:
    model = onnx.load_model_from_string(lenet.onnx)
    before = [node.name for node in model.graph.node]
    assert [node.name for node in number_nodes(model).graph.node] == [str(place) for place in range(len(before))]
    assert [node.name for node in model.graph.node] == before


def test_a_convolution_takes_longer_than_what_only_looks_at_its_values(digits: PublishedVersion) -> None:
    inspector = load_inspector(digits, Provider.CPU, threads=1)
    spec = digits.manifest.input
    pixels = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    found = time_layers(inspector, pixels, runs=20)
    by_cost = max(inspector.layers, key=lambda layer: layer.macs)
    assert found.layers[by_cost.name] > found.layers["softmax"]
    assert found.runs == 20
