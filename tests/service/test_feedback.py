"""The feedback folder: each picture once, whole or not at all, under any label, within its limits."""

import io
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.decode import PictureLimits, load_picture, open_picture
from service.errors import FeedbackFull, FeedbackNotKept
from service.feedback.archive import Archive, Outcome
from service.feedback.folder import Correction, list_corrections, name_folder

LONG = "ein sehr langes Etikett " * 20
ODD = ("a", "A/b", "a%2Fb", "..", ".", ".hidden", "~", "猫", "two words", "c:\\d", LONG, LONG + "!", "ß" * 90, "\n")


def about(label: str, model: str = "shapes", seconds: int = 0) -> Correction:
    kept = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return Correction(model=model, version=1, label=label, predicted="disc", probability=0.9, kept=kept)


def picture(seed: int, side: int = 8) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def archive(folder: Path, max_bytes: int = 2**20, max_pictures: int = 100) -> Archive:
    return Archive(folder / "feedback", max_bytes, max_pictures)


def files(folder: Path) -> list[str]:
    found = (folder / "feedback").rglob("*")
    return sorted(str(path.relative_to(folder / "feedback")) for path in found if path.is_file())


def labels_of(folder: Path, *asked: str) -> list[str]:
    return [kept.label for kept in list_corrections(folder / "feedback", "shapes", asked).pictures]


def test_a_picture_is_kept_once_under_its_newest_label(tmp_path: Path) -> None:
    kept = archive(tmp_path)
    assert kept.keep(picture(1), about("box")) is Outcome.KEPT
    assert kept.keep(picture(1), about("box")) is Outcome.KNOWN
    assert kept.keep(picture(2), about("box")) is Outcome.KEPT
    assert kept.count("shapes", ["box", "disc"]) == {"box": 2, "disc": 0}
    assert kept.keep(picture(1), about("disc", seconds=1)) is Outcome.MOVED
    assert kept.count("shapes", ["box", "disc"]) == {"box": 1, "disc": 1}
    found = list_corrections(tmp_path / "feedback", "shapes", ["disc"])
    assert found.others == 1
    (disc,) = found.pictures
    assert np.array_equal(np.asarray(Image.open(disc.path)), np.asarray(picture(1)))
    record = json.loads(disc.path.with_suffix(".json").read_text())
    assert record["label"] == record["predicted"] == "disc"
    assert len([name for name in files(tmp_path) if name != ".lock"]) == 4


def test_nothing_but_the_pixels_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x8298] = "SECRET owner"
    content = io.BytesIO()
    original = picture(1, side=16).crop((0, 0, 16, 8))
    original.save(content, "JPEG", exif=exif, comment=b"SECRET comment", icc_profile=b"SECRET profile")
    body = content.getvalue() + b"PK\x03\x04 SECRET archive"
    archive(tmp_path).keep(load_picture(open_picture(body, PictureLimits())), about("box"))
    (path,) = (tmp_path / "feedback").rglob("*.png")
    assert b"SECRET" not in path.read_bytes()
    with Image.open(path) as stored:
        assert stored.size == (8, 16)
        assert not stored.info


def test_any_label_has_a_folder_of_its_own_and_no_other_place(tmp_path: Path) -> None:
    kept = archive(tmp_path)
    for seed, label in enumerate(ODD):
        kept.keep(picture(seed), about(label))
    assert len({name_folder(label) for label in ODD}) == len(ODD)
    assert kept.count("shapes", ODD) == dict.fromkeys(ODD, 1)
    places = {Path(name).parent.parent for name in files(tmp_path) if name != ".lock"}
    assert places == {Path("shapes")}
    assert all(len(name_folder(label).encode()) <= 255 for label in ODD)


def test_what_is_full_refuses_and_loses_nothing(tmp_path: Path) -> None:
    kept = archive(tmp_path, max_pictures=2)
    for seed in (1, 2):
        kept.keep(picture(seed), about("box", model=f"shapes{seed}"))
    before = files(tmp_path)
    with pytest.raises(FeedbackFull, match="CONVSCOPE_FEEDBACK_COUNT"):
        kept.keep(picture(3), about("box"))
    assert files(tmp_path) == before
    assert kept.keep(picture(1), about("disc", model="shapes1")) is Outcome.MOVED, "it takes no more room"
    small = archive(
        tmp_path, max_bytes=sum((tmp_path / "feedback" / name).stat().st_size for name in files(tmp_path)) + 99
    )
    with pytest.raises(FeedbackFull, match="CONVSCOPE_FEEDBACK_BYTES"):
        small.keep(picture(3), about("box"))


def test_many_who_write_at_once_are_as_one(tmp_path: Path) -> None:
    def keep(number: int) -> None:
        archive(tmp_path).keep(picture(number % 5), about("ab"[number % 2], seconds=number))

    with ThreadPoolExecutor(8) as threads:  # each opens the lock anew, as another process would
        list(threads.map(keep, range(60)))
    names = [Path(name) for name in files(tmp_path) if name != ".lock"]
    assert sorted(name.suffix for name in names) == [".json"] * 5 + [".png"] * 5
    assert len({name.stem for name in names}) == 5


def test_what_a_killed_service_left_behind(tmp_path: Path) -> None:
    """It was moving a picture, and had not yet taken the old one away; another was half written."""
    kept = archive(tmp_path)
    kept.keep(picture(1), about("box", seconds=5))
    (old,) = (tmp_path / "feedback").rglob("*.png")
    newer = tmp_path / "feedback" / "shapes" / "disc"
    newer.mkdir()
    (newer / old.name).write_bytes(old.read_bytes())
    (newer / old.name).with_suffix(".json").write_text(about("disc", seconds=6).model_dump_json())
    (newer / ".half.png.part").write_bytes(b"half")
    assert labels_of(tmp_path, "box", "disc") == ["disc"]
    kept.keep(picture(2), about("disc"))
    assert not (newer / ".half.png.part").exists()
    assert kept.keep(picture(1), about("box", seconds=7)) is Outcome.MOVED
    assert sorted(labels_of(tmp_path, "box", "disc")) == ["box", "disc"]
    assert len(list((tmp_path / "feedback").rglob("*.png"))) == 2


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "feedback"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        kept = archive(tmp_path)
        kept.keep(picture(1), about("box"))
        before = files(tmp_path)
        with pytest.raises(FeedbackNotKept, match="No space left on device"):
            kept.keep(picture(2, side=300), about("box"))
        assert files(tmp_path) == before
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(FeedbackNotKept, match="Read-only file system"):
            kept.keep(picture(3), about("box"))
        assert kept.find_problem() == "Read-only file system"
        assert kept.count("shapes", ["box"]) == {"box": 1}
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_file_in_the_folders_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file")
    with pytest.raises(FeedbackNotKept, match="CONVSCOPE_FEEDBACK"):
        archive(tmp_path).keep(picture(1), about("box"))
    assert archive(tmp_path / "empty").find_problem() is None
