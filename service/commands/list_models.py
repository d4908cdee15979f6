"""Turns the models folder into a table on the terminal: `convscope models`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.shelf import tabulate

console = Console(highlight=False, soft_wrap=True)


def models_command(
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
) -> None:
    """List the published versions: how right they are, how large, what they learnt from."""
    table, refused = tabulate(models)
    console.print(table)
    for line in refused:
        console.print(line, style="red", markup=False)
