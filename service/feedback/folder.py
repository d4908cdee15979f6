"""Says where corrected pictures lie, and turns their folder into a list of them.

    <feedback>/<model>/<label>/<digest>.png     the picture: its pixels and nothing else
    <feedback>/<model>/<label>/<digest>.json    what was answered to it, a `Correction`

The digest is the pixels' sha256, so a picture is there once. The PNG counts: it comes last and goes first, so it always
has its JSON beside it.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import quote

import numpy as np
from pydantic import Field, ValidationError

from service.contract import Name
from service.decode import Picture
from service.evidence import Frozen, Share

PICTURE, RECORD = ".png", ".json"

_LONGEST_FOLDER = 200
"""Bytes of a label as a folder's name; file systems take 255."""

_DIGEST = 16
"""Hexadecimal digits of a long label's hash that its folder's name ends with."""


class Correction(Frozen):
    """What is known of a picture that was kept."""

    model: Name
    version: Annotated[int, Field(ge=1)]
    """That answered."""
    label: str
    """What it shows, as a person says."""
    predicted: str
    """What was answered."""
    probability: Share
    """That the answer had."""
    kept: datetime


class CorrectedPicture(NamedTuple):
    """A picture that was kept."""

    path: Path
    digest: str
    label: str


class Corrections(NamedTuple):
    """The pictures that were kept of a model."""

    pictures: tuple[CorrectedPicture, ...]
    """Each once, in the order of their digests."""
    others: int
    """Pictures whose labels are none of those asked for."""


def name_folder(label: str) -> str:
    """A label as a folder's name: what could mean anything to a file system is percent-encoded.

    Of a label that is too long for a name, the beginning and a hash are left; its `Correction`s have all of it.
    """
    encoded = quote(label, safe="").replace("~", "%7E")
    if encoded.startswith("."):
        encoded = f"%2E{encoded[1:]}"
    if len(encoded) <= _LONGEST_FOLDER:
        return encoded
    return f"{encoded[:_LONGEST_FOLDER]}~{hashlib.sha256(label.encode()).hexdigest()[:_DIGEST]}"


def hash_picture(picture: Picture) -> str:
    """sha256 of the pixels and their arrangement, in hexadecimal."""
    digest = hashlib.sha256(repr(picture.shape).encode())
    digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def read_correction(path: Path) -> Correction | None:
    """What is known of a kept picture; None where its JSON is gone or broken."""
    try:
        return Correction.model_validate_json(path.with_suffix(RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def list_corrections(feedback: Path, model: str, labels: Sequence[str]) -> Corrections:
    """The pictures that were kept of a model. One that a killed service left under two labels has the newer of them.

    Args:
        feedback: the feedback folder; a missing one counts as empty.
        model: its name.
        labels: that are asked for.

    Raises:
        OSError: a folder can't be read.
    """
    by_folder = {name_folder(label): label for label in labels}
    found: dict[str, CorrectedPicture] = {}
    others = 0
    for folder in list_folders(feedback / model):
        label = by_folder.get(folder.name)
        for path in sorted(Path(entry.path) for entry in list_files(folder) if entry.name.endswith(PICTURE)):
            if label is None:
                others += 1
                continue
            picture = CorrectedPicture(path, path.stem, label)
            before = found.get(path.stem)
            if before is None or _time_of(before.path) <= _time_of(path):
                found[path.stem] = picture
    return Corrections(tuple(found[digest] for digest in sorted(found)), others)


def list_folders(folder: Path) -> list[Path]:
    """The visible folders in a folder, sorted; none where it isn't there."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def list_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The visible files in a folder; none where it isn't there."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith(".") and entry.is_file())
    except FileNotFoundError:
        return


def _time_of(path: Path) -> datetime:
    """When a picture was kept."""
    about = read_correction(path)
    return about.kept if about else datetime.fromtimestamp(path.stat().st_mtime, UTC)
