"""Turns the fields of a run's settings into options of the command line, and what was given back into settings.

The fields' names, types and descriptions are the options' names, types and help; a new field is a new option.
"""

import inspect
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError

from service.errors import InvalidSetting
from training.config import Augmentation, TrainingConfig

_NESTED = "augmentation"


def list_options(skip: frozenset[str] = frozenset()) -> list[inspect.Parameter]:
    """A keyword parameter for each setting, all optional: what isn't given stays as the recipe has it."""
    outer = [
        _option(name, field.annotation, field.description, TrainingConfig)
        for name, field in TrainingConfig.model_fields.items()
        if name not in skip | {_NESTED}
    ]
    inner = [
        _option(name, field.annotation, field.description, Augmentation)
        for name, field in Augmentation.model_fields.items()
    ]
    return [*outer, *inner]


def apply_options(config: TrainingConfig, given: Mapping[str, Any]) -> TrainingConfig:
    """The settings with what was given on the command line in place of the recipe's.

    Raises:
        InvalidSetting: a value is out of bounds.
    """
    document = config.model_dump()
    for name, value in given.items():
        (document[_NESTED] if name in Augmentation.model_fields else document)[name] = value
    try:
        return TrainingConfig.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][-1]).replace("_", "-")
        raise InvalidSetting(f"--{option}: {problem['msg']} (given: {problem['input']!r})") from error


def spell_options(given: Mapping[str, Any]) -> str:
    """What was given, as it would be typed."""
    words = []
    for name, value in given.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words.append(f"--{option} {value}")
    return " ".join(words)


def _option(name: str, kind: Any, description: str | None, owner: type[BaseModel]) -> inspect.Parameter:  # noqa: ANN401 - any type
    panel = "Settings" if owner is TrainingConfig else "Variation of the training pictures"
    flag = f"--{name.replace('_', '-')}"
    spelling = f"{flag}/--no-{name.replace('_', '-')}" if kind is bool else flag
    option = typer.Option(spelling, help=description, show_default=False, rich_help_panel=panel)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[_bare(kind) | None, option]
    )


def _bare(kind: Any) -> Any:  # noqa: ANN401 - any type
    """A type without its bounds, which pydantic checks and Typer doesn't know, and without None."""
    if get_origin(kind) in {Union, UnionType}:
        kind = next(member for member in get_args(kind) if member is not type(None))
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
