"""Turns the command line into a training run: `convscope train`."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from service.cores import available_cores
from service.errors import ConvscopeError
from training.config import RecipeName
from training.errors import TrainingUnavailable

_console = Console(highlight=False, soft_wrap=True)

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells expect it."""


def train(  # noqa: PLR0913, PLR0917 - a command line is a list of options
    recipe: Annotated[RecipeName, typer.Argument(help="What to train.")] = RecipeName.TICKS,
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
    data: Annotated[
        Path | None, typer.Option(help="A folder with the data set's files; otherwise downloaded.", file_okay=False)
    ] = None,
    name: Annotated[str | None, typer.Option(help="Publish under another name.")] = None,
    epochs: Annotated[int | None, typer.Option(min=0, help="0 publishes the untrained network.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures in one step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Peak of the one-cycle schedule.")] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="Of AdamW.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the weights, the order and the drawings.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the arithmetic; all cores by default.")] = None,
) -> None:
    """Train a network, prove that its ONNX file computes the same, and publish it as the next version."""
    given = {
        "name": name,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "seed": seed,
    }
    options = {key: value for key, value in given.items() if value is not None}
    try:
        _run(recipe, options, threads or available_cores(), data, models)
    except KeyboardInterrupt:
        _console.print("convscope: stopped; nothing was published", style="red")
        raise typer.Exit(INTERRUPTED) from None


def _run(recipe: RecipeName, options: dict[str, Any], threads: int, data: Path | None, models: Path) -> None:
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        from training.pipeline import run  # noqa: PLC0415 - PyTorch takes seconds to import, `--help` must not
        from training.progress import ConsoleProgress  # noqa: PLC0415
        from training.recipes import find_recipe  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise TrainingUnavailable(
            f"training needs {error.name}, which isn't installed: pip install 'convscope[cpu,training]'"
        ) from error
    found = find_recipe(recipe, threads)
    found = dataclasses.replace(found, config=dataclasses.replace(found.config, **options))
    command = " ".join(
        ["convscope train", recipe.value, *(f"--{key.replace('_', '-')} {value}" for key, value in options.items())]
    )
    _console.print(f"training {found.config.name} on {threads} threads", style="bold")
    with ConsoleProgress(_console) as progress:
        result = run(found, command, data, models, progress)
    test, parity = result.evidence.test, result.evidence.parity
    sample = result.folder / "samples" / result.evidence.samples[0].file
    _console.print(
        f"published [bold]{result.folder}[/bold]: {test.accuracy:.2%} of {test.pictures:,} test pictures right;"
        f" ONNX and PyTorch differ by {parity.max_abs_difference:.1g} at most on {parity.pictures}",
    )
    _console.print(
        f"next: start the service (make run) and open its page, or\n"
        f"  curl -F file=@{sample} http://localhost:8000/v1/models/{found.config.name}/predict",
    )


def main() -> None:
    """`python -m training`, the same command as `convscope train`."""
    cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    cli.command("train")(train)
    try:
        cli()
    except ConvscopeError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"convscope: {error}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
