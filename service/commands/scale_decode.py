"""Proves that large JPEGs may be decoded at a part of their size, and publishes that: `convscope scale-decode`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.published import read_version
from service.scaling import publish_scaled
from service.shelf import find_folder

console = Console(highlight=False, soft_wrap=True)


def scale_decode_command(
    name: Annotated[str, typer.Argument(help="The model, in its latest version.")],
    pictures: Annotated[
        Path,
        typer.Argument(help="A folder of JPEGs like those it will be sent, 500 or more.", exists=True, file_okay=False),
    ],
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
) -> None:
    """Have large JPEGs decoded at a half, a quarter or an eighth of their size, where that changes no answer.

    Both ways are tried on up to 500 pictures. If no probability changes by more than 0.01, a new version is published
    that decodes so; it takes about half the time. Otherwise nothing is.
    """
    folder, found = publish_scaled(read_version(find_folder(models, name)), sorted(pictures.rglob("*")), models)
    console.print(
        f"published {folder}\n  decoded at a part of their size, {found.pictures} JPEGs were answered with the same"
        f" probabilities within {found.max_change:.4f}",
        markup=False,
    )
