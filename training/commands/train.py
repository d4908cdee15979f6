"""Turns the command line into a training run: `convscope train`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cores import available_cores
from training.commands.folders import FEEDBACK, MODELS, RUNS, Feedback, Models, Runs
from training.commands.terminal import console, needing_pytorch
from training.errors import TrainingStopped
from training.folders import Folders
from training.options import apply_options, list_options, spell_options
from training.recipes import RECIPES, describe_recipes, find_recipe

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells expect it."""


def train(
    what: Annotated[
        str, typer.Argument(help=f"A recipe ({', '.join(RECIPES)}), or a folder or CSV of your own pictures.")
    ] = "ticks",
    models: Models = MODELS,
    runs: Runs = RUNS,
    feedback: Feedback = FEEDBACK,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last run of that name, which was stopped.")
    ] = False,
    **options: Any,  # noqa: ANN401 - the settings' own types
) -> None:
    """Train a network, prove that its ONNX file computes the same, and publish it as the next version.

    What isn't given is as the recipe has it. The recipes:
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        _run(what, given, Folders(models, runs, feedback), resume=resume)
    except TrainingStopped as stopped:
        console.print(f"convscope: {stopped}", style="red", markup=False)
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        console.print("convscope: stopped; nothing was published", style="red")
        raise typer.Exit(INTERRUPTED) from None


def _run(what: str, given: dict[str, Any], folders: Folders, *, resume: bool) -> None:
    with needing_pytorch():
        from training.pipeline import run, take_up  # noqa: PLC0415
        from training.progress import ConsoleProgress  # noqa: PLC0415
    config = apply_options(find_recipe(what, available_cores()), given)
    begun = take_up(folders, config.name, given) if resume else None
    command = _spell(what, given)
    if begun is not None:
        config, command = begun.record.config, begun.record.command
    with ConsoleProgress(console) as progress:
        progress.tell(f"training {config.name}: {config.network} on {config.dataset}, {config.threads} threads")
        result = run(config, command, folders, progress, begun)
    if result is not None:
        console.print(result.describe(), markup=False)


def _spell(what: str, given: dict[str, Any]) -> str:
    """The command as it would be typed again, but for where the pictures lie: that is this machine's affair."""
    kept = {name: value for name, value in given.items() if name != "data"}
    return " ".join(["convscope train", Path(what).name, spell_options(kept)]).strip()


def _give_options(command: Callable[..., None]) -> None:
    """Put the settings in place of `**options`, where Typer looks for a command's parameters."""
    signature = inspect.signature(command)
    own = [item for item in signature.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
    settings = list_options()
    command.__signature__ = signature.replace(parameters=[*own, *settings])  # type: ignore[attr-defined]
    command.__annotations__.update({item.name: item.annotation for item in settings})
    command.__doc__ = f"{command.__doc__}\n{describe_recipes()}"


_give_options(train)
