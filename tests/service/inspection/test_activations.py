"""What the layers computed: the same from the whole graph and from one that is cut, and never more than is allowed."""

import numpy as np
import pytest

from service.contract import PIXELS
from service.engine import Provider
from service.inspection.activations import Inspector, check_budget, load_inspector
from service.inspection.errors import TooMuchToShow, UnknownLayer
from service.inspection.sessions import cut
from service.published import PublishedVersion


@pytest.fixture(scope="module")
def inspector(digits: PublishedVersion) -> Inspector:
    return load_inspector(digits, Provider.CPU, threads=1)


@pytest.fixture(scope="module")
def pixels(digits: PublishedVersion) -> np.ndarray:
    spec = digits.manifest.input
    return np.random.default_rng(0).integers(0, 255, (spec.height, spec.width, spec.channels), np.uint8)


def test_a_graph_cut_at_a_layer_gives_what_the_whole_one_gives(inspector: Inspector, pixels: np.ndarray) -> None:
    together = inspector.activations(pixels)
    assert [layer for layer, _ in together] == list(inspector.layers)
    for layer, expected in together:
        ((same, values),) = inspector.activations(pixels, [layer.name])
        assert same is layer
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_a_cut_graph_holds_no_more_than_it_needs(inspector: Inspector) -> None:
    model, table = inspector.table.flow.model, inspector.table
    first, last = (cut(model, [PIXELS], [table.layers[place].tensor]) for place in (1, -1))
    assert len(first.graph.node) < len(last.graph.node) <= len(model.graph.node)
    assert first.ByteSize() < last.ByteSize() / 2


def test_layers_come_in_the_order_that_they_were_asked_for(inspector: Inspector, pixels: np.ndarray) -> None:
    names = [inspector.layers[4].name, inspector.layers[1].name]
    assert [layer.name for layer, _ in inspector.activations(pixels, names)] == names
    with pytest.raises(UnknownLayer, match=r"no layer is called 'conv9'; the layers are preprocessing, conv1"):
        inspector.activations(pixels, ["conv9"])


def test_values_of_the_graph_by_name_the_pixels_among_them(inspector: Inspector, pixels: np.ndarray) -> None:
    batch = np.stack([pixels, 255 - pixels])
    tensor = inspector.layers[1].tensor
    found = inspector.values(batch, [PIXELS, tensor])
    assert found[PIXELS] is batch
    assert found[tensor].shape == (2, *inspector.layers[1].output_shape)
    alone = inspector.values(batch[1:], [tensor])[tensor]
    np.testing.assert_allclose(found[tensor][1:], alone, atol=1e-5)


def test_what_would_take_too_much_is_told_in_numbers(inspector: Inspector, pixels: np.ndarray) -> None:
    values = sum(array.size for _, array in inspector.activations(pixels))
    assert inspector.weigh() == 4 * values
    assert inspector.weigh([inspector.layers[-1].name]) == 40
    check_budget(1000, 1000, "no need")
    with pytest.raises(TooMuchToShow, match=r"about 3 MB of memory, and one request may take 2 MB .*; ask for less"):
        check_budget(3_000_000, 2_000_000, "ask for less")
