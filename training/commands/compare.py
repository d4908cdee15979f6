"""Turns two versions' names into a table of what sets them apart: `convscope compare`."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from service.errors import InvalidSetting
from training.commands.folders import MODELS, Models
from training.commands.terminal import console, needing_pytorch
from training.config import Source, TrainingConfig
from training.published import find_published

_LISTED = 20
"""So many disagreements are named on the terminal; `--out` has all."""


def compare(  # noqa: PLR0913, PLR0917 - a command line is a list of options
    first: Annotated[str, typer.Argument(help="A version, such as digits/1, or a model for its latest.")],
    second: Annotated[str, typer.Argument(help="The other one.")],
    data: Annotated[Path | None, typer.Option(help="Where the pictures are; otherwise downloaded.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder to put the pictures into that they disagree on.")] = None,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of your own pictures to compare on.")] = 0.15,
    models: Models = MODELS,
) -> None:
    """Ask two versions about the same test pictures, and list those that they disagree on."""
    with needing_pytorch():
        from training.compare import compare as compare_versions  # noqa: PLC0415
        from training.compare import draw_disagreement  # noqa: PLC0415
    one, other = find_published(models, first), find_published(models, second)
    if one.manifest.dataset is None:
        raise InvalidSetting(f"{first} learnt from no pictures, so there is no test split to compare on")
    config = TrainingConfig(
        name=one.name, dataset=_source(one.manifest.dataset.name), data=data, network="", test=test, epochs=0,
        learning_rate=0, threads=1,
    )  # fmt: skip
    comparison, dataset = compare_versions(one, other, config)
    console.print(comparison.table())
    console.print(f"{len(comparison.disagreements):,} of {comparison.pictures:,} pictures are answered differently")
    for item in comparison.disagreements[:_LISTED]:
        console.print(f"  test picture {item.index}: {item.true}; {first} says {item.first}, {second} {item.second}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for item in comparison.disagreements:
            (out / f"{item.index:06d}.png").write_bytes(draw_disagreement(dataset, item))
        console.print(f"their pictures are in {out}")


def _source(name: str) -> Source:
    """A data set's name in a manifest; one's own pictures have names of their own there."""
    known: tuple[Source, ...] = get_args(Source)
    return next((source for source in known if source == name), "pictures")
