"""Not too many requests at a time, and none for too long; what tells how the service is always gets an answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from service.app import create_app
from service.engine import Provider
from service.settings import Settings
from service.warmup import Inline
from tests.conftest import MODELS, serving_app
from tests.published import white_png
from tests.service.routes.test_api import problem
from tests.service.routes.test_departure import until
from tests.service.routes.test_express import hold_engine

PNG = {"Content-Type": "image/png"}
PREDICT = "/v1/models/digits/predict"
LONG = "/v1/models/digits/dream?layer=conv1&channel=0&steps=2048"


def settings(**changes: object) -> Settings:
    return Settings.model_validate({"models": MODELS, "provider": Provider.CPU, **changes})


@contextmanager
def unfinished(at: str, path: str) -> Iterator[socket.socket]:
    """A request whose body doesn't come."""
    parts = urlsplit(at)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 999\r\n\r\nhalf".encode()
        )
        yield connection


def test_over_the_limit_of_all_requests_the_next_is_refused_at_once() -> None:
    app = create_app(settings(max_in_flight=3))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client, ExitStack() as held:
        stays = app._guard._limited._since  # type: ignore[attr-defined]
        for path in (PREDICT, PREDICT, "/v1/workbench"):
            held.enter_context(unfinished(at, path))
        until(lambda: len(stays) == 3)
        for method, path in (("POST", PREDICT), ("GET", "/v1/models"), ("GET", "/")):
            start = time.perf_counter()
            refused = client.request(method, path, content=white_png() if method == "POST" else None, headers=PNG)
            assert time.perf_counter() - start < 1  # milliseconds, really; but not on every machine
            assert "3 requests are being answered" in problem(refused, 429, "too_busy")
            assert refused.headers["retry-after"] == "1"
        assert client.get("/v2/health/ready").json()["ready"]
        assert client.post("/v1/models/digits/rollback").status_code == 403, "whoever may mend it gets in"
        held.close()
        until(lambda: not stays)
        assert client.post(PREDICT, content=white_png(), headers=PNG).status_code == 200


def test_whose_time_is_up_is_told_so_and_its_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(settings(request_seconds=0.4, inline=Inline.NEVER))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        pool, batcher = app.state.pipeline.inspection, app.state.registry.find("digits").batcher
        said = problem(client.post(LONG), 503, "too_late")
        assert "no answer within 0.4 s (CONVSCOPE_REQUEST_SECONDS)" in said
        until(lambda: pool._admitted == 0)
        free = hold_engine(app, monkeypatch)
        try:
            problem(client.post(PREDICT, content=white_png(), headers=PNG), 503, "too_late")
            until(lambda: batcher._admitted == 0)
        finally:
            free.set()
        assert client.post(PREDICT, content=white_png(), headers=PNG).status_code == 200


def test_an_answer_that_does_not_end_in_time_is_cut_off() -> None:
    app = create_app(settings(request_seconds=0.4))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        start = time.monotonic()
        with client.stream("POST", LONG, headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                answer.read()
        assert time.monotonic() - start < 10
        until(lambda: app.state.pipeline.inspection._admitted == 0)


def test_who_is_refused_while_others_work_is_told_within_a_moment() -> None:
    """Not only when nothing goes on, but while the queue for looking inside is full."""
    app = create_app(settings(inspection_queue=2))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=30) as client:
        pool = app.state.pipeline.inspection
        stop = threading.Event()

        def keep_busy() -> None:
            with httpx.Client(base_url=at, timeout=30) as own:
                while not stop.is_set():
                    own.post("/v1/models/digits/activations", content=white_png(64, 64), headers=PNG)

        threads = [threading.Thread(target=keep_busy) for _ in range(pool.threads + 4)]
        for thread in threads:
            thread.start()
        try:
            waits = []
            for _ in range(60):
                start = time.perf_counter()
                answer = client.post("/v1/models/digits/activations", content=white_png(), headers=PNG)
                if answer.status_code == 429:
                    waits.append(time.perf_counter() - start)
                assert answer.status_code in {200, 429}
                assert pool._admitted <= pool.threads + 2
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert waits
        assert sorted(waits)[len(waits) // 2] < 0.5
