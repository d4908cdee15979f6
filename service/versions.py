"""Turns the models folder into what lies in it: each model's versions, which are held, and what was decided."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from service.contract import EVIDENCE_FILE, INT8_FILE, MANIFEST_FILE, MODEL_FILE, SAMPLES_FOLDER
from service.errors import UnknownVersion
from service.state import ModelState, read_state

_LONGEST_NUMBER = 9
"""Digits; Python refuses to convert thousands of them, which would be a fault of ours."""

Mark = tuple[tuple[int, int, int], ...]
"""Inode, size and time of change of a version's files: another one means that the version is to be looked at anew."""

_MARKED = (".", MANIFEST_FILE, EVIDENCE_FILE, MODEL_FILE, INT8_FILE, SAMPLES_FOLDER)


@dataclass(frozen=True)
class VersionOnDisk:
    """A version's folder, not yet read."""

    folder: Path
    mark: Mark
    held: bool
    """By its evidence it was worse than the version that answered, so it is kept, but doesn't answer by itself."""


@dataclass(frozen=True)
class ModelOnDisk:
    """`models/<name>`."""

    folder: Path
    versions: Mapping[int, VersionOnDisk]
    """Oldest first."""
    strays: Mapping[str, Mark]
    """Folders in it that are named like no version."""
    state: ModelState

    def candidates(self, current: int | None = None) -> list[int]:
        """The versions in the order in which they should answer; the next one is for where one can't.

        Args:
            current: the version that answers now, if any.
        """
        free = [number for number, version in self.versions.items() if not version.held]
        held = [number for number, version in self.versions.items() if version.held]
        # Where the pinned one can't answer, what answers now goes on; nobody decided for the latest.
        first = [] if self.state.pinned is None else [self.state.pinned, *([] if current is None else [current])]
        ordered = [*first, *sorted(free, reverse=True), *sorted(held, reverse=True)]
        return [number for number in dict.fromkeys(ordered) if number in self.versions]

    def before(self, number: int, is_good: Callable[[int], bool]) -> int | None:
        """The next older version that may answer, or None."""
        older = [known for known, version in self.versions.items() if known < number and not version.held]
        return next((known for known in sorted(older, reverse=True) if is_good(known)), None)


def list_models(models: Path) -> dict[str, ModelOnDisk]:
    """What lies in the models folder, by name in alphabetical order; hidden folders are versions in the making.

    Raises:
        OSError: the folder is not there, or can't be read.
    """
    names = sorted(entry.name for entry in models.iterdir() if not entry.name.startswith("."))
    found = {name: list_model(models / name) for name in names}
    return {name: model for name, model in found.items() if model.versions or model.strays}


def list_model(folder: Path) -> ModelOnDisk:
    """What lies in `models/<name>`; nothing where it isn't a folder."""
    versions: dict[int, VersionOnDisk] = {}
    strays: dict[str, Mark] = {}
    try:
        entries = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        entries = []
    for entry in entries:
        mark = _mark(entry)
        if entry.name.isdecimal() and entry.name.isascii() and not entry.name.startswith("0"):
            versions[int(entry.name)] = VersionOnDisk(entry, mark, _is_held(entry, mark))
        else:
            strays[entry.name] = mark
    return ModelOnDisk(folder, dict(sorted(versions.items())), strays, read_state(folder))


def read_number(text: str) -> int:
    """The number of a version that a request names.

    Raises:
        UnknownVersion: it is none.
    """
    if not (text.isascii() and text.isdecimal()) or text.startswith("0") or len(text) > _LONGEST_NUMBER:
        raise UnknownVersion(f"{text[:64]!r} is no version; versions are numbers, 1, 2, 3 …")
    return int(text)


def _mark(folder: Path) -> Mark:
    return tuple(_stat(folder / name) for name in _MARKED)


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_ctime_ns)


@lru_cache(maxsize=4096)
def _is_held(folder: Path, _: Mark) -> bool:
    """Read from the evidence without judging it: that happens when the version is loaded."""
    try:
        gate = json.loads((folder / EVIDENCE_FILE).read_bytes()).get("gate")
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return isinstance(gate, dict) and gate.get("held") is True
