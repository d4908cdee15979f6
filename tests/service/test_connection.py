"""An answer is one packet; what is held back is never held for long, nor lost."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from service.connection import Clients
from tests.conftest import serving_app

app = FastAPI()
LARGE = bytes(range(256)) * 4000
HUGE = bytes(24 * 2**20)


@app.get("/small")
async def small() -> Response:
    return Response(b"small")


@app.get("/large")
async def large() -> Response:
    return Response(LARGE)


@app.get("/huge")
async def huge() -> Response:
    return Response(HUGE)


@app.get("/slow")
async def slow() -> StreamingResponse:
    async def pieces() -> object:
        yield b"first"
        await asyncio.sleep(0.5)
        yield b"second"

    return StreamingResponse(pieces())  # type: ignore[arg-type]


class HeadFirst:
    """Sends the head of an answer half a second before its body."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"late"})


app.mount("/head-first", HeadFirst())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving_app(app) as at:
        yield at


def ask(address: str, path: str, connection: str = "close") -> Iterator[bytes]:
    """What comes with each receive, until the server closes."""
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode())
        while received := client.recv(1 << 20):
            yield received


def test_head_and_body_come_in_one_packet(address: str) -> None:
    packets = list(ask(address, "/small"))
    assert packets[0].startswith(b"HTTP/1.1 200 OK")
    assert packets[0].endswith(b"\r\n\r\nsmall")
    assert len(packets) == 1


def test_a_large_body_arrives_whole(address: str) -> None:
    received = b"".join(ask(address, "/large"))
    assert received.partition(b"\r\n\r\n")[2] == LARGE


def test_a_head_whose_body_takes_long_is_not_held_back(address: str) -> None:
    start = time.monotonic()
    packets = ask(address, "/head-first/")
    assert next(packets).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - start < 0.45
    assert next(packets) == b"late"


def test_a_stream_comes_piece_by_piece(address: str) -> None:
    packets = ask(address, "/slow")
    assert b"first" in next(packets)
    assert b"second" in b"".join(packets)


def test_several_requests_of_one_connection_are_answered_in_order(address: str) -> None:
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as client:
        one = b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sendall(one * 3 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = b""
        while more := client.recv(65536):
            received += more
    assert received.count(b"HTTP/1.1 200 OK") == 4
    assert received.count(b"small") == 4


def test_answers_that_nobody_takes_do_not_fill_the_memory(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four clients, none of whom reads: those are cut off who owe most, and only as many as have to be."""
    monkeypatch.setattr(Clients, "most_untaken", 2 * len(HUGE))
    parts = urlsplit(address)
    clients = []
    for _ in range(4):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect((str(parts.hostname), parts.port or 0))
        client.sendall(b"GET /huge HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        clients.append(client)
    time.sleep(3)
    taken = []
    for client in clients:
        with client, suppress(ConnectionResetError):
            taken.append(sum(len(part) for part in iter(lambda client=client: client.recv(1 << 20), b"")))  # type: ignore[misc]
    whole = sum(size > len(HUGE) for size in taken)
    assert 1 <= whole <= 3
