"""Turns every request into a visit: gives it an id, and when it is answered counts it and has it logged.

An ASGI application before all others, also before what is answered ahead of the framework. While a request is
answered only what has to be noted is noted; the rest is done for many requests at once, a twentieth of a second later.
That takes half as long: between two runs of a network, code and data are out of the processor's caches again.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import OTHER, Metrics
from service.tracing import Tracing
from service.visit import Visit, current

log = logging.getLogger("convscope")

Record = Callable[[str, Visit], None]
"""Logs a visit under the template of its path."""

_ID = re.compile(rb"[\x21-\x7e]{1,128}")
"""What is taken over of `X-Request-ID`."""

_PARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""`traceparent`. Source: W3C Trace Context, section 3.2."""

_SMALL = 5
"""Digits of a length that is taken for what came; larger bodies are counted as they come."""

_MANY, _SOON = 32, 0.05
"""Requests that are settled at once, and seconds after which those are that came."""

_random = Random()  # noqa: S311 - an id has to be unlike others, not secret
_new_ids: list[str] = []
"""Made many at a time, which takes a quarter of the time."""


class Edge:
    """The outermost application. Used from one event loop."""

    def __init__(self, inner: ASGIApp, metrics: Metrics, record: Record, tracing: Tracing | None = None) -> None:
        """Go around an application.

        Args:
            inner: what answers.
            metrics: where requests are counted.
            record: logs them.
            tracing: makes spans of them; None: nobody wants any.
        """
        self._inner, self._metrics, self._record, self._tracing = inner, metrics, record, tracing
        self.find_route: Callable[[str], str] = lambda _: OTHER
        """Finds the template of the route that a path leads to."""
        self._ended: list[Visit] = []
        """Not yet settled."""
        self._in_flight = 0
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        visit = self._begin(scope, dict(scope["headers"]))
        current.set(visit)  # of this request's own task; nobody has to take it back

        def answer(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", visit.request_id.encode())]
            else:
                visit.sent += len(message.get("body", b""))
            return send(message)

        if visit.length is None or len(visit.length) > _SMALL:
            receive = _counting(receive, visit)
        try:
            await self._inner(scope, receive, answer)
        except Exception:
            visit.status = visit.status or 500  # the server answers it
            raise
        finally:
            self._end(visit)

    @contextmanager
    def visiting(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Iterator[Visit]:
        """Go around what isn't HTTP; see `visit.Visiting`."""
        visit = self._begin(scope, headers)
        before = current.set(visit)
        try:
            yield visit
        finally:
            current.reset(before)
            self._end(visit)

    def _begin(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Visit:
        visit = Visit()
        visit.began, visit.scope = perf_counter(), scope
        visit.request_id, visit.length = choose_id(headers), headers.get(b"content-length")
        if self._tracing is not None:
            self._tracing.begin(headers, visit)
        self._in_flight += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self.settle)
        return visit

    def _end(self, visit: Visit) -> None:
        visit.ended = perf_counter()
        self._in_flight -= 1
        self._ended.append(visit)
        if len(self._ended) >= _MANY:
            self.settle()

    def settle(self) -> None:
        """Count and log the requests that have ended."""
        if self._timer is not None:
            self._timer.cancel()
        ended, self._ended, self._timer = self._ended, [], None
        self._metrics.show_in_flight(self._in_flight)
        for visit in ended:
            try:
                self._settle(visit)
            except Exception:
                log.exception("a request could not be counted")

    def _settle(self, visit: Visit) -> None:
        route = visit.route or self.find_route(visit.scope["path"])
        visit.status = visit.status or 499  # broken off
        if visit.received < 0:
            visit.received = int(visit.length) if visit.length and visit.length.isdigit() else 0
        self._metrics.count_request(route, visit)
        self._record(route, visit)
        if self._tracing is not None:
            self._tracing.end(route, visit)


def choose_id(headers: Mapping[bytes, bytes]) -> str:
    """A request's id: `X-Request-ID` as the client sent it, else the trace's that it belongs to, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _ID.fullmatch(given):
        return given.decode("ascii")
    parent = headers.get(b"traceparent")
    if parent is not None and (found := _PARENT.fullmatch(parent)):
        return found[1].decode("ascii")
    if not _new_ids:
        made = _random.randbytes(16 * 256).hex()
        _new_ids.extend(made[at : at + 32] for at in range(0, len(made), 32))
    return _new_ids.pop()


def _counting(receive: Receive, visit: Visit) -> Receive:
    """For a body that doesn't say how long it is, or so long that it may never come."""
    visit.received = 0

    async def count() -> Message:
        message = await receive()
        visit.received += len(message.get("body", b""))
        return message

    return count
