"""Turns a decoded picture and its true label into two files of the feedback folder, whole or not at all.

Several processes, on several machines that share the folder, may do so at once: who writes holds the folder's lock.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from PIL import Image

from service.decode import Picture
from service.disk import flush_folder, locked, replace_file
from service.errors import FeedbackFull, FeedbackNotKept
from service.feedback.folder import (
    PICTURE,
    RECORD,
    Correction,
    hash_picture,
    list_corrections,
    list_files,
    list_folders,
    name_folder,
)


class Outcome(StrEnum):
    """What became of a picture."""

    KEPT = "kept"
    MOVED = "moved"
    """It had been kept with another label, which is forgotten."""
    KNOWN = "known"
    """It had been kept with this label already."""


@dataclass(frozen=True)
class Archive:
    """The feedback folder."""

    folder: Path
    max_bytes: int
    """Of all files in it."""
    max_pictures: int

    def keep(self, picture: Image.Image, about: Correction) -> Outcome:
        """Keep a picture, once, under its newest label.

        Args:
            picture: of mode L or RGB; of what it was read from, nothing but the pixels is kept.
            about: what is known of it.

        Raises:
            FeedbackFull: it would be more than the limits allow.
            FeedbackNotKept: the disk doesn't take it; what was kept before is as it was.
        """
        pixels = np.asarray(picture)
        digest, content = hash_picture(pixels), _encode(pixels)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder):
                return self._keep(digest, content, about)
        except OSError as error:
            raise FeedbackNotKept(
                f"the picture can't be kept: {error.strerror}; the folder is what CONVSCOPE_FEEDBACK names"
            ) from error

    def count(self, model: str, labels: Sequence[str]) -> dict[str, int]:
        """How many pictures are kept of a model, by label.

        Raises:
            FeedbackNotKept: the folder can't be read.
        """
        try:
            found = list_corrections(self.folder, model, labels)
        except OSError as error:
            raise FeedbackNotKept(f"the feedback folder can't be read: {error.strerror}") from error
        counts = dict.fromkeys(labels, 0)
        for picture in found.pictures:
            counts[picture.label] += 1
        return counts

    def find_problem(self) -> str | None:
        """Why nothing can be kept, as far as that can be known before there is anything to keep."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder, shared=True):
                return None
        except OSError as error:
            return error.strerror

    def _keep(self, digest: str, content: bytes, about: Correction) -> Outcome:
        place = self.folder / about.model / name_folder(about.label) / f"{digest}{PICTURE}"
        before = [
            path
            for folder in list_folders(self.folder / about.model)
            if (path := folder / f"{digest}{PICTURE}").is_file()
        ]
        if before == [place]:
            return Outcome.KNOWN
        record = about.model_dump_json(indent=2).encode() + b"\n"
        if not before:
            self._ensure_room(len(content) + len(record))
        _make_folder(place.parent, self.folder)
        try:
            replace_file(place.with_suffix(RECORD), record)
            replace_file(place, content)
        except OSError:
            if place not in before:
                with suppress(OSError):
                    place.with_suffix(RECORD).unlink(missing_ok=True)
            raise
        for path in before:
            if path != place:
                _remove(path)
        return Outcome.MOVED if before else Outcome.KEPT

    def _ensure_room(self, size: int) -> None:
        """Count what is there; nobody else writes meanwhile."""
        pictures = taken = 0
        for model in list_folders(self.folder):
            for label in list_folders(model):
                _sweep(label)
                for entry in list_files(label):
                    pictures += entry.name.endswith(PICTURE)
                    taken += entry.stat().st_size
        if pictures >= self.max_pictures:
            raise FeedbackFull(
                f"{pictures:,} pictures are kept already, the most that may be: raise CONVSCOPE_FEEDBACK_COUNT, or move"
                " some away"
            )
        if taken + size > self.max_bytes:
            raise FeedbackFull(
                f"with this picture, {taken + size:,} bytes would be kept; {self.max_bytes:,} is the most that may be:"
                " raise CONVSCOPE_FEEDBACK_BYTES, or move some pictures away"
            )


def _encode(pixels: Picture) -> bytes:
    """(H, W) or (H, W, 3) uint8 to PNG. Made from the pixels alone, it has no metadata of the file they came from."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def _make_folder(folder: Path, root: Path) -> None:
    """Make a folder within the root, so that it survives a power cut."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    while folder != root:
        folder = folder.parent
        flush_folder(folder)


def _remove(path: Path) -> None:
    """Take a picture away, then what is known of it."""
    path.unlink(missing_ok=True)
    path.with_suffix(RECORD).unlink(missing_ok=True)
    flush_folder(path.parent)


def _sweep(folder: Path) -> None:
    """Remove what killed services left behind half-written."""
    for staged in folder.glob(".*.part"):
        staged.unlink(missing_ok=True)
