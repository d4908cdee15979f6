"""Turns the servicer into a server that answers on a port of its own, for as long as the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from service.errors import StartFailed
from service.grpc.servicer import Servicer

_OVERHEAD = 64 * 1024
"""Bytes that a message may have beyond its pictures: names, shapes."""


@dataclass(frozen=True)
class Place:
    """Where and how it listens."""

    host: str
    port: int
    """0: one that is free."""
    shared: bool
    """Other processes of this service listen there too; the system shares connections out among them."""
    max_bytes: int
    """Of a request's pictures."""
    grace: float
    """Seconds that calls in flight may take once it is told to stop."""


@asynccontextmanager
async def serving(servicer: Servicer, place: Place) -> AsyncIterator[int]:
    """Answer calls while the context is open; gives the port.

    Raises:
        StartFailed: the address can't be had.
    """
    options = [
        ("grpc.so_reuseport", int(place.shared)),
        ("grpc.max_receive_message_length", place.max_bytes + _OVERHEAD),
        ("grpc.max_send_message_length", -1),  # what may go out, the budget for looking inside says
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((servicer.handler(),))
    host = f"[{place.host}]" if ":" in place.host else place.host
    try:
        port = server.add_insecure_port(f"{host}:{place.port}")
    except RuntimeError as error:
        raise StartFailed(
            f"can't listen on {host}:{place.port} for gRPC; choose another port with CONVSCOPE_GRPC_PORT"
        ) from error
    await server.start()
    try:
        yield port
    finally:
        await server.stop(place.grace)
