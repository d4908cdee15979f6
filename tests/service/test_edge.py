"""Every answer has an id, however it came about; over real sockets, and every way through the service."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.engine import Provider
from service.settings import Settings
from tests.conftest import serving
from tests.published import white_png
from tests.service.routes.test_metrics_page import read, value
from tests.service.test_registry import PREDICT, put

PNG = {"Content-Type": "image/png"}
NEW = re.compile(r"[0-9a-f]{32}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    models: Path = tmp_path_factory.mktemp("models")
    put(models)
    with (
        serving(Settings(models=models, provider=Provider.CPU)) as at,
        httpx.Client(base_url=at, timeout=20) as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", PREDICT, 200),  # ahead of the framework
        ("POST", f"{PREDICT}?unknown=1", 200),
        ("POST", "/v1/models/nobody/predict", 404),
        ("POST", f"{PREDICT}?top_k=0", 422),
        ("GET", "/v1/models", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/models", 405),
        ("GET", "/v2/health/ready", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
    ],
)
def test_every_answer_has_the_id_that_the_client_gave_or_a_new_one(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    content = white_png() if method == "POST" else None
    for headers in ({}, {"X-Request-ID": "of-my-own/7+"}):
        answer = client.request(method, path, content=content, headers=PNG | headers)
        assert answer.status_code == status
        (found,) = answer.headers.get_list("x-request-id")
        assert found == headers["X-Request-ID"] if headers else NEW.fullmatch(found)
        if status >= 400:
            assert answer.json()["request_id"] == found


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "x" * 128}, "x" * 128),
        ({"X-Request-ID": "x" * 129}, None),
        ({"X-Request-ID": ""}, None),
        ({"X-Request-ID": "two words"}, None),
        ({"X-Request-ID": "gr\u00fcn".encode()}, None),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-more"}, TRACE),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, None),
        ({"traceparent": f"00-{TRACE.upper()}-00f067aa0ba902b7-01"}, None),
        ({"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "mine"),
        ({"X-Request-ID": "not mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ],
)
def test_only_ids_that_can_be_repeated_are_taken_over(
    client: httpx.Client, headers: dict[str, str], expected: str | None
) -> None:
    found = client.get("/v1/models", headers=headers).headers["x-request-id"]
    assert found == expected if expected else NEW.fullmatch(found)


def test_new_ids_are_unlike_each_other(client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.get("/v2/health/live"), range(600)))
    assert len({answer.headers["x-request-id"] for answer in answers}) == 600


def test_what_came_is_counted_as_it_comes_not_as_it_was_announced(client: httpx.Client) -> None:
    def received() -> float:
        return value(read(client), "convscope_received_bytes_total", route="/v1/models/{model}/predict")

    before, large = received(), white_png() + b"\0" * 200_000
    client.post(PREDICT, content=large, headers=PNG)
    client.post(PREDICT, content=iter([large[:1000], large[1000:]]), headers=PNG)  # chunked
    assert received() - before == 2 * len(large)
    parts = urlsplit(str(client.base_url))
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as liar:
        fields = f"Host: x\r\nContent-Type: image/png\r\nContent-Length: {10**12}\r\n\r\nx"
        liar.sendall(f"POST {PREDICT} HTTP/1.1\r\n{fields}".encode())
        assert liar.recv(4096).startswith(b"HTTP/1.1 413")
    assert received() - before < 2 * len(large) + 10
