"""Why a number is what it is, in real networks: at random positions the terms come to what was computed."""

from collections import Counter

import numpy as np
import pytest

from service.engine import Provider
from service.inspection.activations import load_inspector
from service.inspection.arithmetic.number import trace_at
from service.inspection.arithmetic.reading import read
from tests.training.networks.exported import exported

POSITIONS = 1000
TOLERANCE = 1e-4
"""Of the larger of the number itself and the layer's largest."""


@pytest.mark.parametrize("name", ["lenet5", "tiny-vgg", "small-resnet", "googlenet", "resnet18", "zfnet"])
def test_the_terms_of_a_thousand_numbers_come_to_what_was_computed(name: str) -> None:
    rng = np.random.default_rng(0)
    made = exported(name)
    inspector = load_inspector(made.version, Provider.CPU, threads=1)
    pixels = made.noise()
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
