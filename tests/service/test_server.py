"""A process answers from its first connection to its orderly end, and no client can hold it up."""

import asyncio
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import Request, Response

from service.admission import Limits
from service.app import Application, create_app
from service.edge import Edge
from service.endpoint import listen
from service.engine import Provider
from service.journal import record_failure
from service.keys import Keys
from service.metrics import Metrics
from service.routes import health
from service.server import Server
from service.settings import Settings
from tests.conftest import MODELS, serving_app

PREDICT = "/v1/models/digits/predict"
PNG = {"Content-Type": "image/png"}
LARGE = 20_000_000


class Slow(Application):
    """Loads, and answers `/slow`, when it is told to."""

    def __init__(self, *, is_loaded: bool = True) -> None:
        @asynccontextmanager
        async def load(app: Application) -> AsyncIterator[None]:
            await self.may_load.wait()
            app.life.begin()
            yield

        super().__init__(
            Keys(), Limits(100, 60), 20, lambda inner: Edge(inner, Metrics(), record_failure), lifespan=load
        )
        self.may_load = asyncio.Event()
        if is_loaded:
            self.may_load.set()
        self.is_asked = threading.Event()
        self.may_answer = asyncio.Event()
        self.include_router(health.router)
        self.add_api_route("/slow", self.slow)
        self.add_api_route("/v1/models", self.models)
        self.add_api_route("/large", self.large)
        self.add_api_route("/body", self.body, methods=["POST"])

    async def slow(self) -> str:
        self.is_asked.set()
        await self.may_answer.wait()
        return "slow"

    async def models(self) -> str:
        return "models"

    async def large(self) -> Response:
        return Response(bytes(LARGE))

    async def body(self, request: Request) -> int:
        return len(await request.body())


class Running:
    """A server in a thread."""

    def __init__(self, app: Application, **settings: float) -> None:
        self.listener = listen("127.0.0.1", 0)
        self.port: int = self.listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.loaded = threading.Event()
        self.app = app
        most = int(settings.pop("most", 1000))
        self.server = Server(app, app.life, lambda: self.listener, Settings(**settings), most)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.server.run, args=(self.loaded.set,))
        self.thread.start()

    def call(self, action: Callable[[], object]) -> None:
        assert self.server._loop is not None
        self.server._loop.call_soon_threadsafe(action)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@contextmanager
def running(app: Application, **settings: float) -> Iterator[Running]:
    server = Running(app, **settings)
    try:
        yield server
    finally:
        server.server.stop(hurried=True)
        server.thread.join(20)
        assert not server.thread.is_alive()


def receive(client: socket.socket) -> bytes:
    received = b""
    while more := client.recv(65536):
        received += more
    return received


def ask(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def test_while_it_loads_it_lives_but_is_not_ready_and_requests_wait() -> None:
    with running(app := Slow(is_loaded=False)) as server, server.connect() as waiting:
        waiting.sendall(ask("/v1/models", "Connection: close"))
        assert httpx.get(f"{server.address}/v2/health/live").json() == {"live": True}
        ready = httpx.get(f"{server.address}/v2/health/ready")
        assert (ready.status_code, ready.json()["phase"]) == (503, "loading")
        server.call(app.may_load.set)
        assert b"models" in receive(waiting)


def test_told_to_stop_while_it_loads_it_stops_and_tells_who_waits() -> None:
    with running(Slow(is_loaded=False)) as server, server.connect() as client:
        client.sendall(ask("/v1/models"))
        assert httpx.get(f"{server.address}/v2/health/live").json() == {"live": True}
        server.server.stop(hurried=False)
        answer = receive(client)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"code":"stopping"' in answer


def test_draining_it_answers_but_says_that_it_goes(seven: bytes) -> None:
    app = create_app(Settings(models=MODELS, provider=Provider.CPU))
    with (
        running(app, drain_seconds=1) as server,
        httpx.Client(base_url=server.address) as client,
        server.connect() as idle,
    ):
        assert server.loaded.wait(20)
        assert "connection" not in client.post(PREDICT, content=seven, headers=PNG).headers
        server.server.stop(hurried=False)
        time.sleep(0.1)
        ready = client.get("/v2/health/ready")
        assert (ready.status_code, ready.json()["phase"], ready.headers["connection"]) == (503, "draining", "close")
        for path in (PREDICT, f"{PREDICT}?_=1", "/v1/models/none/predict"):
            answer = client.post(path, content=seven, headers=PNG)
            assert answer.headers["connection"] == "close"
            assert answer.status_code == (404 if "none" in path else 200)
        assert client.get("/v2/health/live").status_code == 200
        idle.sendall(ask("/v2/health/live"))
        assert b"\r\nconnection: close\r\n" in receive(idle)
        server.thread.join(10)
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_hurried_it_waits_for_nobody_who_asks_for_nothing() -> None:
    with running(Slow(), drain_seconds=60) as server, server.connect() as idle:
        assert server.loaded.wait(10)
        idle.sendall(ask("/v1/models"))
        assert b"models" in idle.recv(1000)
        began = time.monotonic()
        server.server.stop(hurried=True)
        assert receive(idle) == b""
        server.thread.join(10)
        assert time.monotonic() - began < 5


def test_what_is_being_asked_is_answered_before_it_ends() -> None:
    with running(Slow(), drain_seconds=0) as server, server.connect() as asked, server.connect() as arriving:
        assert server.loaded.wait(10)
        asked.sendall(ask("/slow"))
        assert server.app.is_asked.wait(10)  # type: ignore[attr-defined]
        server.server.stop(hurried=False)
        time.sleep(0.3)
        arriving.sendall(ask("/v1/models"))  # a new connection, whose request was on its way
        assert b"models" in receive(arriving)
        server.call(server.app.may_answer.set)  # type: ignore[attr-defined]
        answer = receive(asked)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer


def test_what_takes_too_long_is_refused_before_it_ends() -> None:
    with running(Slow(), drain_seconds=0, shutdown_seconds=0.5) as server, server.connect() as asked:
        assert server.loaded.wait(10)
        asked.sendall(ask("/slow"))
        assert server.app.is_asked.wait(10)  # type: ignore[attr-defined]
        server.server.stop(hurried=False)
        assert b'"code":"stopping"' in receive(asked)


def test_who_sends_byte_by_byte_is_not_waited_for() -> None:
    """In its head, in its body, or in nothing at all."""
    body = ask("/body", "Content-Length: 1000", method="POST")
    with (
        running(Slow(), client_seconds=0.5) as server,
        server.connect() as in_head,
        server.connect() as in_body,
        server.connect() as silent,
    ):
        assert server.loaded.wait(10)
        in_head.sendall(ask("/body")[:-2] + b"X: ")
        in_body.sendall(body)
        left, answers = {in_head, in_body, silent}, {}
        for _ in range(100):
            for client in left - {silent}:
                client.sendall(b"x")
            for client in select.select(left, [], [], 0.1)[0]:
                answers[client] = receive(client)
                left.remove(client)
            if not left:
                break
        assert not left, "they were waited for"
        assert answers[in_head].startswith(b"HTTP/1.1 408")
        assert answers[in_body].startswith(b"HTTP/1.1 408")
        assert answers[silent] == b""
        assert httpx.get(f"{server.address}/v1/models").status_code == 200


def test_who_does_not_take_its_answer_is_not_waited_for() -> None:
    with running(Slow(), client_seconds=0.5) as server, server.connect() as client:
        assert server.loaded.wait(10)
        client.sendall(ask("/large"))
        deadline = time.monotonic() + 10
        while not server.server._clients.connections:
            time.sleep(0.05)
        while server.server._clients.connections:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with suppress(ConnectionResetError):
            assert len(receive(client)) < LARGE


def test_a_connection_without_requests_is_closed_in_the_end() -> None:
    with running(Slow(), keep_alive_seconds=0.5, client_seconds=60) as server, server.connect() as client:
        assert server.loaded.wait(10)
        client.sendall(ask("/v1/models"))
        assert b"models" in receive(client)


def test_an_answer_is_not_lost_when_its_request_is_not_wanted_to_the_end(seven: bytes) -> None:
    settings = Settings(models=MODELS, provider=Provider.CPU, max_bytes=1000, drain_seconds=0)
    with serving_app(create_app(settings), settings) as at:
        client = socket.create_connection((str(urlsplit(at).hostname), urlsplit(at).port or 0), timeout=10)
        with client:
            client.sendall(ask(PREDICT, "Content-Type: image/png", "Content-Length: 8000000", method="POST"))
            for _ in range(80):
                client.sendall(seven[:1] * 100_000)  # neither this nor the next fails
            answer = receive(client)
            assert answer.startswith(b"HTTP/1.1 413")
            assert b'"code":"body_too_large"' in answer


def test_more_connections_than_there_may_be_are_refused_until_others_go() -> None:
    with running(Slow(), most=3) as server:
        assert server.loaded.wait(10)
        others = [server.connect() for _ in range(3)]
        with server.connect() as fourth:
            answer = receive(fourth)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 1" in answer.lower()
        for other in others:
            other.close()
        time.sleep(0.2)
        assert httpx.get(f"{server.address}/v1/models").status_code == 200
