"""Turns a rate into requests sent by the clock, whatever the answers do, and the answers into records.

It takes less of the cores than an HTTP library would: the request is spelt once, of an answer only the status and the
length are read. Latency counts from when a request was due.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.message import Message

MOST_CONNECTIONS = 2000
_TIMEOUT = 60.0
"""Seconds after which a request is given up."""

_KEEP_ALIVE = 3.0
"""Seconds that an unused connection is kept: fewer than uvicorn's 5."""

BROKEN = -1
"""In place of a status: the connection was closed, refused, or nobody answered."""
UNSENT = -2
"""All connections were taken."""


@dataclass
class Log:
    """What was answered: (due, seconds from then to the answer, status), due in seconds from the beginning."""

    records: list[tuple[float, float, int]] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    """Seconds after it was due that each was sent."""
    connections: int = 0
    """The most that were open."""


class OpenLoop:
    """Connections to one address, and the request that they send."""

    def __init__(self, address: str, message: Message) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        headers = {"Host": parts.netloc, "Content-Length": str(len(message.body))} | message.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"POST {message.path} HTTP/1.1\r\n{head}\r\n".encode() + message.body
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        """Since when, and both ends; the freshest last."""
        self._open = 0
        self.log = Log()

    async def run(self, rate: float, seconds: float) -> None:
        """Send, and wait for the last answer."""
        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(rate * seconds)):
                due = number / rate
                if (ahead := started + due - time.perf_counter()) > 0:
                    await asyncio.sleep(ahead)
                elif number % 64 == 0:
                    await asyncio.sleep(0)  # behind the clock: answers are still to be read
                tasks.create_task(self._send(started, due))

    async def close(self) -> None:
        """Hang up."""
        for *_, writer in self._idle:
            writer.close()

    async def ask(self) -> tuple[int, float]:
        """Send one request now: its status, and seconds to the answer."""
        began = time.perf_counter()
        status = await self._exchange()
        return status, time.perf_counter() - began

    async def _send(self, started: float, due: float) -> None:
        self.log.lateness.append(time.perf_counter() - started - due)
        status = await self._exchange()
        self.log.records.append((due, time.perf_counter() - started - due, status))

    async def _exchange(self) -> int:
        """The answer's status."""
        self._drop_old()
        if not self._idle and self._open >= MOST_CONNECTIONS:
            return UNSENT
        try:
            reader, writer = self._idle.pop()[1:] if self._idle else await self._connect()
        except OSError:
            self._open -= 1
            return BROKEN
        status, kept = BROKEN, False
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(_TIMEOUT):
                writer.write(self._request)
                status, kept = await _read_answer(reader)
        if kept:
            self._idle.append((time.perf_counter(), reader, writer))
        else:
            self._open -= 1
            writer.close()
        return status

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._open += 1
        self.log.connections = max(self.log.connections, self._open)
        return await asyncio.open_connection(self._host, self._port)

    def _drop_old(self) -> None:
        """Hang up what was not used for long, before the server does just as a request is on its way."""
        while self._idle and time.perf_counter() - self._idle[0][0] > _KEEP_ALIVE:
            self._idle.pop(0)[2].close()
            self._open -= 1


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the connection can be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        return status, False
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return status, b"\r\nconnection: close" not in head
