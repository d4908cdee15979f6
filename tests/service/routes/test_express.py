"""Plain requests are answered ahead of the framework, with the same bytes that it would answer."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from safetensors.numpy import load

from service.app import create_app
from service.engine import Provider
from service.settings import Settings
from service.warmup import Inline
from tests.conftest import MODELS, serving_app
from tests.published import white_png

PNG = {"Content-Type": "image/png"}
TENSORS = PNG | {"Accept": "application/vnd.safetensors"}
ROUTE = "_=1"
"""A parameter that nothing knows: FastAPI ignores it, so the request is the same, but no plain one."""


@pytest.mark.parametrize("path", ["/v1/models/digits", "/v1/models/digits/versions/1"])
@pytest.mark.parametrize("query", ["", "top_k=1", "top_k=10", "top_k=999999"])
def test_predictions_are_the_routes(client: httpx.Client, seven: bytes, path: str, query: str) -> None:
    plain = client.post(f"{path}/predict?{query}", content=seven, headers=PNG)
    route = client.post(f"{path}/predict?{query}&{ROUTE}", content=seven, headers=PNG)
    assert plain.status_code == route.status_code == 200
    assert plain.content == route.content
    assert plain.headers["content-type"] == route.headers["content-type"] == "application/json"
    form = client.post(f"{path}/predict?{query}", files={"file": ("seven.png", seven)})
    assert form.content == plain.content


def test_activations_are_the_routes(client: httpx.Client, seven: bytes) -> None:
    path = "/v1/models/digits/versions/1/activations"
    answers = [client.post(f"{path}{query}", content=seven, headers=TENSORS) for query in ("", f"?{ROUTE}")]
    tensors, expected = (load(answer.content) for answer in answers)
    assert tensors.keys() == expected.keys()
    assert all(np.array_equal(tensors[name], expected[name]) for name in tensors)
    assert answers[0].headers["content-type"] == TENSORS["Accept"]
    layers = [row["name"] for row in client.get("/v1/models/digits/versions/1/layers").json()["layers"]]
    assert set(tensors) == set(layers)


@pytest.mark.parametrize(
    ("path", "content", "headers", "code"),
    [
        ("/v1/models/nobody/predict", b"x", PNG, "unknown_model"),
        ("/v1/models/digits/versions/999/predict", b"x", PNG, "unknown_version"),
        ("/v1/models/digits/versions/0/predict", b"x", PNG, "unknown_version"),
        ("/v1/models/digits/versions/zero/predict", b"x", PNG, "unknown_version"),
        ("/v1/models/digits/predict", b"x", PNG, "unsupported_picture_format"),
        ("/v1/models/digits/predict", b"", PNG, "no_picture"),
        ("/v1/models/digits/predict", b"x", {"Content-Type": "text/plain"}, "unsupported_media_type"),
        ("/v1/models/digits/predict?top_k=0", b"x", PNG, "invalid_parameter"),
        ("/v1/models/digits/predict?top_k=many", b"x", PNG, "invalid_parameter"),
        ("/v1/models/digits/activations", b"x", TENSORS, "unsupported_picture_format"),
        ("/v1/models/digits/activations", b"x", PNG | {"Accept": "text/html"}, "not_acceptable"),
        ("/v1/models/digits/nothing/predict", b"x", PNG, "not_found"),
    ],
)
def test_what_is_refused_is_refused_alike(
    client: httpx.Client, path: str, content: bytes, headers: dict[str, str], code: str
) -> None:
    plain = client.post(path, content=content, headers=headers)
    route = client.post(f"{path}{'&' if '?' in path else '?'}{ROUTE}", content=content, headers=headers)
    assert plain.json()["code"] == route.json()["code"] == code
    assert plain.status_code == route.status_code
    assert plain.headers["content-type"] == route.headers["content-type"] == "application/problem+json"
    assert client.get(path).status_code in {404, 405}


@pytest.fixture(scope="module", params=[Inline.ALWAYS, Inline.NEVER])
def placed(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A server whose networks all run in the event loop, or all in threads."""
    app = create_app(Settings(models=MODELS, provider=Provider.CPU, inline=request.param))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        yield client


def test_wherever_a_network_runs_it_answers_the_same(placed: httpx.Client, client: httpx.Client, seven: bytes) -> None:
    for model in ("digits", "fashion", "ticks"):
        path = f"/v1/models/{model}/predict"
        found = placed.post(path, content=seven, headers=PNG).json()["predictions"]
        expected = client.post(path, content=seven, headers=PNG).json()["predictions"]
        assert [row["label"] for row in found] == [row["label"] for row in expected]
        for row, other in zip(found, expected, strict=True):
            assert row["probability"] == pytest.approx(other["probability"], abs=1e-6)


def test_many_at_once_each_get_their_own(placed: httpx.Client, client: httpx.Client) -> None:
    samples = client.get("/v1/models/digits/samples").json()["samples"]
    pictures = [client.get(f"/v1/models/digits/samples/{sample['file']}").content for sample in samples]
    expected = [client.post("/v1/models/digits/predict", content=each, headers=PNG).json() for each in pictures]
    found: dict[int, list[object]] = {}

    def ask(number: int) -> None:
        with httpx.Client(base_url=placed.base_url, timeout=20) as own:
            at = number % len(pictures)
            answers = [own.post("/v1/models/digits/predict", content=pictures[at], headers=PNG) for _ in range(10)]
            found[number] = [answer.json()["predictions"][0]["label"] for answer in answers]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, labels in found.items():
        assert labels == [expected[number % len(pictures)]["predictions"][0]["label"]] * 10
    assert len(found) == 12


def test_where_it_runs_and_what_it_took_is_told(client: httpx.Client) -> None:
    described = client.get("/v1/models/digits/versions/1").json()
    assert described["threads"] >= 1
    assert 0 < described["seconds"] < 1
    assert isinstance(described["inline"], bool)


def hold_engine(app: object, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have the digits wait in their engine until the event is set."""
    batcher = app.state.registry.find("digits").batcher  # type: ignore[attr-defined]
    free, classify = threading.Event(), batcher._classify

    def wait(pixels: object) -> object:
        free.wait(10)
        return classify(pixels)

    monkeypatch.setattr(batcher, "_classify", wait)
    return free


def test_more_than_may_wait_is_refused_at_once_and_taken_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(models=MODELS, provider=Provider.CPU, inline=Inline.NEVER, queue=3))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        free = hold_engine(app, monkeypatch)
        answers: list[httpx.Response] = []
        path = f"{at}/v1/models/digits/predict"
        waiting = [
            threading.Thread(target=lambda: answers.append(httpx.post(path, content=white_png(), headers=PNG)))
            for _ in range(3)
        ]
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + 10
        while app.state.registry.find("digits").batcher._admitted < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        refused = client.post(path, content=white_png(), headers=PNG)
        assert refused.status_code == 429
        assert refused.json()["code"] == "too_busy"
        assert re.fullmatch(r"[1-9]\d*", refused.headers["retry-after"])
        free.set()
        for thread in waiting:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 3
        assert client.post(path, content=white_png(), headers=PNG).status_code == 200


def test_who_leaves_frees_the_place_and_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(models=MODELS, provider=Provider.CPU, inline=Inline.NEVER))
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        batcher = app.state.registry.find("digits").batcher
        free = hold_engine(app, monkeypatch)
        parts, picture = urlsplit(at), white_png()
        fields = f"Host: x\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
        head = f"POST /v1/models/digits/predict HTTP/1.1\r\n{fields}"
        leaving = [socket.create_connection((str(parts.hostname), parts.port or 0)) for _ in range(4)]
        for each in leaving:
            each.sendall(head.encode() + picture)

        def until(admitted: int) -> None:
            deadline = time.monotonic() + 10
            while batcher._admitted != admitted:
                assert time.monotonic() < deadline, batcher._admitted
                time.sleep(0.01)

        until(4)
        for each in leaving:
            each.close()
        until(0)
        free.set()
        assert client.post("/v1/models/digits/predict", content=picture, headers=PNG).status_code == 200
