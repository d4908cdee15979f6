"""Why a number is what it is, in real networks: at random positions the terms come to what was computed."""

import gc
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from service.engine import Provider
from service.inspection.activations import load_inspector
from service.inspection.arithmetic.number import trace_at
from service.inspection.arithmetic.reading import read
from tests.training.inspected import pixels_of, published, serving
from tests.training.networks.test_layers import settled
from training.export import export
from training.networks.catalogue import NETWORKS
from training.networks.small_resnet import small_resnet

POSITIONS = 1000
TOLERANCE = 1e-4
"""Of the larger of the number itself and the layer's largest."""

PICTURES = {
    "lenet5": (1, 28, 28),
    "tiny-vgg": (3, 64, 64),
    "small-resnet": (3, 32, 32),
    "googlenet": (3, 32, 32),
    "resnet18": (3, 32, 32),
    "zfnet": (3, 64, 64),
}


def make(name: str) -> nn.Module:
    if name == "small-resnet":
        return small_resnet(*PICTURES[name], 4)
    return NETWORKS[name](*PICTURES[name], 4)


@pytest.mark.parametrize("name", PICTURES)
def test_the_terms_of_a_thousand_numbers_come_to_what_was_computed(name: str) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    spec = pixels_of(*PICTURES[name])
    graph = serving(settled(make(name), PICTURES[name]), spec)
    inspector = load_inspector(published(export(graph, spec), spec, 4), Provider.CPU, threads=1)
    pixels = rng.integers(0, 256, (spec.height, spec.width, spec.channels), np.uint8)
    drawn = Counter(rng.choice([layer.name for layer in inspector.layers], POSITIONS).tolist())
    readings = read(inspector, pixels, list(drawn))
    worst: dict[str, float] = {}
    for layer, count in drawn.items():
        reading = readings[layer]
        scale = float(np.abs(reading.output).max())
        for flat in rng.integers(0, reading.output.size, count):
            channel, y, x = (*(int(at) for at in np.unravel_index(flat, reading.output.shape[1:])), None, None)[:3]
            assert channel is not None
            found = trace_at(reading, channel, y, x)
            assert found.runtime_value == reading.output.ravel()[flat]
            limit = max(abs(found.runtime_value), scale)
            error = abs(found.value - found.runtime_value) / limit if limit else abs(found.value)
            worst[layer] = max(worst.get(layer, 0.0), error)
            read_of = set(inspector.table.find(layer).inputs)
            assert {source.layer for source in found.sources} <= read_of, (
                "sources are what the layer table says it reads"
            )
    assert sum(drawn.values()) == POSITIONS
    assert set(drawn) == {layer.name for layer in inspector.layers}, "every layer has its turn"
    print(f"{name}: {max(worst.values()):.1e} ({max(worst, key=lambda layer: worst[layer])})")  # noqa: T201 - pytest -s shows it
    assert max(worst.values()) <= TOLERANCE, worst
    gc.collect()  # networks of tens of megabytes each
