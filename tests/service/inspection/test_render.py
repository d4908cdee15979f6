"""Feature maps to one picture, with honest colours."""

import io

import numpy as np
from PIL import Image

from service.inspection.colour_scale import colours
from service.inspection.layer import Layer
from service.inspection.render import render_activations, to_png


def layer(name: str, shape: list[int]) -> Layer:
    return Layer(
        name=name, kind="conv", operator="Conv", inputs=["input"], input_shapes=[[1, 4, 4]], output_shape=shape,
        parameters=0, macs=0, receptive_field=[1, 1], jump=[1, 1], attributes={}, tensor=name,
    )  # fmt: skip


def test_zero_is_white_and_signs_are_told_apart() -> None:
    negative, zero, positive = colours(np.array([-2, 0, 2], np.float32), limit=2)
    assert zero.min() > 240
    assert negative[0] > negative[2], "red"
    assert positive[2] > positive[0], "blue"


def test_the_scale_is_symmetric() -> None:
    weak = colours(np.array([0.1, -0.1], np.float32), limit=100)
    assert np.abs(weak.astype(int) - 247).max() <= 1


def test_no_number_has_a_colour_of_its_own() -> None:
    grey = colours(np.array([np.nan, 0], np.float32), limit=1)
    assert grey[0].tolist() == [160, 160, 160]


def test_a_dead_layer_is_white() -> None:
    assert colours(np.zeros((2, 3, 3), np.float32), limit=0).min() == 247


def test_maps_vectors_and_wide_layers_are_drawn() -> None:
    random = np.random.default_rng(0)
    activations = [
        (layer("maps", [6, 5, 7]), random.normal(size=(6, 5, 7)).astype(np.float32)),
        (layer("vector", [300]), random.normal(size=300).astype(np.float32)),
        (layer("large", [3, 1200, 1500]), random.normal(size=(3, 1200, 1500)).astype(np.float32)),
        (layer("broken", [2]), np.array([np.nan, np.inf], np.float32)),
    ]
    picture = Image.open(io.BytesIO(render_activations(activations)))
    assert picture.width > 1500
    assert picture.height > 3 * 1200


def test_png_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 4, 3), np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(to_png(pixels)))), pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(to_png(pixels[..., :1])))), pixels[..., 0])
