"""The options that name where models and runs are."""

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)]
Runs = Annotated[
    Path, typer.Option(help="Where runs keep checkpoints and figures.", envvar="CONVSCOPE_RUNS", file_okay=False)
]

Feedback = Annotated[
    Path,
    typer.Option(
        help="Where the service keeps corrected pictures, for --add-feedback.",
        envvar="CONVSCOPE_FEEDBACK",
        file_okay=False,
    ),
]

MODELS = Path("models")
RUNS = Path("runs")
FEEDBACK = Path("feedback")
