"""Folders and tables to files with labels, or to one line that says what is wrong."""

import os
from pathlib import Path

import pytest

from tests.training.data.conftest import save
from training.data.listing import Listing, list_pictures
from training.errors import DatasetUnavailable


def files(listing: Listing) -> list[tuple[str, str]]:
    return [(file.name, listing.labels[file.label]) for file in listing.files]


def refusal(source: Path) -> str:
    with pytest.raises(DatasetUnavailable) as refused:
        list_pictures(source)
    text = str(refused.value)
    assert refused.value.code == "dataset_unavailable"
    assert "\n" not in text
    return text


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def table(folder: Path, content: str | bytes) -> Path:
    """A CSV beside a.jpg and b.jpg."""
    touch(folder / "a.jpg", folder / "b.jpg")
    path = folder / "birds.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_class_folders_are_labels_and_what_lies_deeper_belongs_to_them(tmp_path: Path) -> None:
    touch(tmp_path / "dog" / "z.jpg", tmp_path / "cat" / "b" / "c" / "1.png", tmp_path / "cat" / "a.jpg")
    listing = list_pictures(tmp_path)
    assert listing.labels == ("cat", "dog")
    assert files(listing) == [("cat/a.jpg", "cat"), ("cat/b/c/1.png", "cat"), ("dog/z.jpg", "dog")]
    assert listing.name == tmp_path.name


def test_what_is_hidden_is_ignored_and_what_has_no_label_is_told(tmp_path: Path) -> None:
    touch(tmp_path / "dog" / "z.jpg", tmp_path / "cat" / "a.jpg", tmp_path / ".git" / "c.jpg", tmp_path / ".DS_Store")
    touch(tmp_path / "cat" / ".thumbs" / "a.jpg", tmp_path / "cat" / "._a.jpg", tmp_path / "loose.jpg")
    listing = list_pictures(tmp_path)
    assert files(listing) == [("cat/a.jpg", "cat"), ("dog/z.jpg", "dog")]
    assert listing.strays == ("loose.jpg: it lies in no class folder",)


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "real" / "x" / "1.jpg", tmp_path / "set" / "dog" / "2.jpg")
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "x" / "round").symlink_to(tmp_path / "real")
    assert files(list_pictures(tmp_path / "set")) == [("cat/x/1.jpg", "cat"), ("dog/2.jpg", "dog")]


def test_a_folder_that_says_too_little_is_refused(tmp_path: Path) -> None:
    assert "neither a folder of class folders nor a CSV" in refusal(tmp_path / "none")
    assert "no class folders" in refusal(tmp_path)
    touch(tmp_path / "1.jpg")
    assert "no class folders" in refusal(tmp_path)
    touch(tmp_path / "cat" / "1.jpg")
    assert "only one label, 'cat'" in refusal(tmp_path)
    (tmp_path / "dog").mkdir()
    assert "dog holds no files" in refusal(tmp_path)


def test_a_folder_that_cant_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a fake: those who test as root can read everything."""
    touch(tmp_path / "cat" / "1.jpg", tmp_path / "dog" / "1.jpg")
    scan = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert refusal(tmp_path) == f"{tmp_path}/dog can't be read: Permission denied"


def test_names_that_cant_be_shown_are_written_out(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a\nb.jpg", 1)
    touch(tmp_path / "dog" / "1.jpg", tmp_path / os.fsdecode(b"dog/\xff.jpg"))
    assert [name for name, _ in files(list_pictures(tmp_path))] == ["cat/a\\nb.jpg", "dog/1.jpg", "dog/\\udcff.jpg"]
    touch(tmp_path / os.fsdecode(b"\xfc") / "1.jpg")
    assert "\\udcfc has characters" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "a.jpg,tit\nb.jpg,finch\n",
        "path,label\na.jpg,tit\nb.jpg,finch",
        "\ufeffPath, Label\r\n\r\n'a.jpg',tit\r\n".replace("'", '"') + 'b.jpg, "finch"\r\n'.replace(' "', '"'),
        "a.jpg,tit \n\n,\nb.jpg,finch\n",
    ],
)
def test_a_table_has_a_header_or_none(tmp_path: Path, content: str) -> None:
    listing = list_pictures(table(tmp_path, content))
    assert listing.labels == ("finch", "tit")
    assert files(listing) == [("a.jpg", "tit"), ("b.jpg", "finch")]
    assert [file.path for file in listing.files] == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert listing.name == "birds"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no pictures"),
        ("path,label\n", "holds no pictures"),
        ("a.jpg,tit\n", "only one label, 'tit'"),
        ("a.jpg,tit\nb.jpg\n", "line 2: the label of b.jpg is missing"),
        ("a.jpg,tit\nb.jpg, \n", "line 2: the label of b.jpg is missing"),
        ("a.jpg,tit\n\n ,finch\n", "line 3: the path is missing"),
        ("a.jpg,tit\nmy, b.jpg,finch\n", "line 2: 3 columns, where path,label are two"),
        ("a.jpg,tit\nc.jpg,finch\nd.jpg,tit\ne.jpg,tit\nf.jpg,tit\n", "missing: c.jpg, d.jpg, e.jpg and 1 more"),
        (f"a.jpg,tit\n{'b' * 300}.jpg,finch\n", "missing: bbb"),
        ("a.jpg,tit\nb\0.jpg,finch\n", "line 2: no path has such characters: b\\x00.jpg"),
        ('a.jpg,tit\n"b.jpg,finch\n', "no CSV of path,label: unexpected end of data"),
        ("a.jpg,tit\nb.jpg,fin\x07ch\n", "fin\\x07ch has characters that can't be shown"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", "no CSV of path,label: 'utf-8' codec can't decode"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert said in refusal(table(tmp_path, content))
