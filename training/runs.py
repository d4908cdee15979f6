"""Turns a run's name into its folder, `runs/<name>/<n>/`, where a run that was stopped waits to be resumed.

run.json                the settings, the pictures' fingerprint and the command
checkpoint.safetensors  the state after the last epoch, or after the last step before it was stopped
metrics.jsonl           a line a step and a line an epoch
film/<step>.safetensors the weights at points of the run, where they were asked for
published.json          where the result went; a run that has it is over
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from service.contract import Sha256
from service.evidence import Frozen
from training.checkpoint import write_atomically
from training.config import TrainingConfig
from training.errors import NothingToResume

_RUN, _PUBLISHED = "run.json", "published.json"


class RunRecord(Frozen):
    """`run.json`."""

    config: TrainingConfig
    fingerprint: Sha256 | None
    """Of the pictures; a run goes on only with the same ones."""
    command: str
    corrections: tuple[str, ...] = ()
    """Digests of the corrected pictures that are learnt: others may come while the run is stopped."""


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its state."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The state to go on from."""
        return self.path / "checkpoint.safetensors"

    @property
    def metrics(self) -> Path:
        """Figures of every step and epoch."""
        return self.path / "metrics.jsonl"

    def frame(self, step: int) -> Path:
        """The weights after a step, kept for the film."""
        return self.path / "film" / f"{step:08d}.safetensors"

    def frames(self) -> list[Path]:
        """Those that were kept, oldest first."""
        return sorted((self.path / "film").glob("*.safetensors"))

    def read(self) -> RunRecord:
        """What the run was told.

        Raises:
            NothingToResume: it can't be read.
        """
        try:
            return RunRecord.model_validate_json((self.path / _RUN).read_bytes())
        except (OSError, ValidationError) as error:
            raise NothingToResume(f"{self.path / _RUN} can't be read: {error}") from error

    def finish(self, published: Path) -> None:
        """Note that the result is published."""
        write_atomically(self.path / _PUBLISHED, json.dumps({"published": str(published)}).encode())

    @property
    def is_finished(self) -> bool:
        """Whether its result is published."""
        return (self.path / _PUBLISHED).exists()


def begin_run(runs: Path, record: RunRecord) -> RunFolder:
    """Make the folder of a new run, under the next free number.

    Raises:
        CheckpointFailed: the disk doesn't take it.
    """
    taken = [number for number, _ in _numbered(runs / record.config.name)]
    folder = RunFolder(runs / record.config.name / str(max(taken, default=0) + 1))
    write_atomically(folder.path / _RUN, record.model_dump_json(indent=2).encode() + b"\n")
    return folder


def find_run(runs: Path, name: str) -> RunFolder:
    """The newest run of that name, to be resumed.

    Raises:
        NothingToResume: there is none, or its result is published already.
    """
    numbered = _numbered(runs / name)
    if not numbered:
        raise NothingToResume(f"there is no run of {name!r} in {runs} to resume")
    folder = RunFolder(max(numbered)[1])
    if folder.is_finished:
        raise NothingToResume(f"the last run of {name!r}, {folder.path}, is finished: its result is published")
    return folder


def check_same(given: Mapping[str, Any], recorded: TrainingConfig) -> None:
    """Hold the options of a resumed run to those that it was started with.

    Raises:
        NothingToResume: one differs.
    """
    before = recorded.model_dump(mode="json")
    for key, value in given.items():
        inner = before["augmentation"] if key in before["augmentation"] else before
        if inner.get(key) != to_jsonable_python(value):  # a path, as one types it, is a text in the record
            raise NothingToResume(
                f"the run was started with {key} = {inner.get(key)}, not {value}: a resumed run goes on as it began;"
                " leave the option out, or start a new run without --resume"
            )


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    return [(int(entry.name), entry) for entry in folder.iterdir() if entry.name.isdecimal() and entry.is_dir()]
