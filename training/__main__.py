"""Turns `python -m training …` into `convscope train …`; under torchrun it is the only way in."""

import sys

import typer
from rich.console import Console

from service.errors import ConvscopeError, InvalidSetting
from training.commands.train import train


def main() -> None:
    """The command, its errors as one line each."""
    cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    cli.command("train")(train)
    try:
        cli()
    except ConvscopeError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"convscope: {error}", style="red", markup=False)
        sys.exit(2 if isinstance(error, InvalidSetting) else 1)


if __name__ == "__main__":
    main()
