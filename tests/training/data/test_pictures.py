"""One's own pictures to a data set: in memory or on the disk, each once, each where its content puts it."""

import hashlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.contract import CenterCrop, PictureInput
from service.decode import PictureLimits, decode
from service.preprocess import preprocess
from tests.training.data.conftest import draw, save, settings
from training.data.dataset import Dataset, is_held_out
from training.data.disk import DiskPictures
from training.data.pictures import load_pictures
from training.errors import DatasetUnavailable


def all_of(dataset: Dataset) -> dict[str, tuple[str, str, bytes]]:
    """Split, label and pixels of each picture, by its digest."""
    return {
        digest: (name, dataset.labels[label], split.pictures[np.array([at])].tobytes())
        for name, split in dataset.splits().items()
        for at, (digest, label) in enumerate(zip(split.digests, split.labels, strict=True))
    }


def refusal(data: Path | None, **given: object) -> str:
    with pytest.raises(DatasetUnavailable) as refused:
        load_pictures(settings(data, **given))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_folder_becomes_a_data_set(folder: Path) -> None:
    dataset = load_pictures(settings(folder))
    assert dataset.name == "flowers"
    assert dataset.labels == ("Mohn", "aster", "tulip é")
    assert dataset.description == "What a picture shows: Mohn, aster, tulip é."
    assert dataset.input == PictureInput(height=64, width=64, channels=3, resize=CenterCrop())
    assert dataset.skipped == ()
    assert isinstance(dataset.train.pictures, np.ndarray)
    counts = dataset.record().counts
    assert sum(counts.values()) == 60
    assert all(4 < count < 45 for count in counts.values())
    for path in folder.rglob("*.*"):
        pixels = preprocess(decode(path.read_bytes(), PictureLimits()), dataset.input)
        label = path.relative_to(folder).parts[0]
        assert any(entry[1:] == (label, pixels.tobytes()) for entry in all_of(dataset).values())


def test_size_and_colour_are_what_is_asked_for(folder: Path) -> None:
    dataset = load_pictures(settings(folder, height=20, width=30, channels=1))
    assert dataset.train.pictures[:].shape[1:] == (20, 30, 1)
    assert dataset.input == PictureInput(height=20, width=30, channels=1, resize=CenterCrop())


def test_what_doesnt_fit_into_memory_is_the_same_from_the_disk(folder: Path) -> None:
    kept, streamed = (load_pictures(settings(folder, memory=memory, height=200, width=200)) for memory in (7, 6))
    assert isinstance(kept.train.pictures, np.ndarray)
    assert isinstance(streamed.train.pictures, DiskPictures)
    assert all_of(kept) == all_of(streamed)
    assert kept.record() == streamed.record()
    assert kept.samples == streamed.samples
    for positions in (slice(1, 9, 3), slice(-2, None), np.array([5, 0, 5]), np.array([], np.int64)):
        assert np.array_equal(kept.train.pictures[positions], streamed.train.pictures[positions])


def test_a_table_of_the_same_files_is_the_same_set(folder: Path, tmp_path: Path) -> None:
    paths = [path for path in sorted(folder.rglob("*.*"), reverse=True) if path.is_file()]
    rows = [f'"{path}",{path.relative_to(folder).parts[0]}' for path in paths]
    (tmp_path / "flowers.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    listed, found = (load_pictures(settings(source)) for source in (tmp_path / "flowers.csv", folder))
    assert all_of(listed) == all_of(found)
    assert listed.fingerprint() == found.fingerprint()


def test_a_growing_and_renamed_folder_keeps_its_splits(folder: Path, tmp_path: Path) -> None:
    before = all_of(load_pictures(settings(folder)))
    grown = shutil.copytree(folder, tmp_path / "grown")
    for number, path in enumerate(sorted(grown.glob("aster/*.*"))):
        path.rename(path.with_name(f"{99 - number}{path.suffix}"))
    for seed in range(100, 130):
        save(grown / "Mohn" / f"{seed}.jpg", seed)
    after = all_of(load_pictures(settings(grown)))
    assert len(after) == 90
    assert before.items() <= after.items()


def test_copies_count_once_and_contradictions_not_at_all(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "set")
    before = load_pictures(settings(root))
    shutil.copy(root / "aster" / "03.gif", root / "aster" / "copy.gif")
    assert load_pictures(settings(root, strict=True)).fingerprint() == before.fingerprint()
    shutil.copy(root / "aster" / "03.gif", root / "Mohn" / "other.gif")
    after = load_pictures(settings(root))
    assert sum(after.record().counts.values()) == 59
    assert after.skipped == (
        "Mohn/other.gif: it is the same picture as aster/03.gif, but labelled 'Mohn', not 'aster'",
        "aster/03.gif: it is the same picture as Mohn/other.gif, but labelled 'aster', not 'Mohn'",
        "aster/copy.gif: it is the same picture as Mohn/other.gif, but labelled 'aster', not 'Mohn'",
    )
    assert refusal(root, strict=True) == f"{after.skipped[0]}: keep the one that is right"


def test_hostile_files_are_skipped_and_listed_or_refused(folder: Path, data: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "set")
    broken = ["broken.png", "made_empty.png", "made_html_named_png.png", "truncated_jpeg.jpg", "trailer_loop.pdf"]
    for name in broken:
        shutil.copy(data / "hostile-images" / name, root / "aster" / name)
    (root / "README.txt").write_text("pictures of flowers")
    (root / "Mohn" / ".DS_Store").write_text("hidden")
    dataset = load_pictures(settings(root))
    assert dataset.fingerprint() == load_pictures(settings(folder)).fingerprint()
    assert [line.partition(":")[0] for line in dataset.skipped] == [
        "README.txt",
        *(f"aster/{name}" for name in sorted(broken)),
    ]
    assert dataset.record().skipped == 6
    said = refusal(root, strict=True)
    assert said.startswith(
        "6 files can't be read as pictures: README.txt: it lies in no class folder; aster/broken.png:"
    )
    assert said.endswith("; and 3 more")


def test_sets_too_small_to_learn_from_are_refused_with_what_to_do(tmp_path: Path) -> None:
    assert "--data" in refusal(None)
    save(tmp_path / "cat" / "1.png", 1)
    assert "only one label" in refusal(tmp_path)
    save(tmp_path / "dog" / "1.png", 2)
    assert "add pictures" in refusal(tmp_path, test=0.01)
    (tmp_path / "emu").mkdir()
    (tmp_path / "emu" / "1.jpg").write_text("no picture")
    assert "none of the files labelled 'emu' can be used" in refusal(tmp_path)


def test_a_label_that_is_all_held_out_is_refused(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "set")
    for seed in range(200, 300):
        path = save(root / "zebra" / "1.png", seed)
        if is_held_out(hashlib.sha256(path.read_bytes()).hexdigest(), 0.5):
            break
    assert "no training picture shows 'zebra'" in refusal(root)


def test_samples_are_the_test_splits_own_files(folder: Path) -> None:
    dataset = load_pictures(settings(folder))
    tested = {path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert {sample.label for sample in dataset.samples} == set(dataset.labels)
    assert 3 <= len(dataset.samples) <= 9
    for sample in dataset.samples:
        assert sample.content in tested
        pixels = preprocess(decode(sample.content, PictureLimits()), dataset.input)
        at = next(at for at, picture in enumerate(dataset.test.pictures[:]) if np.array_equal(picture, pixels))
        assert dataset.labels[dataset.test.labels[at]] == sample.label


def test_a_large_sample_is_made_smaller_in_a_format_that_suits_it(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "noise").mkdir()
    (tmp_path / "soft").mkdir()
    for seed in range(12):
        noise = random.integers(0, 256, (300, 600, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "noise" / f"{seed}.png", compress_level=1)
        draw(seed, 600, 450).convert("L").save(tmp_path / "soft" / f"{seed}.tif")
    samples = load_pictures(settings(tmp_path, test=0.4)).samples
    assert {(sample.label, sample.extension) for sample in samples} == {("noise", "jpg"), ("soft", "png")}
    for sample in samples:
        with Image.open(io.BytesIO(sample.content)) as picture:
            assert max(picture.size) == 512
