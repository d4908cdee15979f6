"""Published sets in other sizes and colours, each picture as the service would resize it."""

import dataclasses

import numpy as np
import pytest

from service.contract import MnistForm, PictureInput, Stretch
from service.decode import PictureLimits, decode
from service.preprocess import preprocess
from training.data.dataset import Dataset, Split
from training.data.resized import ResizedPictures, adapt_input, resize_dataset
from training.data.ticks import INPUT, Counts, load_ticks

STRETCHED = PictureInput(height=32, width=40, channels=3, resize=Stretch())


def test_nothing_asked_for_is_the_sets_own_input() -> None:
    assert adapt_input(INPUT, None, None, None) == INPUT
    assert adapt_input(STRETCHED, None, None, None) == STRETCHED


def test_sides_and_channels_are_set_one_by_one() -> None:
    assert adapt_input(STRETCHED, 50, None, 1) == PictureInput(height=50, width=40, channels=1, resize=Stretch())


@pytest.mark.parametrize(("height", "width", "box"), [(56, 56, 40), (32, 64, 23), (14, 28, 10), (1, 1, 1)])
def test_mnists_box_grows_with_the_shorter_side(height: int, width: int, box: int) -> None:
    assert adapt_input(INPUT, height, width, None).resize == MnistForm(box=box)


def test_in_colour_mnists_form_is_a_stretch() -> None:
    assert adapt_input(INPUT, None, None, 3) == PictureInput(height=28, width=28, channels=3, resize=Stretch())


@pytest.mark.parametrize("spec", [STRETCHED, adapt_input(INPUT, 32, 32, 1)])
def test_each_picture_is_as_the_service_resizes_it(ticks: Dataset, spec: PictureInput) -> None:
    resized = resize_dataset(ticks, spec, memory=100, workers=2)
    assert resized.input == spec
    assert resized.fingerprint() == ticks.fingerprint()
    for name, split in resized.splits().items():
        assert isinstance(split.pictures, np.ndarray)
        assert np.array_equal(split.labels, ticks.splits()[name].labels)
        assert len(split) == len(ticks.splits()[name])
    for original, picture in zip(ticks.test.pictures[:], resized.test.pictures[:], strict=True):
        assert np.array_equal(picture, preprocess(np.repeat(original, 3, axis=2), spec))


def test_what_would_fill_the_memory_is_resized_when_asked_for(ticks: Dataset) -> None:
    kept, lazy = (resize_dataset(ticks, STRETCHED, memory=memory, workers=1) for memory in (4, 3))
    assert isinstance(lazy.train.pictures, ResizedPictures)
    for positions in (slice(3, 9), np.array([7, 0, 7])):
        assert np.array_equal(lazy.train.pictures[positions], kept.train.pictures[positions])


def test_an_empty_split_stays_empty(ticks: Dataset) -> None:
    nothing = Split(np.zeros((0, 28, 28, 1), np.uint8), np.zeros(0, np.int64))
    resized = resize_dataset(dataclasses.replace(ticks, validation=nothing), STRETCHED, memory=100, workers=1)
    assert resized.validation.pictures[:].shape == (0, 32, 40, 3)


def test_colour_becomes_luminance() -> None:
    pictures = np.zeros((2, 4, 4, 3), np.uint8)
    pictures[0, ..., 0] = 255
    grey = ResizedPictures(pictures, PictureInput(height=4, width=4, channels=1, resize=Stretch()))[:]
    assert np.all(grey[0] == 76)  # 0.299 of red
    assert not grey[1].any()


def test_drawings_come_in_any_form_and_are_the_same_drawings() -> None:
    counts = Counts(train=6, validation=2, test=2)
    small, large, colour = (
        load_ticks(5, counts, adapt_input(INPUT, *form)) for form in ((None, None, None), (56, 64, None), (30, 30, 3))
    )
    assert large.train.pictures[:].shape == (6, 56, 64, 1)
    assert colour.train.pictures[:].shape == (6, 30, 30, 3)
    assert small.samples == large.samples == colour.samples
    for dataset in (small, large, colour):
        for sample in dataset.samples:
            preprocess(decode(sample.content, PictureLimits()), dataset.input)
