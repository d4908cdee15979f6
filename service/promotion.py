"""Turns a decision about which version of a model answers into the model's state, and says which one that is."""

from collections.abc import Callable
from pathlib import Path

from service.errors import ModelRefused, NoOlderVersion, UnknownModel, UnknownVersion
from service.served import check_version
from service.state import ModelState, change_state
from service.versions import ModelOnDisk, list_model, list_models

IsGood = Callable[[int], bool]
"""Whether a version can be served."""


def promote(models: Path, name: str, version: int | None) -> ModelOnDisk:
    """Have a version answer, also after newer ones come; None: the latest, as they come.

    Raises:
        UnknownModel, UnknownVersion: it isn't in the folder.
        ModelRefused: the service would refuse it; nothing was changed.
        StateNotKept: the folder can't be written.
    """
    model = _find(models, name)
    if version is not None:
        if version not in model.versions:
            known = ", ".join(map(str, model.versions))
            raise UnknownVersion(f"model {name!r} has no version {version}; there are: {known}")
        check_version(model.versions[version].folder)
    change_state(model.folder, lambda state: state.model_copy(update={"pinned": version}))
    return list_model(model.folder)


def roll_back(models: Path, name: str, is_good: IsGood | None = None) -> ModelOnDisk:
    """Have the next older version answer.

    Args:
        models: the models folder.
        name: the model's.
        is_good: whether a version can be served; found out where it isn't given.

    Raises:
        UnknownModel: it isn't in the folder.
        NoOlderVersion: there is none that may answer.
        StateNotKept: the folder can't be written.
    """
    folder = _find(models, name).folder

    def step_back(state: ModelState) -> ModelState:
        model = list_model(folder)  # under the state's lock: somebody else may just have stepped back
        good = is_good or (lambda number: can_answer(model.versions[number].folder))
        current = find_answering(model, good)
        older = None if current is None else model.before(current, good)
        if older is None:
            raise NoOlderVersion(f"model {name!r} has no version before {current} that may answer")
        return state.model_copy(update={"pinned": older})

    change_state(folder, step_back)
    return list_model(folder)


def find_answering(model: ModelOnDisk, is_good: IsGood) -> int | None:
    """The version that a service which starts now would answer with."""
    return next((number for number in model.candidates() if is_good(number)), None)


def can_answer(folder: Path) -> bool:
    """Whether the service would take a version."""
    try:
        check_version(folder)
    except ModelRefused:
        return False
    return True


def _find(models: Path, name: str) -> ModelOnDisk:
    try:
        found = list_models(models)
    except OSError:
        found = {}
    if name not in found:
        raise UnknownModel(f"no model is called {name!r} in {models}; there are: {', '.join(found) or 'none'}")
    return found[name]
