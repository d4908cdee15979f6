"""Turns a published version into its model card, in Markdown: `convscope card`."""

from pathlib import Path
from typing import Annotated

import typer

from training.card import write_card
from training.commands.folders import MODELS, Models
from training.published import find_published


def card(
    version: Annotated[str, typer.Argument(help="A version, such as digits/1, or a model for its latest.")],
    out: Annotated[Path | None, typer.Option(help="A file to write it into; otherwise it is printed.")] = None,
    models: Models = MODELS,
) -> None:
    """Write down what a version tells, what it learnt from, how well it does, and how to call it."""
    text = write_card(find_published(models, version))
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
