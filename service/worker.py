"""Turns settings and a socket into a process that answers on it: the only one, or one of several."""

import logging
import os
import socket
import sys
from collections.abc import Callable

from service.app import create_app
from service.endpoint import allow_connections
from service.errors import ConvscopeError
from service.server import Server
from service.settings import Settings, read_settings


def answer(
    settings: Settings,
    listener: socket.socket,
    announce: Callable[[], None],
    *,
    early: bool = True,
    lifeline: socket.socket | None = None,
) -> None:
    """Answer until told to stop; for the parameters, see `server.Server.run`."""
    app = create_app(settings)
    server = Server(app, app.life, listener, settings, allow_connections())
    server.run(announce, early=early, lifeline=lifeline)


def start_logging() -> None:
    """Tell what happens, on the standard error stream."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)


def main() -> None:
    """One of several: a process that `workers.Workers` started.

    Its arguments are the descriptors of the listener and of the channel to its parent, and `early` or `late`, whether
    it is to listen before its models are loaded.
    """
    descriptor, channel_descriptor, when = sys.argv[1:]
    listener, channel = socket.socket(fileno=int(descriptor)), socket.socket(fileno=int(channel_descriptor))
    start_logging()
    try:
        answer(read_settings(), listener, lambda: channel.sendall(b"."), early=when == "early", lifeline=channel)
    except ConvscopeError as error:
        print(f"convscope: {error}", file=sys.stderr)  # noqa: T201 - as the command line does
        os._exit(1)
