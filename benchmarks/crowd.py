"""Turns a port into clients that ask there all the time, and go elsewhere when they are told to."""

import asyncio
import time
from collections import Counter

from benchmarks.material import ROOT
from service.endpoint import allow_connections as allow_connections  # noqa: PLC0414 - the clients need as many

_PROBES = 0.1
"""Seconds between two looks whether the service wants requests."""


class Crowd:
    """Clients on connections of their own; each sends its next request when the last was answered."""

    def __init__(self, port: int, clients: int) -> None:
        """Begin."""
        self.picture = next((ROOT / "models" / "digits").glob("*/samples/*-7.png")).read_bytes()
        self._port = port
        self._seen: Counter[str] = Counter()
        self._is_over = False
        self._tasks = [asyncio.create_task(self._keep_asking()) for _ in range(clients)]
        self._tasks.append(asyncio.create_task(self._probe()))

    async def leave(self) -> "Counter[str]":
        """Have them finish; statuses and errors by number."""
        self._is_over = True
        await asyncio.gather(*self._tasks)
        return self._seen

    async def _keep_asking(self) -> None:
        request = compose("/v1/models/digits/predict", self.picture)
        connection = None
        while not self._is_over:
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self._port)
                status, closes = await _exchange(*connection, request)
                self._seen[str(status)] += 1
            except (OSError, EOFError) as error:
                self._seen[repr(error)] += 1
                closes = True
            if closes and connection:
                connection[1].close()
                connection = None
        if connection:
            connection[1].close()

    async def _probe(self) -> None:
        while not self._is_over:
            try:
                if await ask(self._port, "/v2/health/ready") != 200:
                    self._is_over = True
            except (OSError, EOFError) as error:
                self._seen[f"probe: {error!r}"] += 1
            await asyncio.sleep(_PROBES)


def compose(path: str, body: bytes | None = None, *headers: str) -> bytes:
    """A request's bytes."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: x", *headers]
    if body is not None:
        lines += ["Content-Type: image/png", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def ask(port: int, path: str, body: bytes | None = None) -> int:
    """The status of an answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return (await _exchange(reader, writer, compose(path, body, "Connection: close")))[0]
    finally:
        writer.close()


async def time_requests(port: int, count: int) -> tuple[float, float]:
    """Median and 99th percentile of so many predictions one after the other, each on a connection of its own; ms."""
    picture = next((ROOT / "models" / "digits").glob("*/samples/*-7.png")).read_bytes()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        if await ask(port, "/v1/models/digits/predict", picture) == 200:
            taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return taken[len(taken) // 2], taken[len(taken) * 99 // 100]


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bool]:
    """Ask; the status, and whether the connection is to be closed."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
    return int(head[9:12]), b"\r\nconnection: close\r\n" in head
