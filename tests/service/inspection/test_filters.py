"""Weights as pictures: the colours are the numbers, and what doesn't fit is said to be left out."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.inspection import filters
from service.inspection.colour_scale import colours
from service.inspection.filters import render_weights

Rgb = NDArray[np.uint8]


def draw(**weights: NDArray[np.float32]) -> Rgb:
    return np.asarray(Image.open(io.BytesIO(render_weights("layer   conv", weights))))


def numbers(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written above the panels that are drawn from now on."""
    seen: list[str] = []
    label = filters._label

    def listen(title: str, mosaic: Rgb, limit: float | None) -> Image.Image:
        seen.append(title)
        return label(title, mosaic, limit)

    monkeypatch.setattr(filters, "_label", listen)
    return seen


def test_filters_of_three_channels_are_in_colour_each_over_its_own_range(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = titles(monkeypatch)
    weights = numbers(2, 3, 4, 4)
    weights[1] *= 100
    page = draw(weight=weights)
    told = f"layer   conv   weight   2 x 3 x 4 x 4   {weights.min():.4g} … {weights.max():.4g}"
    assert seen == [f"{told}   each from its least to its largest weight"]
    side = 21  # pixels for one weight: 84 for each filter, at least
    for number, kernel in enumerate(weights):
        span = kernel.max() - kernel.min()
        for row, column in np.ndindex(4, 4):
            y = filters._MARGIN + filters._TITLE + row * side + 5
            x = filters._MARGIN + number * (4 * side + filters._GAP) + column * side + 5
            wanted = np.round((kernel[:, row, column] - kernel.min()) / span * 255)
            assert np.abs(page[y, x] - wanted).max() <= 1


def test_other_filters_have_a_row_each_and_a_column_for_each_channel_read() -> None:
    weights = numbers(3, 2, 5, 5)
    page = draw(weight=weights)
    side, limit = 11, float(np.abs(weights).max())
    for output, source, row, column in np.ndindex(3, 2, 5, 5):
        y = filters._MARGIN + filters._TITLE + output * (5 * side + filters._GAP) + row * side + 5
        x = filters._MARGIN + source * (5 * side + filters._GAP) + column * side + 5
        wanted = colours(weights[output, source, row, column].reshape(1, 1), limit)[0, 0]
        assert np.array_equal(page[y, x], wanted)


def test_a_matrix_has_a_row_for_each_output() -> None:
    weights = numbers(4, 7)
    page = draw(weight=weights, bias=numbers(4))
    for row, column in np.ndindex(4, 7):
        y, x = filters._MARGIN + filters._TITLE + row * 12 + 6, filters._MARGIN + column * 12 + 6
        assert np.array_equal(page[y, x], colours(weights, float(np.abs(weights).max()))[row, column])


def test_filters_of_one_channel_stand_side_by_side() -> None:
    one, many = draw(weight=numbers(1, 1, 5, 5)), draw(weight=numbers(70, 1, 5, 5))
    assert many.shape[0] > one.shape[0]
    assert many.shape[1] <= filters._WIDTH + filters._SCALE + 3 * filters._MARGIN


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((600, 900, 3, 3), "of 600 rows and 900 columns the first 145 and 145"),
        ((2000, 5000), "of 2000 rows and 5000 columns the first 1600 and 1600"),
        ((500, 3, 7, 7), "of 500 the first 288"),
    ],
)
def test_what_does_not_fit_is_said_to_be_left_out(
    shape: tuple[int, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = titles(monkeypatch)
    page = draw(weight=np.zeros(shape, np.float32))
    assert told in seen[0]
    assert page.shape[0] < 1700
    assert page.shape[1] < 1800


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 1, 1), (1, 3, 1, 1), (6, 2, 3), (200,)])
def test_arrays_of_any_shape_can_be_drawn(shape: tuple[int, ...]) -> None:
    values = np.full(shape, -2, np.float32)
    page = draw(constant=values)
    assert np.array_equal(page[filters._MARGIN + filters._TITLE + 3, filters._MARGIN + 3], [103, 0, 31])


def test_a_filter_of_equal_weights_is_black_and_no_division_by_zero() -> None:
    page = draw(weight=np.full((1, 3, 2, 2), 0.5, np.float32))
    assert page[filters._MARGIN + filters._TITLE + 5, filters._MARGIN + 5].tolist() == [0, 0, 0]
