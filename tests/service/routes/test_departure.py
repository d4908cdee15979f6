"""A client that goes away frees its place, whatever it asked for; nothing is computed for it any more."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.engine import Provider
from service.inspection.attribution.subject import Subject
from service.pool import Pool
from service.settings import Settings
from tests.conftest import MODELS, serving_app

BASE = "/v1/models/digits"
STEPS = "%5B%7B%22kind%22:%22relu%22%7D%5D"
WITH_PICTURE = [
    "/activations", "/trace?layer=conv1&channel=0&y=3&x=3", "/attributions", "/dream?layer=conv1&channel=0",
]  # fmt: skip
ASKED = [
    *(("POST", BASE + path) for path in WITH_PICTURE),
    ("POST", f"{BASE}/attributions?overlay=true&size=own"),
    ("POST", f"/v1/workbench?steps={STEPS}"),
    ("GET", f"{BASE}/layers"),
    ("GET", f"{BASE}/weights/conv1"),
]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings(models=MODELS, provider=Provider.CPU))


@pytest.fixture(scope="module")
def at(app: FastAPI) -> Iterator[str]:
    with serving_app(app) as address:
        yield address


@contextmanager
def asking(at: str, method: str, path: str, body: bytes, kind: str = "image/png") -> Iterator[None]:
    """A request on its way; its client goes away with the block."""
    parts = urlsplit(at)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as connection:
        connection.sendall(f"{head}{length}\r\n".encode() + (body if method == "POST" else b""))
        yield


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(("method", "path"), ASKED, ids=[path.rpartition("/")[2][:30] for _, path in ASKED])
def test_what_waits_is_dropped(app: FastAPI, at: str, seven: bytes, method: str, path: str) -> None:
    pool: Pool = app.state.pipeline.inspection
    hold = threading.Event()
    fillers = [pool._executor.submit(hold.wait, 20) for _ in range(pool.threads)]
    try:
        with asking(at, method, path, seven):
            until(lambda: pool._admitted == 1)
        until(lambda: pool._admitted == 0)
    finally:
        hold.set()
    assert all(filler.result(5) for filler in fillers)
    assert httpx.get(f"{at}{BASE}/layers").status_code == 200


def test_what_is_being_computed_ends(app: FastAPI, at: str, seven: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen pictures, each of them a thousand runs: a minute's work that ends with the run that it is at."""
    runs: list[float] = []
    scores = Subject.scores

    def counted(subject: Subject, pictures: object) -> object:
        runs.append(time.monotonic())
        return scores(subject, pictures)  # type: ignore[arg-type]

    monkeypatch.setattr(Subject, "scores", counted)
    monkeypatch.setattr(Subject, "portions", lambda _, count: (range(at, at + 1) for at in range(count)))
    form = httpx.Request("POST", at, files=[("file", ("7.png", io.BytesIO(seven))) for _ in range(16)])
    pool: Pool = app.state.pipeline.inspection
    path = f"{BASE}/attributions?method=occlusion&window=2&stride=1"
    with asking(at, "POST", path, form.read(), form.headers["content-type"]):
        until(lambda: len(runs) > 10)
        assert pool._admitted == 1
    until(lambda: pool._admitted == 0, seconds=5)
    took = len(runs)
    assert took < 16 * 700
    time.sleep(0.2)
    assert len(runs) == took
