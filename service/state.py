"""Turns what was decided about a model, beyond its versions, into `models/<name>/state.json` and back.

The file lies in the models folder so that all processes that share the folder share the decision; it is replaced whole,
by a rename, so whoever reads it finds the old decision or the new one. A missing file decides nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, ValidationError

from service.disk import locked, replace_file
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
        with locked(model):
            state = change(read_state(model))
            replace_file(model / STATE_FILE, json.dumps(state.model_dump()).encode() + b"\n")
            return state
    except OSError as error:
        reason = f"the state of {model.name!r} can't be written into the models folder: {error.strerror}"
        raise StateNotKept(f"{reason}; nothing was changed") from error
