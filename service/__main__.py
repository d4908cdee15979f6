"""Turns the command line into the command that it names: `convscope serve`, `convscope train` and the like."""

import signal
import sys
from importlib.metadata import EntryPoint, entry_points

import typer
from rich.console import Console
from typer.exceptions import TyperException

from service.errors import ConvscopeError, InvalidSetting

GROUP = "convscope.commands"

OWN = {
    "serve": "service.commands.serve:serve_command",
    "models": "service.commands.list_models:models_command",
    "import": "service.commands.import_file:import_command",
    "promote": "service.commands.promotion:promote_command",
    "rollback": "service.commands.promotion:rollback_command",
    "export-triton": "service.commands.export_triton:export_triton_command",
    "scale-decode": "service.commands.scale_decode:scale_decode_command",
    "bench": "service.commands.bench_url:bench_command",
    "openapi": "service.commands.openapi:openapi_command",
}
"""By name; other parts of the package register theirs under `GROUP`."""

HIDDEN = {"openapi"}

complaints = Console(stderr=True, highlight=False, soft_wrap=True, style="red")


def make_cli(asked: str = "") -> typer.Typer:
    """The command line: the command that is asked for, or all where it is none of them; importing all takes a while."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    cli.callback()(_convscope)
    own = {name: EntryPoint(name, place, GROUP) for name, place in OWN.items()}
    commands = own if asked in own else {**own, **{command.name: command for command in entry_points(group=GROUP)}}
    for name in [asked] if asked in commands else commands:
        cli.command(name, hidden=name in HIDDEN)(commands[name].load())
    return cli


def _convscope() -> None:
    """A model server you can see through."""


def main() -> None:
    """The `convscope` command."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    if asked == "serve":  # until it takes signals itself; a container's first process would not hear this one otherwise
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cli = make_cli(asked)
    try:
        sys.exit(cli(prog_name="convscope", standalone_mode=False))
    except TyperException as error:
        complaints.print(f"convscope: {error.format_message()}", markup=False)
        sys.exit(error.exit_code)
    except ConvscopeError as error:
        complaints.print(f"convscope: {error}", markup=False)
        sys.exit(2 if isinstance(error, InvalidSetting) else 1)


if __name__ == "__main__":
    main()
