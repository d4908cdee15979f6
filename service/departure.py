"""Turns a client's departure into the end of the work for it."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ClientLeft

T = TypeVar("T")

_NO_BODY = {"GET", "HEAD"}


async def while_connected(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Work for as long as the client waits for it.

    Args:
        receive: the request's; its body has been read.
        work: to be done.

    Raises:
        ClientLeft: it doesn't wait any more; the work was cancelled.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_wait_for_departure(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft("the connection was closed before there was an answer")
        return working.result()
    finally:
        for task in (working, leaving):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


class Attentive:
    """An application that ends with its client: what it is at is cancelled as soon as nobody waits for its answer."""

    def __init__(self, inner: ASGIApp) -> None:
        """Go around an application."""
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is run by a task
        ear = _Ear(receive, task)
        if not _has_body(scope):
            await ear.begin()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ear.stop()
            await send(message)

        try:
            await self._inner(scope, ear.receive, answer)
        except asyncio.CancelledError:
            if not ear.has_heard or task.uncancel():  # somebody else cancelled it, too
                raise
        finally:
            ear.stop()


class _Ear:
    """What the client says; after its last word it is listened whether it goes away."""

    def __init__(self, receive: Receive, task: asyncio.Task[object]) -> None:
        """Begin to listen with the body's end.

        Args:
            receive: the request's.
            task: to be cancelled.
        """
        self._receive, self._task = receive, task
        self._first: Message | None = None
        self._listening: asyncio.Task[None] | None = None
        self.has_heard = False
        """That the client went away."""

    async def begin(self) -> None:
        """Listen from the start, where the application needn't ask for a body."""
        self._first = await self._hear()

    async def receive(self) -> Message:
        """What the client says next."""
        if self._first is not None:
            message, self._first = self._first, None
            return message
        if self._listening is None:
            return await self._hear()
        await asyncio.wait([self._listening])
        return {"type": "http.disconnect"}

    def stop(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()

    async def _hear(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._listening = asyncio.create_task(self._listen())
        return message

    async def _listen(self) -> None:
        await _wait_for_departure(self._receive)
        self.has_heard = True
        self._task.cancel()


def _has_body(scope: Scope) -> bool:
    """Whether a body is to come, which the application will read. Source: RFC 9112, section 6."""
    if scope["method"] in _NO_BODY:
        return False
    announced = dict(scope["headers"])
    return b"transfer-encoding" in announced or announced.get(b"content-length", b"0") != b"0"


async def _wait_for_departure(receive: Receive) -> None:
    """Return when the client goes away; its body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
