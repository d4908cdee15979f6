"""Turns a foreign ONNX file into a published version: `convscope import`."""

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console

from service.importing.importer import import_file
from service.importing.options import (
    PRESETS,
    Channels,
    HeadName,
    ImportOptions,
    Layout,
    parse_choice,
    parse_numbers,
    parse_resize,
    parse_size,
)

console = Console(highlight=False, soft_wrap=True)


def import_command(  # noqa: PLR0913, PLR0917 - a command line is a list of options
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An ONNX classifier of pictures, from any framework.")],
    name: Annotated[str, typer.Option(help="The model that a version is published of.")],
    labels: Annotated[
        Path | None, typer.Option(help="One a line, a JSON list, or a JSON object of index to label.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"How its pictures are prepared: {', '.join(PRESETS)}.")] = None,
    input_size: Annotated[str | None, typer.Option(help="HxW, where the file leaves it open.")] = None,
    layout: Annotated[str | None, typer.Option(help="nchw or nhwc.")] = None,
    scale: Annotated[str | None, typer.Option(help="value = pixel · scale, pixel 0 to 255; 1/255 for example.")] = None,
    mean: Annotated[str | None, typer.Option(help="Then (value - mean) / std: a number, or one a channel.")] = None,
    std: Annotated[str | None, typer.Option(help="A number, or one a channel, with commas between.")] = None,
    channels: Annotated[str | None, typer.Option(help="What the network takes: rgb, bgr or gray.")] = None,
    resize: Annotated[str | None, typer.Option(help="stretch, center-crop or mnist.")] = None,
    output: Annotated[str | None, typer.Option(help="The graph's value that holds the scores.")] = None,
    head: Annotated[
        str | None, typer.Option(help="softmax, sigmoid, or probabilities where the graph gives these already.")
    ] = None,
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
) -> None:
    """Publish a version from an ONNX file alone, once its answers were seen to be the file's own.

    The graph is asked for its layout, size, channels, scores and head; what it tells is printed, with the reason.
    How pictures were prepared in its training it can't tell: value = pixel · scale, then (value - mean) / std, mean and
    std in the network's own units and in its order of channels. Presets: imagenet (scale 1/255, mean
    0.485,0.456,0.406, std 0.229,0.224,0.225, cropped to the middle), mnist (1/255, 0.1307, 0.3081, MNIST's form), unit
    (1/255). Options go before the preset.
    """
    options = ImportOptions(
        name=name,
        labels=labels,
        preset=preset,
        size=None if input_size is None else parse_size(input_size),
        layout=None if layout is None else cast(Layout, parse_choice("--layout", layout, Layout)),
        scale=None if scale is None else parse_numbers("--scale", scale)[0],
        mean=None if mean is None else parse_numbers("--mean", mean),
        std=None if std is None else parse_numbers("--std", std),
        channels=None if channels is None else cast(Channels, parse_choice("--channels", channels, Channels)),
        resize=None if resize is None else parse_resize(resize),
        output=output,
        head=None if head is None else cast(HeadName, parse_choice("--head", head, HeadName)),
        command=_spell(context),
    )
    console.print(f"importing {file.name}", markup=False)
    console.print(import_file(file, options, models).describe(), markup=False)


def _spell(context: typer.Context) -> str:
    """The command as it would be typed again, but for where the files lie: that is this machine's affair."""
    words = ["convscope import", Path(str(context.params["file"])).name]
    for option, given in context.params.items():
        if given is not None and option not in {"file", "models"}:
            value = given.name if isinstance(given, Path) else str(given)
            words.append(f"--{option.replace('_', '-')} {value}")
    return " ".join(words)
