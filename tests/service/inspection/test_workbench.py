"""Convolutions, activations and poolings of one's own, against PyTorch's functional operators and figures known."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from service.inspection.errors import InvalidSteps
from service.inspection.kernels import NAMES, named_kernel
from service.inspection.steps import read_steps
from service.inspection.workbench import Map, Outcome, lay_out, work

Extent = int | tuple[int, int]


def do(steps: list[dict[str, Any]], picture: Map) -> list[Outcome]:
    read = read_steps(json.dumps(steps))
    channels, height, width = picture.shape
    bench = lay_out(read, (channels, height, width))
    outcomes = work(bench, read, picture)
    assert bench.shapes == [outcome.maps.shape for outcome in outcomes], "what was foretold"
    return outcomes


def noise(*shape: int) -> Map:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_torchs(data: st.DataObject) -> None:
    channels, filters = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    kernel, stride, dilation = (
        (data.draw(st.integers(1, most)), data.draw(st.integers(1, most))) for most in (4, 3, 2)
    )
    padding, average = data.draw(st.integers(0, 2)), data.draw(st.booleans())
    weights, picture = noise(filters, channels, *kernel), noise(channels, 13, 11)
    (outcome,) = do([{
        "kind": "conv", "kernel": weights.tolist(), "stride": stride, "dilation": dilation, "padding": padding,
        "bias": 0.5, "average": average,
    }], picture)  # fmt: skip
    scale = 1 / weights[0].size if average else 1
    expected = functional.conv2d(
        torch.from_numpy(picture)[None], torch.from_numpy(weights) * scale, torch.full((filters,), 0.5),
        stride, padding, dilation,
    )[0]  # fmt: skip
    assert outcome.parameters == weights.size + filters
    np.testing.assert_allclose(outcome.maps, expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("kind", ["max_pool", "average_pool"])
@pytest.mark.parametrize(("size", "stride", "padding"), [(2, None, 0), (3, 2, 1), ((3, 2), (1, 2), 1), (5, 5, 0)])
def test_a_pooling_is_torchs(kind: str, size: Extent, stride: Extent | None, padding: int) -> None:
    picture = noise(2, 12, 15)
    (outcome,) = do([{"kind": kind, "size": size, "stride": stride, "padding": padding}], picture)
    pool = functional.max_pool2d if kind == "max_pool" else functional.avg_pool2d
    expected = pool(torch.from_numpy(picture), size, stride, padding)
    np.testing.assert_allclose(outcome.maps, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["relu", "tanh", "sigmoid"])
def test_an_activation_is_torchs(kind: str) -> None:
    picture = noise(1, 4, 5) * 3
    (outcome,) = do([{"kind": kind}], picture)
    np.testing.assert_allclose(outcome.maps, getattr(torch, kind)(torch.from_numpy(picture)).numpy(), atol=1e-6)
    assert outcome.parameters == 0


CAT = (3, 320, 400)
CONV3 = {"kind": "conv", "size": 3, "filters": 3}


@pytest.mark.parametrize(
    ("steps", "shapes", "parameters"),
    [
        ([CONV3], [(3, 318, 398)], 84),
        ([{"kind": "conv", "size": 10, "filters": 3}], [(3, 311, 391)], 903),
        ([{"kind": "conv", "size": 15}], [(1, 306, 386)], 676),
        ([CONV3, {"kind": "max_pool", "size": 5}], [(3, 318, 398), (3, 63, 79)], 84),
        ([CONV3, {"kind": "relu"}, {"kind": "max_pool", "size": 5}], [(3, 318, 398), (3, 318, 398), (3, 63, 79)], 84),
        (
            [CONV3, {"kind": "relu"}, {"kind": "max_pool", "size": 3}] * 2,
            [(3, 318, 398), (3, 318, 398), (3, 106, 132), (3, 104, 130), (3, 104, 130), (3, 34, 43)],
            168,
        ),
        (
            [CONV3, {"kind": "max_pool", "size": 3}, CONV3, {"kind": "max_pool", "size": 2}],
            [(3, 318, 398), (3, 106, 132), (3, 104, 130), (3, 52, 65)],
            168,
        ),
    ],
)
def test_the_stages_of_the_cat(steps: list[dict[str, Any]], shapes: list[tuple[int, ...]], parameters: int) -> None:
    outcomes = do(steps, np.zeros(CAT, np.float32))
    assert [outcome.maps.shape for outcome in outcomes] == shapes
    assert sum(outcome.parameters for outcome in outcomes) == parameters


@pytest.mark.parametrize(
    ("side", "steps", "shape"),
    [
        (32, [{"kind": "conv", "size": 5, "filters": 6}], (6, 28, 28)),
        (6, [{"kind": "conv", "size": 3}], (1, 4, 4)),
        (8, [{"kind": "max_pool", "size": 4}], (1, 2, 2)),
        (9, [{"kind": "conv", "size": [3, 4], "padding": "same", "dilation": 2}], (1, 9, 9)),
    ],
)
def test_worked_sizes(side: int, steps: list[dict[str, Any]], shape: tuple[int, ...]) -> None:
    assert do(steps, np.zeros((1, side, side), np.float32))[-1].maps.shape == shape


def test_a_kernel_divided_by_its_size_reads_one_on_its_own_picture() -> None:
    stem = named_kernel("tick-stem")
    step = {"kind": "conv", "kernel": "tick-stem", "average": True}
    assert do([step], stem[np.newaxis])[0].maps == pytest.approx(1)
    assert do([step], -stem[np.newaxis])[0].maps == pytest.approx(-1)


def test_random_kernels_are_the_seeds() -> None:
    picture = noise(3, 8, 8)
    first, again, other = (do([{**CONV3, "seed": seed}], picture)[0].maps for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_each_channel_by_itself() -> None:
    picture = noise(3, 6, 6)
    (outcome,) = do([{"kind": "conv", "kernel": "blur", "per_channel": True, "padding": "same"}], picture)
    kernel = torch.from_numpy(named_kernel("blur"))
    for channel, values in zip(picture, outcome.maps, strict=True):
        expected = functional.conv2d(torch.from_numpy(channel)[None, None], kernel[None, None], padding=2)
        np.testing.assert_allclose(values, expected[0, 0].numpy(), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_named_kernels_do_what_they_are_called(name: str) -> None:
    kernel = named_kernel(name)
    flat = do([{"kind": "conv", "kernel": name}], np.ones((1, 12, 12), np.float32))[0].maps
    keeps = name in {"identity", "blur", "box-blur", "sharpen", "emboss"}
    if name != "tick-stem":
        assert flat == pytest.approx(1 if keeps else 0, abs=1e-5), "of an even picture"
    assert np.abs(kernel).max() > 0
    if name == "sobel-x":
        edge = np.zeros((1, 5, 6), np.float32)
        edge[..., 3:] = 1
        assert do([{"kind": "conv", "kernel": name}], edge)[0].maps.max() == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "at least 1 item"),
        ("nonsense", "Invalid JSON"),
        ('[{"kind": "dropout"}]', "'dropout' found using 'kind' does not match"),
        ('[{"kind": "relu", "size": 3}]', "step 0 relu size: Extra inputs"),
        ('[{"kind": "conv", "kernel": "sobol"}]', "there are: random, identity, edge"),
        ('[{"kind": "conv", "kernel": [[1, 2], [3]]}]', "rows have to be of one length"),
        ('[{"kind": "conv", "kernel": [1, 2]}]', "rows of finite numbers"),
        ('[{"kind": "conv", "size": 0}]', "greater than or equal to 1"),
        ('[{"kind": "conv", "size": 9}]', "step 0: a window of 9 × 9 doesn't fit into its input, 8 × 8"),
        ('[{"kind": "relu"}, {"kind": "max_pool", "size": 2, "padding": 2}]', "step 1: padding 2 is more than half"),
        ('[{"kind": "conv", "kernel": [[[[1]], [[1]]]]}]', "the kernel reads 2 channels, its input has 3"),
    ],
)
def test_steps_that_are_wrong_are_named(text: str, said: str) -> None:
    with pytest.raises(InvalidSteps, match=said.replace("[", r"\[")):
        lay_out(read_steps(text), (3, 8, 8))
