"""Turns the terminal's words and the environment into a running service: `convscope serve`."""

import gc
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from service.choices import Form, Provider
from service.endpoint import is_loopback, listen, reserve
from service.errors import InvalidSetting, ProviderUnavailable
from service.journal import Journal
from service.keys import FILE_VARIABLE, KEYS_VARIABLE
from service.ledger import keep_ledgers
from service.logs import start_logging
from service.settings import PREFIX, Settings, check_names, read_settings
from service.workers import Workers

console = Console(highlight=False, soft_wrap=True)
log = logging.getLogger("convscope")


def serve_command(
    models: Annotated[Path | None, typer.Option(help="The models folder.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0: every one.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    provider: Annotated[Provider | None, typer.Option(help="Where the arithmetic runs.")] = None,
) -> None:
    """Serve the published models. Every option is also an environment variable, CONVSCOPE_PORT for example."""
    gc.disable()  # until the application has settled: nothing that imports make is garbage
    asked = {"models": models, "host": host, "port": port, "workers": workers, "provider": provider}
    options = {name: value for name, value in asked.items() if value is not None}
    strange = check_names()
    settings = read_settings(options)
    journal = start_logging(settings)
    for variable in strange:
        log.warning("%s is set, but there is no such setting", variable)
    _check(settings)
    keys = settings.read_keys()
    listener = (listen if settings.workers == 1 else reserve)(settings.host, settings.port)
    if not keys and not is_loopback(settings.host):
        log.warning(
            "listening on %s without API keys: whoever reaches this port may use the service; set %s or %s",
            settings.host, KEYS_VARIABLE, FILE_VARIABLE,
        )  # fmt: skip
    address = f"http://{_host_name(settings.host)}:{listener.getsockname()[1]}"
    if settings.workers == 1:
        from service.worker import answer  # noqa: PLC0415 - who only keeps workers needn't load what they do

        answer(settings, journal, lambda: listener, lambda: _announce(address, journal))
    else:
        _answer_in_workers(settings, options, listener, lambda: _announce(address, journal))
    _say("stopped", journal)


def _answer_in_workers(
    settings: Settings, options: Mapping[str, object], listener: socket.socket, announce: Callable[[], None]
) -> None:
    environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in options.items()}
    longest_stop = settings.drain_seconds + settings.shutdown_seconds
    with keep_ledgers() as folder:
        environment[f"{PREFIX}METRICS_FOLDER"] = str(settings.metrics_folder or folder or "")
        Workers(settings.workers, listener, environment, longest_stop=longest_stop).run(announce)


def _check(settings: Settings) -> None:
    """Refuse here, in one line, what isn't to be had, rather than while the service starts.

    Raises:
        InvalidSetting: the message names the option or the variable.
        StartFailed: it could be had elsewhere, or later.
    """
    if settings.models.exists() and not settings.models.is_dir():
        raise InvalidSetting(f"--models or {PREFIX}MODELS: {settings.models} is no folder")
    if settings.provider is Provider.CUDA:
        from service.engine import choose_provider  # noqa: PLC0415 - as above

        try:
            choose_provider(settings.provider)
        except ProviderUnavailable as error:
            raise InvalidSetting(f"--provider or {PREFIX}PROVIDER: {error}") from error
    if settings.grpc_port and settings.grpc_port == settings.port:
        raise InvalidSetting(f"{PREFIX}GRPC_PORT: gRPC needs a port of its own (given: {settings.port}, HTTP's)")
    if settings.grpc_port is not None:
        from service.grpc.start import check_calls  # noqa: PLC0415 - as above

        check_calls(settings)


def _announce(address: str, journal: Journal) -> None:
    _say(f"Convscope is at [bold]{address}[/bold]   (API: {address}/docs, Ctrl-C stops it)", journal)


def _say(line: str, journal: Journal) -> None:
    """Tell whoever started the service; where a program reads the log, as a line of it."""
    if journal.form is Form.JSON:
        log.info(Text.from_markup(line).plain)
        return
    with suppress(OSError, ValueError):  # a full disk, a broken pipe, a closed stream: nobody has to read it
        console.print(line)


def _host_name(host: str) -> str:
    """What to type into a browser for an address that was bound."""
    if host in {"0.0.0.0", "::", "127.0.0.1", "::1"}:  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
