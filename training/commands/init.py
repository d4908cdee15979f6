"""Turns a network's name and a seed into a published version that has learnt nothing: `convscope init`."""

from typing import Annotated

import typer

from service.contract import PictureInput, Stretch
from service.cores import available_cores
from training.commands.folders import MODELS, Models
from training.commands.terminal import console, needing_pytorch
from training.config import TrainingConfig


def init(  # noqa: PLR0913, PLR0917 - a command line is a list of options
    name: Annotated[str, typer.Argument(help="The model that a version is published of.")] = "cat",
    network: Annotated[str, typer.Option(help="A network's name, or file.py:Class of your own.")] = "cat-lenet",
    height: Annotated[int, typer.Option(min=1, help="Rows of the input.")] = 320,
    width: Annotated[int, typer.Option(min=1, help="Columns of the input.")] = 400,
    channels: Annotated[int, typer.Option(min=1, max=3, help="1: grey, 3: colour.")] = 3,
    labels: Annotated[str, typer.Option(help="What it is to tell apart one day, by commas.")] = "cat,no cat",
    seed: Annotated[int, typer.Option(min=0, help="Of the weights.")] = 0,
    models: Models = MODELS,
) -> None:
    """Publish an untrained network, to see what its layers do to a picture; no data is needed."""
    with needing_pytorch():
        from training.data.blank import make_blank  # noqa: PLC0415
        from training.pipeline import publish_untrained  # noqa: PLC0415
        from training.progress import ConsoleProgress  # noqa: PLC0415
    names = [label.strip() for label in labels.split(",") if label.strip()]
    spec = PictureInput(height=height, width=width, channels=3 if channels == 3 else 1, resize=Stretch())
    config = TrainingConfig(
        name=name, dataset="none", network=network, epochs=0, learning_rate=0, seed=seed, threads=available_cores()
    )
    command = (
        f"convscope init {name} --network {network} --height {height} --width {width} --channels {channels}"
        f" --labels '{labels}' --seed {seed}"
    )
    with ConsoleProgress(console) as progress:
        result = publish_untrained(config, make_blank(names, spec), command, models, progress)
    console.print(result.describe(), markup=False)
