"""Files to pixels on all cores, exactly as the service would; what is no picture gets a reason."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from service.contract import CenterCrop, PictureInput, Stretch
from service.decode import PictureLimits, decode
from service.preprocess import preprocess
from training.data.decoding import check_files, decode_files

SPEC = PictureInput(height=24, width=32, channels=3, resize=CenterCrop())


def pictures_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_every_format_comes_out_as_the_service_sees_it(folder: Path) -> None:
    paths = pictures_below(folder)
    pixels, readings = decode_files(paths, SPEC, workers=2)
    assert pixels.shape == (60, 24, 32, 3)
    for path, picture, reading in zip(paths, pixels, readings, strict=True):
        assert np.array_equal(picture, preprocess(decode(path.read_bytes(), PictureLimits()), SPEC))
        assert reading.digest == hashlib.sha256(path.read_bytes()).hexdigest()
        assert not reading.reason


def test_the_number_of_threads_changes_nothing(folder: Path) -> None:
    paths = pictures_below(folder)
    one, readings = decode_files(paths, SPEC, workers=1)
    many, same = decode_files(paths, SPEC, workers=7)
    assert np.array_equal(one, many)
    assert readings == same == check_files(paths, workers=2)


def test_orientation_is_applied(data: Path) -> None:
    paths = [data / "images" / f"hopper_orientation_{number}.jpg" for number in range(2, 9)]
    pixels, _ = decode_files(paths, PictureInput(height=64, width=64, channels=1, resize=Stretch()), workers=2)
    for picture in pixels[1:].astype(np.float32):
        assert np.abs(picture - pixels[0]).mean() < 4


def test_whatever_a_file_holds_it_is_a_picture_or_has_a_reason_on_one_line(data: Path) -> None:
    paths = pictures_below(data / "hostile-images")
    pixels, readings = decode_files(paths, SPEC, workers=2)
    assert check_files(paths, workers=2) == readings
    for path, picture, reading in zip(paths, pixels, readings, strict=True):
        assert bool(reading.digest) != bool(reading.reason), path.name
        assert "\n" not in reading.reason
        assert reading.digest or not picture.any()
    told = {path.name: reading.reason for path, reading in zip(paths, readings, strict=True)}
    assert told["made_empty.png"] == "the file is empty"
    assert "send it smaller" in told["made_bomb_gray8_13000x13000.png"]
    assert "no picture that can be read" in told["made_html_named_png.png"]
    assert "can't be decoded" in told["truncated_jpeg.jpg"]


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "large.jpg").touch()
    os.truncate(tmp_path / "large.jpg", 10**12)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    paths = [tmp_path / name for name in ("pipe.jpg", "large.jpg", "gone.jpg")]
    assert [reading.reason for reading in check_files(paths, workers=2)] == [
        "it is no regular file",
        "the file has 1,000,000,000,000 bytes; the limit is 20,971,520",
        "No such file or directory",
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_files_are_no_pictures(workers: int) -> None:
    pixels, readings = decode_files([], SPEC, workers)
    assert pixels.shape == (0, 24, 32, 3)
    assert readings == ()
