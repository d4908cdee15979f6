"""Decides which version of a model answers: `convscope promote` and `convscope rollback`.

They write the decision into the models folder; whatever serves that folder acts on it within moments.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.errors import InvalidSetting
from service.promotion import find_answering, promote, roll_back
from service.versions import ModelOnDisk

Models = Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)]
Name = Annotated[str, typer.Argument(help="The model.")]

MODELS = Path("models")
LATEST = "latest"

console = Console(highlight=False, soft_wrap=True)


def promote_command(
    name: Name,
    version: Annotated[str, typer.Argument(help="Its number, or `latest`: the newest one, as they are published.")],
    models: Models = MODELS,
) -> None:
    """Have a version answer from now on, also after newer ones are published."""
    if version != LATEST and not (version.isdecimal() and version.isascii() and 0 < int(version) < 10**9):
        raise InvalidSetting(f"VERSION is a number, 1, 2, 3 …, or {LATEST!r} (given: {version!r})")
    _tell(name, promote(models, name, None if version == LATEST else int(version)))


def rollback_command(name: Name, models: Models = MODELS) -> None:
    """Have the version before the one that answers answer from now on."""
    _tell(name, roll_back(models, name))


def _tell(name: str, model: ModelOnDisk) -> None:
    if model.state.pinned is None:
        answering = find_answering(model, lambda _: True)
        console.print(f"{name} answers with its latest version again, {answering} now", markup=False)
        return
    console.print(
        f"{name} answers with version {model.state.pinned}, whatever is published; `convscope promote {name} {LATEST}`"
        " follows the latest again",
        markup=False,
    )
