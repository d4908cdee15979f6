"""Where a map lies on the picture as it was sent."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.contract import CenterCrop, MnistForm, PictureInput, Resize, Stretch
from service.inspection.attribution.placement import place
from service.preprocess import View, find_view, preprocess


def spec(resize: Resize, height: int = 32, width: int = 48) -> PictureInput:
    channels = 1 if isinstance(resize, MnistForm) else 3
    return PictureInput(height=height, width=width, channels=channels, resize=resize)


def spot(height: int, width: int, y: int, x: int) -> NDArray[np.uint8]:
    """A black picture with a white square in it."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y - 9 : y + 9, x - 9 : x + 9] = 255
    return picture


def middle(values: NDArray[np.float32]) -> tuple[float, float]:
    """Where the centre of mass lies."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    weights = np.nan_to_num(values)
    return float((weights * y).sum() / weights.sum()), float((weights * x).sum() / weights.sum())


@pytest.mark.parametrize("resize", [Stretch(), CenterCrop()])
@pytest.mark.parametrize("size", [(200, 300), (150, 400), (400, 150), (90, 91), (20, 30)])
def test_what_the_network_sees_of_a_spot_lies_on_the_spot(resize: Resize, size: tuple[int, int]) -> None:
    height, width = size
    y, x = height // 2 + height // 12, width // 2 - width // 12
    picture = spot(height, width, y, x)
    seen = preprocess(picture, spec(resize))[..., 0].astype(np.float32)
    placed = place(seen, find_view(picture, spec(resize)), height, width)
    truth = picture[..., 0].astype(np.float32)
    truth[np.isnan(placed)] = np.nan
    assert placed.shape == (height, width)
    assert np.allclose(middle(placed), middle(truth), atol=max(height / 32, width / 48) / 2)
    assert np.corrcoef(placed[~np.isnan(placed)], truth[~np.isnan(placed)])[0, 1] > 0.8


def test_what_a_crop_leaves_out_has_no_values() -> None:
    view = find_view(np.zeros((100, 300, 3), np.uint8), spec(CenterCrop(), 32, 32))
    assert view == View(100, 0, 200, 100)
    placed = place(np.ones((32, 32), np.float32), view, 100, 300)
    assert np.isnan(placed[:, :100]).all()
    assert np.isnan(placed[:, 200:]).all()
    assert (placed[:, 100:200] == 1).all()


@pytest.mark.parametrize("size", [(120, 160), (60, 60), (700, 500)])
def test_a_digit_far_out_on_its_paper_is_found_again(size: tuple[int, int]) -> None:
    height, width = size
    image = Image.new("RGB", (width, height), "white")
    x, y = width * 0.55, height * 0.1
    ImageDraw.Draw(image).line(
        [(x, y), (x + width / 4, y), (x + width / 8, y + height / 3)], "black", max(3, width // 40)
    )
    picture = np.asarray(image)
    form = spec(MnistForm(), 28, 28)
    placed = place(preprocess(picture, form)[..., 0].astype(np.float32), find_view(picture, form), height, width)
    ink = 255 - picture[..., 0].astype(np.float32)
    shown = ~np.isnan(placed)
    assert np.corrcoef(placed[shown], ink[shown])[0, 1] > 0.75  # the network sees it more coarsely
    assert np.allclose(middle(placed), middle(ink), atol=max(size) / 100)
    assert ink[~shown].sum() == 0  # all of the ink was seen


def test_pictures_in_mnist_form_and_empty_ones_are_seen_whole() -> None:
    form = spec(MnistForm(), 28, 28)
    ready = np.zeros((28, 28, 3), np.uint8)
    ready[8:20, 13:15] = 255
    assert find_view(ready, form) == View(0, 0, 28, 28)
    assert find_view(np.zeros((50, 40, 3), np.uint8), form) == View(0, 0, 40, 50)
