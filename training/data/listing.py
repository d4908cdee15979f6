"""Turns a folder of class folders, or a CSV of path,label, into a list of files with their labels; opens no picture."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from training.errors import DatasetUnavailable

_HEADER = ["path", "label"]

_NAMED = 3
"""Missing files that an error names; it counts the others."""


@dataclass(frozen=True)
class ListedFile:
    """A file that is said to be a picture."""

    path: Path
    name: str
    """What it is called in messages: relative to the folder or as in the CSV, printable."""
    label: int
    """Position among the labels."""


@dataclass(frozen=True)
class Listing:
    """The files of one's own pictures."""

    name: str
    """Of the folder or the CSV."""
    labels: tuple[str, ...]
    """Sorted."""
    files: tuple[ListedFile, ...]
    """Sorted by label, then by path; a CSV's in its own order."""
    strays: tuple[str, ...] = ()
    """Files outside of all class folders, so without a label, each with that reason."""


def list_pictures(source: Path) -> Listing:
    """List a folder whose folders are the labels, or a CSV.

    Folders within a class folder belong to the class. Names that begin with a dot are ignored.

    Raises:
        DatasetUnavailable: there is no such thing, it can't be read, or it doesn't say what is to be told apart.
    """
    try:
        listing = _list(source)
    except OSError as error:
        raise _unreadable(error) from error
    for label in listing.labels:
        if not label.isprintable():
            raise DatasetUnavailable(f"{source}: the label {printable(label)} has characters that can't be shown")
    if not listing.files:
        raise DatasetUnavailable(f"{source} holds no pictures: each label's belong into a folder of its name")
    if len(listing.labels) == 1:
        raise DatasetUnavailable(
            f"{source} has only one label, {listing.labels[0]!r}: to tell pictures apart takes two or more"
        )
    return listing


def _list(source: Path) -> Listing:
    if source.is_dir():
        return _list_folder(source)
    if source.is_file():
        return _list_csv(source)
    raise DatasetUnavailable(f"{source} is neither a folder of class folders nor a CSV of path,label")


def printable(text: object) -> str:
    """On one line and encodable whatever a file is called: other characters as Python writes them."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(text))


def _list_folder(folder: Path) -> Listing:
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    classes = [path for path in entries if path.is_dir()]
    if not classes:
        raise DatasetUnavailable(f"{folder} has no class folders: each label's pictures belong into one of its name")
    files = []
    for label, class_folder in enumerate(classes):
        found = [ListedFile(path, printable(path.relative_to(folder)), label) for path in _walk(class_folder)]
        if not found:
            raise DatasetUnavailable(f"{class_folder} holds no files: remove it, or add pictures of that label")
        files += found
    strays = [f"{printable(path.name)}: it lies in no class folder" for path in entries if not path.is_dir()]
    return Listing(
        _name(folder.resolve().name), tuple(path.name for path in classes), tuple(files), strays=tuple(strays)
    )


def _walk(class_folder: Path) -> list[Path]:
    """All visible files below a folder, sorted. Links to folders are followed, but no folder is entered twice."""
    found: list[Path] = []
    entered: set[str] = set()
    for place, folders, files in os.walk(class_folder, onerror=_raise, followlinks=True):
        entered.add(os.path.realpath(place))
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and os.path.realpath(Path(place) / name) not in entered
        ]
        found += [Path(place) / name for name in files if not name.startswith(".")]
    return sorted(found)


def _raise(error: OSError) -> None:
    """`os.walk` would pass by what it can't read."""
    raise error


def _unreadable(error: OSError) -> DatasetUnavailable:
    return DatasetUnavailable(f"{error.filename} can't be read: {error.strerror}")


def _list_csv(table: Path) -> Listing:
    rows = _read_rows(table)
    if rows and [cell.strip().lower() for cell in rows[0][1]] == _HEADER:
        rows = rows[1:]
    for number, cells in rows:
        _check_row(f"{table}, line {number}", cells)
    labels = sorted({label.strip() for _, (_, label) in rows})
    positions = {label: position for position, label in enumerate(labels)}
    files = [ListedFile(table.parent / path, printable(path), positions[label.strip()]) for _, (path, label) in rows]
    missing = [file.name for file in files if not _exists(file.path)]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise DatasetUnavailable(f"{table} names files that are missing: {', '.join(missing[:_NAMED])}{more}")
    return Listing(_name(table.stem), tuple(labels), tuple(files))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, a folder on the way that can't be entered
        return False


def _read_rows(table: Path) -> list[tuple[int, list[str]]]:
    """Rows that hold something, each with its line number."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:  # Excel begins a file with a byte order mark
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetUnavailable(f"{table} is no CSV of path,label: {error}") from error


def _check_row(place: str, cells: list[str]) -> None:
    if len(cells) > len(_HEADER):
        raise DatasetUnavailable(f"{place}: {len(cells)} columns, where path,label are two")
    if not cells[0].strip():
        raise DatasetUnavailable(f"{place}: the path is missing")
    if "\0" in cells[0]:
        raise DatasetUnavailable(f"{place}: no path has such characters: {printable(cells[0])}")
    if len(cells) < len(_HEADER) or not cells[1].strip():
        raise DatasetUnavailable(f"{place}: the label of {printable(cells[0])} is missing")


def _name(text: str) -> str:
    return printable(text) or "pictures"
