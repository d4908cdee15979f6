"""Turns the terminal's words into a measurement and its printed result: `convscope bench`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.bench.options import CLOSED_CONNECTIONS, OPEN_CONNECTIONS, Arrivals, Load
from service.errors import BenchFailed

console = Console(highlight=False, soft_wrap=True)


def bench_command(  # noqa: PLR0913, PLR0917 - a command line is a list of options
    url: Annotated[
        str, typer.Argument(help="What to ask: http://localhost:8000/v1/models/digits/predict for example.")
    ],
    picture: Annotated[Path | None, typer.Argument(help="What to send; none: the model's first sample.")] = None,
    connections: Annotated[
        int | None,
        typer.Option(min=1, help=f"At a time; none said: {CLOSED_CONNECTIONS}, with --rate up to {OPEN_CONNECTIONS}."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Requests per second, sent by the clock whatever the answers do.")
    ] = None,
    arrivals: Annotated[Arrivals, typer.Option(help="With --rate: evenly spread, or at random.")] = Arrivals.CONSTANT,
    seconds: Annotated[float, typer.Option(min=0.1, help="To measure for.")] = 10,
    warmup: Annotated[float, typer.Option(min=0, help="Seconds of the same load before, which don't count.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds after which a request is given up.")] = 10,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the figures there too.")
    ] = None,
) -> None:
    """Measure how fast a server answers one picture, sent over and over; Ctrl-C ends it early.

    Without --rate each connection sends its next request when the last was answered (closed loop). With --rate requests
    are sent by the clock (open loop), and latency counts from when a request was due. Exits with 0 if all answers were
    2xx, else with 1.
    """
    try:
        from service.bench.run import measure  # noqa: PLC0415 - a service does without its libraries
        from service.bench.table import explain, tabulate_counts, tabulate_latency, warn  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BenchFailed(f"{error.name} is missing: install convscope[bench]") from error
    default = CLOSED_CONNECTIONS if rate is None else OPEN_CONNECTIONS
    load = Load(seconds, warmup, timeout, connections or default, rate, arrivals)
    with console.status(load.describe(), refresh_per_second=1):
        figures = measure(url, picture, load)
    console.print(load.describe(), markup=False)
    for table in (tabulate_counts(figures), tabulate_latency(figures)):
        console.print(table)
    for line in explain(figures):
        console.print(line, style="dim", markup=False)
    for line in warn(figures):
        console.print(line, style="yellow", markup=False)
    if json_file:
        _write(json_file, json.dumps(figures.to_dict(), indent=2))
    raise typer.Exit(0 if figures.succeeded else 1)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise BenchFailed(f"can't write {path}: {error.strerror or error}") from error
