"""Turns what was decided about a model, beyond its versions, into `models/<name>/state.json` and back.

The file lies in the models folder so that all processes that share the folder share the decision; it is replaced whole,
by a rename, so whoever reads it finds the old decision or the new one. A missing file decides nothing.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, ValidationError

from service.errors import StateNotKept
from service.evidence import Frozen

STATE_FILE = "state.json"


class ModelState(Frozen):
    """What was decided about a model."""

    pinned: int | None = Field(default=None, ge=1)
    """The version that answers; None: the latest one that isn't held."""
    loaded: bool = True
    """False: the model is not to be served."""


def read_state(model: Path) -> ModelState:
    """Read the state of `models/<name>`; one that can't be read decides nothing, rather than stop the service."""
    try:
        return ModelState.model_validate_json((model / STATE_FILE).read_bytes())
    except (OSError, ValidationError):
        return ModelState()


def change_state(model: Path, change: Callable[[ModelState], ModelState]) -> ModelState:
    """Replace the state by what `change` makes of it; two changes at once come one after the other.

    Raises:
        StateNotKept: the folder can't be written; nothing was changed.
        Exception: whatever `change` raises; nothing was changed.
    """
    try:
        lock = os.open(model, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _not_kept(model, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = change(read_state(model))
        try:
            _replace(model / STATE_FILE, json.dumps(state.model_dump()).encode() + b"\n")
            os.fsync(lock)
        except OSError as error:
            raise _not_kept(model, error) from error
        return state
    finally:
        os.close(lock)


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _not_kept(model: Path, error: OSError) -> StateNotKept:
    return StateNotKept(
        f"the state of {model.name!r} can't be written into the models folder: {error.strerror}; nothing was changed"
    )
