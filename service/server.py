"""Turns an application into one that answers on a socket: in this process, or in several."""

import os
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from service.connection import Connection
from service.errors import StartFailed
from service.keys import KEYS_VARIABLE
from service.settings import Settings

OPTIONS: dict[str, Any] = {
    "http": Connection,
    "loop": "uvloop" if sys.platform != "win32" else "asyncio",
    "ws": "none",
    "log_level": "warning",
    "access_log": False,  # a line a request takes as long as much of the request
    "proxy_headers": False,  # nothing here looks at the client's address
    "server_header": False,
}
"""What uvicorn is run with."""

_BACKLOG = 2048
"""Connections that wait to be accepted, at most."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections.

    Raises:
        StartFailed: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise StartFailed(
            f"can't listen on {host}:{port}: {reason}; choose another with --port or CONVSCOPE_PORT"
        ) from error
    listener.set_inheritable(True)
    return listener


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach that address."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def serve_app(app: FastAPI, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Answer in this process until it is told to stop.

    Args:
        app: what answers.
        listener: where; from `listen`.
        announce: called once it does.
    """
    _Server(uvicorn.Config(app, **OPTIONS), announce).run(sockets=[listener])


def serve_in_workers(settings: Settings, listener: socket.socket) -> None:
    """Answer in several processes on one socket; each reads its settings from the environment."""
    for name, value in settings.model_dump(mode="json", exclude={"api_keys"}, exclude_none=True).items():
        os.environ[f"CONVSCOPE_{name.upper()}"] = str(value)
    os.environ[KEYS_VARIABLE] = settings.api_keys.get_secret_value()
    config = uvicorn.Config("service.app:app_from_environment", factory=True, workers=settings.workers, **OPTIONS)
    Multiprocess(config, sockets=[listener]).run()


class _Server(uvicorn.Server):
    """uvicorn, but it says when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()
