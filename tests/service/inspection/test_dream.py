"""Pictures that excite a channel."""

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine import Provider
from service.errand import CalledOff, Errand
from service.inspection.activations import Inspector, load_inspector
from service.inspection.dream import Dream, Moment, dream, find_goal, usual_steps
from service.inspection.errors import TooMuchToShow, UnknownChannel, UnknownLayer
from service.inspection.graph import LayerTable
from service.published import PublishedVersion
from tests.service.inspection.filters import filters

BUDGET = 2**29


def ignore(moment: Moment) -> None:
    """Nobody watches."""


def stripes(bias: float = 0) -> Inspector:
    """One filter for upright stripes, one for lying ones."""
    upright = np.tile(np.array([1, 1, 1, -1, -1, -1], np.float32), (6, 1))
    return filters(np.stack([upright, upright.T])[:, np.newaxis] / np.float32(36), bias)


def dreamt(inspector: Inspector, layer: str, channel: int, seed: int = 0, steps: int = 60) -> Dream:
    goal = find_goal(inspector.table, layer, channel)
    return dream(inspector, goal, steps=steps, seed=seed, budget=BUDGET, watch=ignore)


def variation(picture: NDArray[np.uint8], axis: int) -> float:
    return float(np.abs(np.diff(picture[..., 0].astype(float), axis=axis)).mean())


@pytest.mark.parametrize("layer", ["conv", "relu", "logits", "flatten"])
def test_a_filter_for_stripes_dreams_of_stripes_of_its_direction(layer: str) -> None:
    inspector = stripes()
    upright, lying = dreamt(inspector, layer, 0).picture, dreamt(inspector, layer, 1).picture
    if layer != "conv":  # a filter's mean over all places is the same for stripes as for grey, without a ReLU behind it
        assert variation(upright, axis=1) > 1.5 * variation(upright, axis=0)
        assert variation(lying, axis=0) > 1.5 * variation(lying, axis=1)
    assert not np.array_equal(upright, lying)


def test_a_filter_for_a_colour_dreams_of_the_colour() -> None:
    kernels = np.zeros((2, 3, 1, 1), np.float32)
    kernels[0, 0], kernels[0, 2], kernels[1, 2], kernels[1, 0] = 1, -1, 1, -1
    inspector = filters(kernels)
    red, blue = (dreamt(inspector, "conv", channel).picture.astype(int) for channel in (0, 1))
    assert (red[..., 0] - red[..., 2]).mean() > 80
    assert (blue[..., 2] - blue[..., 0]).mean() > 80


def test_the_same_seed_dreams_the_same_and_another_another() -> None:
    inspector = stripes()
    first, again, other = (dreamt(inspector, "relu", 0, seed) for seed in (1, 1, 2))
    assert first.picture.tobytes() == again.picture.tobytes()
    assert first.activation == again.activation
    assert first.picture.tobytes() != other.picture.tobytes()


def test_what_is_told_is_what_the_network_makes_of_the_picture() -> None:
    inspector = stripes()
    made = dreamt(inspector, "relu", 1)
    ((_, maps),) = inspector.activations(made.picture, ["relu"])
    assert made.activation == pytest.approx(float(maps[1].mean()), rel=1e-6)
    assert made.activation > 5 * made.start
    assert made.picture.shape == (24, 24, 1)
    assert made.picture.dtype == np.uint8


def test_a_relu_that_is_shut_everywhere_is_opened() -> None:
    made = dreamt(stripes(bias=-0.05), "relu", 0, steps=150)
    assert made.start == 0
    assert made.activation > 0.02


@pytest.mark.parametrize("layer", ["relu2", "dense", "logits"])
def test_layers_of_a_trained_network_are_excited_far_more_than_by_its_pictures(
    digits: PublishedVersion, layer: str
) -> None:
    inspector = load_inspector(digits, Provider.CPU, 1)
    made = dreamt(inspector, layer, 3, steps=64)
    assert made.activation > 2 * abs(made.start)


def test_every_step_is_told_and_can_be_the_last() -> None:
    told: list[Moment] = []
    errand = Errand()

    def leave(moment: Moment) -> None:
        told.append(moment)
        if moment.step == 5:
            errand.call_off()

    inspector = stripes()
    goal = find_goal(inspector.table, "relu", 0)
    with pytest.raises(CalledOff):
        errand.do(lambda: dream(inspector, goal, steps=500, seed=0, budget=BUDGET, watch=leave))
    assert [moment.step for moment in told] == [1, 2, 3, 4, 5]
    pictures = [moment.paint() for moment in told]
    assert all(picture.shape == (24, 24, 1) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[-1])  # each is that moment's, not the last


@pytest.mark.parametrize(
    ("layer", "channel", "error", "said"),
    [
        ("conv9", 0, UnknownLayer, "conv, relu, pool"),
        ("conv", 2, UnknownChannel, "0 to 1"),
        ("conv", -1, UnknownChannel, "0 to 1"),
        ("logits", 2, UnknownChannel, "0 to 1"),
    ],
)
def test_what_is_not_there_is_refused(layer: str, channel: int, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        find_goal(stripes().table, layer, channel)


def test_a_network_that_needs_more_memory_is_refused() -> None:
    inspector = stripes()
    with pytest.raises(TooMuchToShow):
        dream(inspector, find_goal(inspector.table, "relu", 0), steps=1, seed=0, budget=1000, watch=ignore)


def test_large_networks_take_fewer_steps(digits: PublishedVersion) -> None:
    small = stripes().table
    assert usual_steps(small, find_goal(small, "relu", 0)) == 256
    table = load_inspector(digits, Provider.CPU, 1).table
    work = [layer.model_copy(update={"macs": 10**8}) for layer in table.layers]
    large = LayerTable(table.flow, tuple(work), table.parts)
    assert usual_steps(large, find_goal(large, "logits", 0)) == 64
    assert usual_steps(large, find_goal(large, "conv1", 0)) == 200  # what comes behind the layer isn't computed
