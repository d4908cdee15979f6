"""Turns requests into as many as can be worked on at once, each for as long as it may take; the others are refused.

An ASGI application before another one. What it does for a request is counted in microseconds: instead of a timer for
each there is one for all, which looks once in a while whose time is up.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import TooBusy, TooLate
from service.guard import refuse

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
        self._inner, self._limits = inner, limits
        self._stays: set[_Stay] = set()
        self._looking: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        if len(self._stays) >= self._limits.requests:
            await refuse(
                TooBusy(f"{len(self._stays)} requests are being answered, all that may be; try again later"),
                scope, receive, send,
            )  # fmt: skip
            return
        stay = _Stay(send)
        self._stays.add(stay)
        if self._looking is None:
            self._look_later()
        try:
            await self._inner(scope, receive, stay.send)
        except asyncio.CancelledError:
            if not stay.is_over or stay.task.uncancel():  # somebody else cancelled it, too
                raise
            await self._end(stay, scope, receive)
        finally:
            self._stays.discard(stay)

    async def _end(self, stay: "_Stay", scope: Scope, receive: Receive) -> None:
        error = TooLate(
            f"no answer within {self._limits.seconds:g} s (CONVSCOPE_REQUEST_SECONDS); ask for less at a time"
        )
        if stay.has_answer:
            log.warning("%s: cut off, its answer had not gone out within the time", scope["path"])
        else:
            await refuse(error, scope, receive, stay.send)

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(self._limits.seconds / _LOOKS, self._look)

    def _look(self) -> None:
        """End those whose time is up."""
        self._looking = None
        if not self._stays:
            return
        oldest = monotonic() - self._limits.seconds
        for stay in self._stays:
            if stay.since < oldest and not stay.is_over:
                stay.is_over = True
                stay.task.cancel()
        self._look_later()


class _Stay:
    """A request that is being worked on."""

    __slots__ = ("_send", "has_answer", "is_over", "since", "task")

    def __init__(self, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is run by a task
        self.task = task
        self.since = monotonic()
        self.is_over = False
        """Its time is up."""
        self.has_answer = False
        """At least the answer's head has gone out."""
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a part of the answer on."""
        self.has_answer = True
        return self._send(message)
