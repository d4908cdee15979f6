"""Turns requests into as many as can be worked on at once, each for as long as it may take; the others are refused.

An ASGI application before another one. What it does for a request is counted in tenths of a microsecond: instead of a
timer for each there is one for all, which looks once in a while whose time is up.
"""

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import TooBusy, TooLate
from service.guard import BEGUN, refuse

log = logging.getLogger("convscope")

_LOOKS = 50
"""How often it is looked whose time is up, within that time."""


@dataclass(frozen=True)
class Limits:
    """Of all requests together."""

    requests: int
    """That are worked on at a time, at most."""
    seconds: float
    """From a request's head to the last byte of its answer."""


class Admission:
    """Lets requests in, and ends those that take too long."""

    def __init__(self, inner: ASGIApp, limits: Limits) -> None:
        """Stand before an application.

        Args:
            inner: what answers those that are let in.
            limits: how many, and for how long.
        """
        self._inner, self._limits, self._most = inner, limits, limits.requests
        self._since: dict[asyncio.Task[Any] | None, float] = {}
        """Of each request being worked on, by its task: when it came, in seconds of the monotonic clock."""
        self._over: set[asyncio.Task[Any] | None] = set()
        """Those whose time is up."""
        self._looking: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        if len(self._since) >= self._most:
            await refuse(
                TooBusy(f"{self._most} requests are being answered, all that may be; try again later"),
                scope, receive, send,
            )  # fmt: skip
            return
        task = asyncio.current_task()
        self._since[task] = monotonic()
        if self._looking is None:
            self._look_later()
        try:
            await self._inner(scope, receive, send)
        except asyncio.CancelledError:
            if task not in self._over or task is None or task.uncancel():  # somebody else cancelled it, too
                raise
            await self._end(scope, receive, send)
        finally:
            del self._since[task]
            if self._over:
                self._over.discard(task)

    async def _end(self, scope: Scope, receive: Receive, send: Send) -> None:
        if BEGUN in scope:
            log.warning("%s: cut off, its answer had not gone out within the time", scope["path"])
            return
        seconds = f"{self._limits.seconds:g} s (CONVSCOPE_REQUEST_SECONDS)"
        await refuse(TooLate(f"no answer within {seconds}; ask for less at a time"), scope, receive, send)

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(self._limits.seconds / _LOOKS, self._look)

    def _look(self) -> None:
        """End those whose time is up."""
        self._looking = None
        if not self._since:
            return
        oldest = monotonic() - self._limits.seconds
        for task, since in self._since.items():
            if since < oldest and task is not None and task not in self._over:
                self._over.add(task)
                task.cancel()
        self._look_later()
