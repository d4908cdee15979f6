"""Turns the command line into a running service: `convscope serve`, `convscope train` and the like."""

import json
import logging
import os
import sys
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer.exceptions import TyperException

from service.app import create_app
from service.commands.bench_url import bench_command
from service.commands.export_triton import export_triton_command
from service.commands.import_file import import_command
from service.commands.promotion import promote_command, rollback_command
from service.commands.scale_decode import scale_decode_command
from service.endpoint import is_loopback, listen
from service.engine import Provider, choose_provider
from service.errors import ConvscopeError, InvalidSetting, ProviderUnavailable
from service.grpc.start import check_calls
from service.keys import FILE_VARIABLE, KEYS_VARIABLE
from service.settings import PREFIX, Settings, read_settings
from service.shelf import tabulate
from service.worker import answer, start_logging
from service.workers import Workers

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
log = logging.getLogger("convscope")
complaints = Console(stderr=True, highlight=False, soft_wrap=True, style="red")


@cli.callback()
def _convscope() -> None:
    """A model server you can see through."""


@cli.command()
def serve(
    models: Annotated[Path | None, typer.Option(help="The models folder.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0: every one.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    provider: Annotated[Provider | None, typer.Option(help="Where the arithmetic runs.")] = None,
) -> None:
    """Serve the published models. Every option is also an environment variable, CONVSCOPE_PORT for example."""
    asked = {"models": models, "host": host, "port": port, "workers": workers, "provider": provider}
    options = {name: value for name, value in asked.items() if value is not None}
    start_logging()
    settings = read_settings(options)
    # Resolved here, so that what isn't there is refused in one line rather than while the server starts.
    options["provider"] = _find_provider(settings.provider)
    if not settings.read_keys() and not is_loopback(settings.host):
        log.warning(
            "listening on %s without API keys: whoever reaches this port may use the service; set %s or %s",
            settings.host, KEYS_VARIABLE, FILE_VARIABLE,
        )  # fmt: skip
    check_calls(settings)
    listener = listen(settings.host, settings.port)
    address = f"http://{_host_name(settings.host)}:{listener.getsockname()[1]}"
    if settings.workers == 1:
        answer(read_settings(options), listener, lambda: _announce(address))
    else:
        environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in options.items()}
        longest_stop = settings.drain_seconds + settings.shutdown_seconds
        Workers(settings.workers, listener, environment, longest_stop=longest_stop).run(lambda: _announce(address))
    say("stopped")


@cli.command("models")
def list_models(
    models: Annotated[Path, typer.Option(help="The models folder.", envvar="CONVSCOPE_MODELS", file_okay=False)] = Path(
        "models"
    ),
) -> None:
    """List the published versions: how right they are, how large, what they learnt from."""
    table, refused = tabulate(models)
    console.print(table)
    for line in refused:
        console.print(line, style="red", markup=False)


cli.command("import")(import_command)
cli.command("promote")(promote_command)
cli.command("rollback")(rollback_command)
cli.command("export-triton")(export_triton_command)
cli.command("scale-decode")(scale_decode_command)
cli.command("bench")(bench_command)


@cli.command(hidden=True)
def openapi() -> None:
    """Print the API's OpenAPI schema, which the page's types are made from."""
    print(json.dumps(create_app(Settings()).openapi(), indent=2))  # noqa: T201 - the output is the product


def say(line: str) -> None:
    """Print a line; nobody has to be there to read it."""
    with suppress(OSError, ValueError):  # the disk that it goes to is full, the pipe is broken, the stream is closed
        console.print(line)


def _announce(address: str) -> None:
    say(f"Convscope is at [bold]{address}[/bold]   (API: {address}/docs, Ctrl-C stops it)")


def _find_provider(asked: Provider) -> Provider:
    try:
        return choose_provider(asked)
    except ProviderUnavailable as error:
        raise InvalidSetting(f"--provider or {PREFIX}PROVIDER: {error}") from error


def _host_name(host: str) -> str:
    """What to type into a browser for an address that was bound."""
    if host in {"0.0.0.0", "::", "127.0.0.1", "::1"}:  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


def main() -> None:
    """The `convscope` command: those here, and those that other parts of the package register by name."""
    for command in entry_points(group="convscope.commands"):
        cli.command(command.name)(command.load())
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
