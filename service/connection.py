"""Turns a client's bytes into requests, as uvicorn does, but packs answers, and waits for no client for ever.

uvicorn writes an answer's head and body one after the other, and uvloop hands every write to the kernel at once, so
each answer cost two system calls and woke the client twice: a third of the time of a small prediction. Here the head
waits for its body.

What a client owes, a request or to take its answer, has a time limit, which the server's sweep enforces once a second:
a request costs no timer. And a connection that is closed while its client still sends is first read to its end:
otherwise the kernel would reset it, and the client lose the answer it was sent.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.errors import ClientTooSlow, ConvscopeError, HeadTooLarge, TooManyConnections
from service.problems import answer_error

_JOINED = 16 * 1024
"""Bytes of a body up to which copying it behind its head takes less time than a second buffer."""

_MOST_OF_A_HEAD = 64 * 1024
"""Bytes of a request's path and headers."""

_LINGER = 2.0
"""Seconds that a client may go on sending after it was answered for the last time."""

_MOST_UNWANTED = 32 * 2**20
"""Bytes that it may go on sending then."""

_FIRST, _NEXT = 1.0, 0.2
"""Seconds that a request may be on its way when the service stops: the first of a new connection, and the next of one
whose client was just answered."""


class Clients(ServerState):
    """All connections of a process."""

    most_untaken = 2**30
    """Bytes of answers that clients may leave untaken, all together."""

    def __init__(self, most: int) -> None:
        """Take that many connections at most."""
        super().__init__()
        self.most = most

    def make_room(self) -> None:
        """Cut off those who owe most, until what is answered and not taken is no more than memory is meant for."""
        owed = sorted(
            ((each.transport.get_write_buffer_size(), each) for each in self.list()), key=lambda pair: -pair[0]
        )
        total = sum(size for size, _ in owed)
        for size, connection in owed:
            if total <= self.most_untaken:
                return
            connection.transport.abort()
            total -= size

    def list(self) -> "list[Connection]":
        """Those that are open now."""
        return cast("list[Connection]", list(self.connections))


class Connection(HttpToolsProtocol):
    """One client's."""

    _began = 0.0
    """When the request that is being received began, or else the connection, in seconds of the loop's clock."""
    _unsent = 0
    """Bytes of answers that the client hadn't taken when that was last looked at."""
    _stalled = 0.0
    """When it last took any."""
    _asked = 0.0
    """When it was asked to leave."""
    _head = 0
    """Bytes, about, of the request's head."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read requests."""
        self._began = self.loop.time()
        holding = _HoldingTransport(cast("asyncio.Transport", transport), self)
        super().connection_made(cast("asyncio.Transport", holding))
        if isinstance(self.server_state, Clients) and len(self.connections) > self.server_state.most:
            self.refuse(TooManyConnections(f"{self.server_state.most:,} connections are open, all that may be"))

    def data_received(self, data: bytes) -> None:
        """Read on; a head that doesn't end is kept whole in memory until it does, so it has to."""
        super().data_received(data)
        if self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope):
            self._head += len(data)
            if self._head > _MOST_OF_A_HEAD and not self.transport.is_closing():
                self.refuse(HeadTooLarge(f"the request's head has more than {_MOST_OF_A_HEAD:,} bytes, the limit"))

    def on_message_begin(self) -> None:
        """Note when."""
        super().on_message_begin()
        self._began, self._head = self.loop.time(), 0

    @property
    def is_new(self) -> bool:
        """Nothing has come yet."""
        return self.scope is None

    @property
    def is_sending(self) -> bool:
        """The client is in the middle of a request."""
        if self.scope is None:
            return False
        return self.cycle is None or self.cycle.scope is not self.scope or self.cycle.more_body

    @property
    def is_idle(self) -> bool:
        """All that came is answered."""
        return (
            self.scope is not None and self.cycle is not None and self.cycle.response_complete and not self.is_sending
        )

    def check(self, now: float, patience: float) -> int:
        """Give the client up if it takes too long; the bytes of answers that it hasn't taken.

        Args:
            now: in seconds of the loop's clock.
            patience: seconds for a request to come, from its first byte to its last, or for a part of an answer to be
                taken.
        """
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._stalled = unsent, now
        elif now - self._stalled > patience:
            self.transport.abort()
            return 0
        if self.flow.read_paused:  # it is the service that takes its time
            self._began = now
        if now - self._began > patience:
            if self.is_new:
                self.transport.close()
            elif self.is_sending and not self.transport.is_closing():
                self.refuse(ClientTooSlow(f"the request had not come whole within {patience:g} s"))
        return unsent

    def ask_to_leave(self, now: float) -> None:
        """Have the answers that aren't begun yet tell the client to close."""
        self._asked = now
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.keep_alive = False

    def finish(self, now: float) -> None:
        """Close, unless the client waits for an answer, or for what it has just sent to arrive."""
        if (self.is_idle and now - self._asked > _NEXT) or (self.is_new and now - self._began > _FIRST):
            self.transport.close()

    def refuse(self, error: ConvscopeError) -> None:
        """Answer with an error, wherever the client is, and close."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            response = answer_error(error)
            headers = dict([*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")])
            head = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()]
            head += [name + b": " + value for name, value in headers.items()]
            self.transport.write(b"\r\n".join([*head, b"", bytes(response.body)]))
        self.transport.close()


class _HoldingTransport:
    """A transport of which the first of two writes waits for the second, at most until the event loop's next turn."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._held = b""
        self._is_closed = False

    def write(self, data: bytes) -> None:
        """Write after what is held, or hold."""
        if not self._held:
            self._held = data
            self._connection.loop.call_soon(self._flush)
            return
        held, self._held = self._held, b""
        if len(data) <= _JOINED:
            self._transport.write(held + data)
        else:
            self._transport.writelines((held, data))

    def get_write_buffer_size(self) -> int:
        """Bytes that the client hasn't taken yet."""
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether it is closed for writing."""
        return self._is_closed or self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and close; who is still sending is heard out."""
        self._flush()
        if self._is_closed:
            return
        self._is_closed = True
        if self._connection.is_sending and not self._transport.is_closing():
            _Lingering(self._transport, self._connection)
        else:
            self._transport.close()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport has
        return getattr(self._transport, name)


class _Lingering(asyncio.Protocol):
    """The end of a connection: the answer is sent, and what still comes is read and thrown away."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._unwanted = 0
        transport.set_protocol(self)
        transport.write_eof()
        transport.resume_reading()
        self._timer = connection.loop.call_later(_LINGER, self._give_up)

    def _give_up(self) -> None:
        if self._transport.get_write_buffer_size():  # the answer itself isn't taken yet; `check` looks after that
            self._timer = self._connection.loop.call_later(_LINGER, self._give_up)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Throw it away; who goes on and on has had his answer."""
        self._unwanted += len(data)
        if self._unwanted > _MOST_UNWANTED:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has closed, too."""
        self._timer.cancel()
        self._connection.connection_lost(exc)
