"""Any picture to the pixels that the manifest asks for."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.contract import CenterCrop, MnistForm, PictureInput, Stretch
from service.decode import Picture
from service.preprocess import preprocess

MNIST = PictureInput(height=28, width=28, channels=1, resize=MnistForm())


def drawing(  # noqa: PLR0917 - what can be different about a drawing
    size: tuple[int, int] = (300, 200),
    box: tuple[int, int, int, int] = (60, 50, 100, 150),
    ink: int = 0,
    paper: int = 255,
    width: int = 9,
    noise: float = 0,
    shadow: float = 0,
) -> Picture:
    """(H, W, 3) uint8: an ellipse as a person would draw it."""
    page = Image.new("L", size, paper)
    ImageDraw.Draw(page).ellipse(box, outline=ink, width=width)
    values = np.asarray(page, float) * (1 - shadow * np.linspace(0, 1, size[0]))
    values += np.random.default_rng(0).normal(0, noise, values.shape)
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def centre_of_mass(pixels: Picture) -> tuple[float, float]:
    weights = pixels[..., 0].astype(float)
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return float((weights * y).sum() / weights.sum()), float((weights * x).sum() / weights.sum())


@pytest.mark.parametrize(
    "picture",
    [
        drawing(),
        drawing(ink=255, paper=0),
        drawing(box=(5, 5, 40, 90)),
        drawing(box=(250, 120, 290, 190)),
        drawing(size=(2000, 1500), box=(300, 200, 700, 1100), width=60),
        drawing(size=(60, 40), box=(10, 5, 22, 33), width=2),
        drawing(ink=60, paper=190),
        drawing(noise=10),
        drawing(shadow=0.4),
        drawing(shadow=0.3, noise=8),
    ],
    ids=["plain", "inverted", "corner", "far corner", "large", "small", "pale", "noisy", "shadow", "photographed"],
)
def test_a_drawing_comes_out_in_mnists_form(picture: Picture) -> None:
    pixels = preprocess(picture, MNIST)
    assert pixels.shape == (28, 28, 1)
    assert pixels.dtype == np.uint8
    rows, columns = np.flatnonzero(pixels.any(axis=(1, 2))), np.flatnonzero(pixels.any(axis=(0, 2)))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert centre_of_mass(pixels) == pytest.approx((13.5, 13.5), abs=0.75)
    assert pixels.max() == 255
    assert (pixels == 0).mean() > 0.5


def test_polarity_makes_no_difference() -> None:
    dark = preprocess(drawing(ink=0, paper=255), MNIST).astype(int)
    light = preprocess(drawing(ink=255, paper=0), MNIST).astype(int)
    assert np.abs(dark - light).max() <= 1


def test_what_is_in_mnists_form_is_left_alone() -> None:
    once = preprocess(drawing(), MNIST)
    assert np.array_equal(preprocess(np.repeat(once, 3, axis=2), MNIST), once)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_page_has_no_ink(value: int) -> None:
    assert not preprocess(np.full((100, 80, 3), value, np.uint8), MNIST).any()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5000, 3), (5000, 1, 3), (2, 2, 3)])
def test_extreme_shapes_are_taken(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    assert preprocess(picture, MNIST).shape == (28, 28, 1)


def test_stretch_ignores_proportions() -> None:
    spec = PictureInput(height=8, width=16, channels=3, resize=Stretch())
    halves = np.zeros((100, 40, 3), np.uint8)
    halves[50:] = 255
    pixels = preprocess(halves, spec)
    assert pixels.shape == (8, 16, 3)
    assert pixels[0].max() == 0
    assert pixels[7].min() == 255


def test_center_crop_keeps_proportions_and_loses_the_margins() -> None:
    spec = PictureInput(height=10, width=10, channels=3, resize=CenterCrop())
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert preprocess(wide, spec).min() == 255


def test_grey_is_luminance() -> None:
    spec = PictureInput(height=1, width=1, channels=1, resize=Stretch())
    green = np.full((1, 1, 3), (0, 255, 0), np.uint8)
    assert preprocess(green, spec)[0, 0, 0] == pytest.approx(0.587 * 255, abs=1)
