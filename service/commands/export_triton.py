"""Lets Triton serve the models folder too: `convscope export-triton`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.triton import export

console = Console(highlight=False, soft_wrap=True)


def export_triton_command(
    names: Annotated[list[str] | None, typer.Argument(help="The models; none named: all.")] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="Pictures in one run, at most.")] = 64,
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
) -> None:
    """Write the config.pbtxt with which Triton serves the models folder as it is, beside each model's versions."""
    for written in export(models, names or [], max_batch):
        console.print(f"wrote {written.path}, for version {written.version}", markup=False)
