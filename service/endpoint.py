"""Turns a host and a port into a socket that accepts connections, as many as the system allows, and that loses none."""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from service.errors import InvalidSetting, StartFailed

if sys.platform != "win32":
    import resource

BACKLOG = 2048
"""Connections that wait to be accepted, at most."""

_SHARES = sys.platform == "linux"
"""Elsewhere, sockets at one address either may not be, or the last one gets all connections."""

_MOST_DESCRIPTORS = 1 << 17
"""Beyond which the limit isn't raised, however much the system allows."""

_RESERVED = 200
"""Descriptors that are left to everything else: model files, pipes, sockets of other protocols."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections.

    Raises:
        InvalidSetting: there is no such address here.
        StartFailed: it can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        told = f"can't listen on {host}:{port}: {reason}; choose another with"
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise StartFailed(f"{told} --port or CONVSCOPE_PORT") from error
        raise InvalidSetting(f"{told} --host or CONVSCOPE_HOST") from error
    except UnicodeError as error:
        raise InvalidSetting(
            f"{host!r} can't be a host's name; choose another with --host or CONVSCOPE_HOST"
        ) from error


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds an address for several processes, but doesn't listen itself: each of them does, see `join`.

    Raises:
        InvalidSetting, StartFailed: as `listen`.
    """
    listener = listen(host, port)
    if not _SHARES:
        return listener
    with listener:  # others could share the address, too, so it had to be had alone first
        address = listener.getsockname()
    reserved = socket.socket(listener.family, socket.SOCK_STREAM)
    # Connections of a service that was here a minute ago may still linger, as they may for a socket that listens.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(address)
    return reserved


def join(reserved: socket.socket) -> socket.socket:
    """One process's own socket that accepts connections at a reserved address.

    The kernel shares connections out among such sockets. From a single one that all processes have, whichever wakes up
    first takes all that come at once.
    """
    if not _SHARES:
        return reserved
    return socket.create_server(reserved.getsockname(), family=reserved.family, backlog=BACKLOG, reuse_port=True)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach that address."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


async def close_listener(listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> None:
    """Take whoever has already connected, then close: the kernel resets those that were never accepted."""
    waiting: list[socket.socket] = []
    listener.setblocking(False)
    with suppress(OSError):
        while len(waiting) < BACKLOG:
            waiting.append(listener.accept()[0])
    listener.close()
    for client in waiting:
        client.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(connect, client)


def allow_connections() -> int:
    """Raise the limit of open descriptors as far as may be; how many connections that leaves."""
    if sys.platform == "win32":
        return 1 << 20
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return (_MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft) - _RESERVED
