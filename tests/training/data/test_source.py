"""The settings name a data set, its size and its share to choose by."""

from functools import partial
from pathlib import Path

import pytest

from service.contract import MnistForm, PictureInput, Stretch
from tests.training.data.conftest import settings
from training.data import ticks
from training.data.source import load_dataset
from training.errors import DatasetUnavailable


def test_drawings_need_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "Counts", partial(ticks.Counts, train=20, validation=10, test=10))  # drawing takes time
    dataset = load_dataset(settings(None, dataset="ticks", seed=3, height=32))
    assert dataset.input == PictureInput(height=32, width=28, channels=1, resize=MnistForm(box=20))
    assert dataset.record().counts == {"train": 20, "validation": 10, "test": 10}


def test_a_published_set_comes_in_the_form_that_is_asked_for(data: Path) -> None:
    form = {"height": 20, "width": 24, "channels": 3, "memory": 1}
    dataset = load_dataset(settings(data / "fashion-mnist", dataset="fashion-mnist", validation=0.2, **form))
    assert dataset.input == PictureInput(height=20, width=24, channels=3, resize=Stretch())
    assert dataset.train.pictures[0:5].shape == (5, 20, 24, 3)
    assert len(dataset.validation) == pytest.approx(12_000, rel=0.05)


def test_own_pictures(folder: Path) -> None:
    assert load_dataset(settings(folder)).name == "flowers"


def test_a_share_that_leaves_nothing_is_refused(data: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="--validation 1e-09 leaves a split of mnist empty"):
        load_dataset(settings(data / "mnist", dataset="mnist", validation=1e-9))
    assert not len(load_dataset(settings(data / "mnist", dataset="mnist", validation=0)).validation)
