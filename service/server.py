"""Turns an application into a process that answers on a socket, from its first connection to its orderly end.

It listens before the models are loaded, so that probes are told what is going on. It ends in three steps. First it
drains: it says that it isn't ready and asks every client to close, but answers all the same, while whoever sends
requests here learns to send them elsewhere. Then nobody new is let in, and what is being asked is answered. Then it is
over.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from email.utils import formatdate
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.connection import Clients, Connection
from service.endpoint import BACKLOG, close_listener
from service.errors import Stopping
from service.life import Life, Phase
from service.settings import Settings

log = logging.getLogger("convscope")

INTERRUPTED = 128 + signal.SIGINT
"""What a process exits with that was told to stop at once."""

_SWEEP = 1.0
"""Seconds between two sweeps over the connections."""

_AT_A_TIME = 200
"""Connections that a sweep looks at before requests have their turn again."""

_SOON = 0.02
"""Seconds between two looks at what is left to be answered."""

_QUIET = 0.2
"""Seconds without a request after which a terminal's Ctrl-C isn't kept waiting any more."""

_MARGIN = 2.0
"""Seconds that threads have to end after the answers weren't waited for any more."""


class Server:
    """One process that answers on a socket."""

    def __init__(
        self,
        app: FastAPI,
        life: Life,
        listen: Callable[[], socket.socket],
        settings: Settings,
        most_connections: int = 1 << 20,
    ) -> None:
        """Make it; `run` runs it.

        Args:
            app: what answers.
            life: the application's.
            listen: gives the socket, once connections are to come.
            settings: its time limits.
            most_connections: at a time.
        """
        self._app = app
        self._life = life
        self._open = listen
        self._listener: socket.socket | None = None
        self._acceptor: asyncio.AbstractServer | None = None
        self._settings = settings
        self._config = uvicorn.Config(
            app,
            http=Connection,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            ws="none",
            log_config=None,
            access_log=False,  # the journal's lines say more, and take a tenth of the time
            proxy_headers=False,  # nothing here looks at the client's address
            server_header=False,
            timeout_keep_alive=settings.keep_alive_seconds,  # type: ignore[arg-type]  # a fraction will do
        )
        self._clients = Clients(most_connections)
        self._told = asyncio.Event()
        self._drain_seconds = settings.drain_seconds
        self._is_hurried = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, announce: Callable[[], None], *, early: bool = True, lifeline: socket.socket | None = None) -> None:
        """Answer until told to stop.

        Args:
            announce: called when the models are loaded and requests are answered.
            early: listen before that; not where others can answer what comes until then.
            lifeline: when its other end is closed, nobody is left to tell this process to stop, so it does.
        """
        with self._obeying_signals(), asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
            runner.run(self._run(announce, early, lifeline))

    def stop(self, *, hurried: bool) -> None:
        """Begin to end; may be called from any thread.

        Args:
            hurried: wait for clients only as long as they ask for something.
        """
        self._is_hurried = hurried
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)

    async def _run(self, announce: Callable[[], None], early: bool, lifeline: socket.socket | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._config.load()
        if lifeline is not None:
            self._loop.add_reader(lifeline, self._lose, lifeline)
        sweeping = asyncio.create_task(self._sweep())
        if early:
            await self._listen()
        async with AsyncExitStack() as stack:
            if await self._load(stack):
                if not early:
                    await self._listen()
                announce()
                await self._told.wait()
                await self._drain()
            await self._let_nobody_in()
            await self._finish()
        sweeping.cancel()
        self._loop = None

    async def _listen(self) -> None:
        self._listener = self._open()
        # A copy, because the loop closes what it is given at once, whoever still waits there to be accepted.
        copy = self._listener.dup()
        self._acceptor = await asyncio.get_running_loop().create_server(self._connect, sock=copy, backlog=BACKLOG)

    async def _let_nobody_in(self) -> None:
        """But who is at the door already."""
        if self._acceptor is not None and self._listener is not None:
            self._acceptor.close()
            await close_listener(self._listener, self._connect)

    def _connect(self) -> Connection:
        return Connection(self._config, self._clients, {}, self._loop)

    async def _load(self, stack: AsyncExitStack) -> bool:
        """Start the application; False: the process was told to stop before that was done."""
        loading = asyncio.ensure_future(stack.enter_async_context(self._app.router.lifespan_context(self._app)))
        telling = asyncio.ensure_future(self._told.wait())
        await asyncio.wait((loading, telling), return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            self._life.drain()  # those who wait for the models are told
            loading.cancel()
            await asyncio.wait((loading,))
            return False
        telling.cancel()
        await loading
        return True

    async def _sweep(self) -> None:
        """Renew the headers that every answer has, and look after slow clients."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._renew_headers()
                untaken = 0
                for number, connection in enumerate(self._clients.list(), 1):
                    untaken += connection.check(loop.time(), self._settings.client_seconds)
                    if number % _AT_A_TIME == 0:
                        await asyncio.sleep(0)
                if untaken > self._clients.most_untaken:
                    self._clients.make_room()
            except Exception:
                log.exception("connections could not be looked after")
            await asyncio.sleep(_SWEEP)

    def _renew_headers(self) -> None:
        close = [(b"connection", b"close")] if self._life.phase is Phase.DRAINING else []
        self._clients.default_headers = [(b"date", formatdate(usegmt=True).encode()), *close]

    async def _drain(self) -> None:
        """Answer, but ask everybody to go, for as long as it takes until nobody is sent here any more."""
        loop = asyncio.get_running_loop()
        self._life.drain()
        self._renew_headers()
        began = busy = loop.time()
        for connection in self._clients.list():
            connection.ask_to_leave(began)
        answered = self._clients.total_requests
        while (now := loop.time()) < began + self._drain_seconds:
            if self._clients.tasks or answered != self._clients.total_requests:
                busy, answered = now, self._clients.total_requests
            if self._is_hurried and now > busy + _QUIET:
                break
            await asyncio.sleep(_SOON)

    async def _finish(self) -> None:
        """Answer what is being asked, and close one connection after the other."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.shutdown_seconds
        self._bound_the_end()
        while self._clients.connections and (now := loop.time()) < until:
            for connection in self._clients.list():
                connection.finish(now)
            await asyncio.sleep(_SOON)
        if left := self._clients.list():
            log.warning(
                "%d connections were cut off, %g s after nobody new was let in",
                len(left),
                self._settings.shutdown_seconds,
            )
            logging.getLogger("uvicorn.error").disabled = True  # it would tell of each that it ended too early
            for connection in left:
                connection.refuse(Stopping("the service stops, and this took too long; ask again elsewhere"))
            await asyncio.sleep(_SOON)

    def _bound_the_end(self) -> None:
        """A thread can't be interrupted: what it computes for nobody must not keep the process from ending."""
        if threading.current_thread() is threading.main_thread():
            timer = threading.Timer(self._settings.shutdown_seconds + _MARGIN, os._exit, (0,))
            timer.daemon = True
            timer.start()

    def _lose(self, lifeline: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        self._drain_seconds = 0  # so that the address is free for who comes after
        self._told.set()

    @contextmanager
    def _obeying_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._obey) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _obey(self, number: int, _: FrameType | None) -> None:
        if self._told.is_set() and number == signal.SIGINT:
            os._exit(INTERRUPTED)
        self.stop(hurried=number == signal.SIGINT)
