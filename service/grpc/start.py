"""Turns the settings into gRPC calls being answered, or not: the rest of the service does without its libraries."""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from service.admission import Limits
from service.errors import InvalidSetting, StartFailed
from service.life import Life
from service.pipeline import Pipeline
from service.registry import Registry
from service.settings import Settings
from service.visit import Visiting

log = logging.getLogger("convscope")

VARIABLE = "CONVSCOPE_GRPC_PORT"


def check_calls(settings: Settings) -> None:
    """Say before anything is loaded why calls couldn't be answered.

    Raises:
        InvalidSetting: the settings don't fit together.
        StartFailed: a library is missing, or the port is taken.
    """
    if settings.grpc_port is None:
        return
    if find_spec("grpc") is None:
        raise StartFailed(f"{VARIABLE} is set, but grpcio is missing: install convscope[grpc]")
    if settings.grpc_port == 0 and settings.workers > 1:
        raise InvalidSetting(f"{VARIABLE}: several workers can't share a port that is not named")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.grpc_port), family=family).close()
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise StartFailed(
            f"can't listen on {settings.host}:{settings.grpc_port} for gRPC: {reason}; choose another with {VARIABLE}"
        ) from error


@asynccontextmanager
async def answering_calls(
    settings: Settings, life: Life, registry: Registry, pipeline: Pipeline, visiting: Visiting
) -> AsyncIterator[int | None]:
    """Answer calls while the context is open, if the settings say so; gives the port.

    Raises:
        StartFailed: the port can't be had.
    """
    if settings.grpc_port is None:
        yield None
        return
    from service.grpc.server import Place, serving  # noqa: PLC0415 - a service does without its libraries
    from service.grpc.servicer import Servicer  # noqa: PLC0415

    place = Place(
        settings.host, settings.grpc_port, settings.workers > 1, settings.max_bytes, settings.shutdown_seconds
    )
    limits = Limits(settings.max_in_flight, settings.request_seconds)
    async with serving(Servicer(life, registry, pipeline, settings.read_keys(), limits, visiting), place) as port:
        log.info("calls over gRPC are answered at %s:%d", settings.host, port)
        yield port
