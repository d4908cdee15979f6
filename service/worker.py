"""Turns settings and a socket into a process that answers on it: the only one, or one of several."""

import os
import socket
import sys
from collections.abc import Callable

from service.app import create_app
from service.endpoint import allow_connections, join
from service.errors import ConvscopeError
from service.journal import Journal
from service.logs import start_logging
from service.server import Server
from service.settings import Settings, read_settings
from service.tracing import set_up_tracing


def answer(  # noqa: PLR0913 - each is a part of what it begins with
    settings: Settings,
    journal: Journal,
    listen: Callable[[], socket.socket],
    announce: Callable[[], None],
    *,
    early: bool = True,
    lifeline: socket.socket | None = None,
) -> None:
    """Answer until told to stop; for the other parameters, see `server.Server` and its `run`."""
    app = create_app(settings, journal, set_up_tracing())
    server = Server(app, app.life, listen, settings, allow_connections())
    server.run(announce, early=early, lifeline=lifeline)


def main() -> None:
    """One of several: a process that `workers.Workers` started.

    Its arguments are the descriptors of the reserved address and of the channel to its parent, and `early` or `late`,
    whether it is to listen before its models are loaded.
    """
    *descriptors, when = sys.argv[1:]
    reserved, channel = (socket.socket(fileno=int(descriptor)) for descriptor in descriptors)
    try:
        settings = read_settings()
        journal = start_logging(settings)
        answer(
            settings, journal, lambda: join(reserved), lambda: channel.sendall(b"."),
            early=when == "early", lifeline=channel,
        )  # fmt: skip
    except ConvscopeError as error:
        print(f"convscope: {error}", file=sys.stderr)  # noqa: T201 - as the command line does
        os._exit(1)
