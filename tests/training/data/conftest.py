"""Gives the tests of one's own pictures real files of them, made by Pillow, and the settings that lead to them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.config import TrainingConfig

FORMATS = {"jpg": "RGB", "png": "RGBA", "webp": "RGB", "gif": "P", "bmp": "RGB", "tif": "L", "pgm": "L"}
"""Modes by extension."""

ORIENTATION = 0x0112
"""EXIF's tag."""


def settings(data: Path | None, **given: object) -> TrainingConfig:
    """A run that learns from one's own pictures."""
    return TrainingConfig.model_validate(
        {
            "name": "own",
            "dataset": "pictures",
            "data": data,
            "network": "tick-or-cross",
            "epochs": 1,
            "learning_rate": 0.01,
            "threads": 2,
            "validation": 0.25,
            "test": 0.25,
        }
        | given
    )


def draw(seed: int, width: int = 0, height: int = 0) -> Image.Image:
    """A picture of its own for each seed, of a size of its own too if none is given: soft patches of colour."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), np.uint8))
    return coarse.resize((width or int(random.integers(40, 160)), height or int(random.integers(40, 160))))


def save(path: Path, seed: int, orientation: int = 1) -> Path:
    """Such a picture in the format of the extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture = draw(seed).convert(FORMATS[path.suffix[1:]])
    if orientation == 1:
        picture.save(path)
    else:
        picture.save(path, exif=exif)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures of three labels in seven formats and any size; some lie on their side. Not to be changed."""
    root = tmp_path_factory.mktemp("own") / "flowers"
    for seed in range(60):
        label = ("aster", "Mohn", "tulip é")[seed % 3]
        extension = list(FORMATS)[seed % len(FORMATS)]
        turned = 6 if extension == "jpg" and seed % 2 else 1
        save(root / label / ("field" if seed % 5 == 0 else ".") / f"{seed:02d}.{extension}", seed, turned)
    return root
