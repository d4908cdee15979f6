"""Turns an address, a picture and a load into figures: the whole of a measurement, in the order in which it goes."""

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
from yarl import URL

from service.bench.figures import Figures, summarise
from service.bench.load import Client, put_under_load
from service.bench.measurement import Measurement
from service.bench.options import Load
from service.bench.target import Target, fetch_target, parse_address, read_target, try_out
from service.errors import BenchFailed

_KEEP_ALIVE = 4
"""Seconds that an unused connection is kept: fewer than uvicorn's 5, or it might close one just as it is used."""


def measure(address: str, picture: Path | None, load: Load) -> Figures:
    """Put the server under a load; Ctrl-C ends it early.

    Args:
        address: of the prediction, `http://…`.
        picture: to send; None: the first of the model's own samples.
        load: what it is put under.

    Raises:
        BenchFailed: there is nothing to measure, or nothing to send.
    """
    url = parse_address(address)
    target = read_target(url, picture) if picture else None
    measurement = Measurement()
    with asyncio.Runner(loop_factory=_choose_loop()) as runner:
        try:
            runner.run(_measure(url, target, load, measurement))
        except KeyboardInterrupt:
            measurement.end()
    if not measurement.seconds:
        raise BenchFailed("broken off before anything was measured")
    return summarise(address, load, measurement)


async def _measure(url: URL, target: Target | None, load: Load, measurement: Measurement) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=load.connections, keepalive_timeout=_KEEP_ALIVE),
        timeout=aiohttp.ClientTimeout(total=load.timeout),
        cookie_jar=aiohttp.DummyCookieJar(),  # nothing is remembered from one request to the next
        headers={"Accept-Encoding": "identity"},  # unpacking would be this side's work
    ) as session:
        target = target or await fetch_target(session, url)
        await try_out(session, target)
        gc.collect()
        gc.freeze()  # or a full collection, which looks at every module, holds requests up for tens of milliseconds
        await put_under_load(Client(session, target, measurement), load, measurement)


def _choose_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop where there is one: it leaves more of the core to the requests."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on Windows

    return uvloop.new_event_loop
