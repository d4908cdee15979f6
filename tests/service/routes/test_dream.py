"""What a channel looks for, over a real socket."""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import numpy as np
import pytest
from PIL import Image

from service.errand import CalledOff
from service.inspection import dream as dreaming
from service.routes import dream as route
from service.routes.dream import DreamPicture

PATH = "/v1/models/digits/dream"
SHORT: dict[str, str | int] = {"layer": "conv1", "channel": 2, "steps": 12}
EVENTS = {"Accept": "text/event-stream"}


def events(response: httpx.Response) -> Iterator[tuple[str, dict[str, object]]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def decode(uri: str) -> Image.Image:
    prefix = "data:image/png;base64,"
    assert uri.startswith(prefix)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(prefix))))


def test_a_dream_is_a_picture_of_the_networks_size(client: httpx.Client) -> None:
    answer = DreamPicture.model_validate(client.post(PATH, params=SHORT).json())
    assert (answer.model, answer.layer, answer.channel, answer.steps) == ("digits", "conv1", 2, 12)
    assert answer.activation > answer.start
    assert decode(answer.picture).size == (28, 28)


def test_the_same_seed_gives_the_same_bytes(client: httpx.Client) -> None:
    def fetch(seed: int) -> bytes:
        response = client.post(PATH, params={**SHORT, "seed": seed}, headers={"Accept": "image/png"})
        assert response.headers["content-type"] == "image/png"
        return response.content

    assert fetch(4) == fetch(4)
    assert fetch(4) != fetch(5)
    document = DreamPicture.model_validate(client.post(PATH, params={**SHORT, "seed": 4}).json())
    assert np.array_equal(np.asarray(decode(document.picture)), np.asarray(Image.open(io.BytesIO(fetch(4)))))


def test_progress_comes_as_events_and_the_result_last(client: httpx.Client) -> None:
    with client.stream("POST", PATH, params={**SHORT, "steps": 36}, headers=EVENTS) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        told = list(events(response))
    *steps, (last, result) = told
    assert [name for name, _ in steps] == ["step"] * 36
    assert [data["step"] for _, data in steps] == list(range(1, 37))
    assert all(data["steps"] == 36 for _, data in steps)
    pictures = [str(data["picture"]) for _, data in steps if "picture" in data]
    assert len(pictures) == 12
    assert decode(pictures[0]).size == (28, 28)
    assert last == "result"
    answer = DreamPicture.model_validate(result)
    assert answer.picture == pictures[-1]
    assert answer.activation > answer.start


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
@pytest.mark.parametrize(
    ("query", "problem", "said"),
    [
        ({"layer": "nowhere", "channel": 0}, (404, "unknown_layer"), "conv1"),
        ({"layer": "logits", "channel": 10}, (404, "unknown_channel"), "0 to 9"),
        ({"layer": "conv1", "channel": 0, "steps": 0}, (422, "invalid_parameter"), "steps"),
        ({"layer": "conv1"}, (422, "invalid_parameter"), "channel"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_answered(
    client: httpx.Client, query: dict[str, str | int], problem: tuple[int, str], said: str, headers: dict[str, str]
) -> None:
    response = client.post(PATH, params=query, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == problem
    assert said in response.json()["detail"]


def go_away(address: str, headers: dict[str, str]) -> None:
    """Ask for a long dream, and leave: after three events, or after half a second where there are none."""
    with (
        httpx.Client(base_url=address, timeout=0.5) as client,
        suppress(httpx.ReadTimeout),
        client.stream("POST", PATH, params={**SHORT, "steps": 2000}, headers=headers) as response,
    ):
        told = events(response)
        assert [next(told)[1]["step"] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("headers", [{"Accept": "image/png"}, EVENTS], ids=["png", "events"])
def test_the_work_ends_when_the_client_goes_away(
    client: httpx.Client, address: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen at the work itself: how many steps it took, and that it was left before its end."""
    took: list[int] = []
    left, begun = threading.Event(), threading.Event()
    dream = dreaming.dream

    def watched(*args: object, **options: object) -> object:
        tell = options.pop("watch")

        def watch(moment: dreaming.Moment) -> None:
            took.append(moment.step)
            begun.set()
            time.sleep(0.02)  # as long as a step of a larger network
            assert callable(tell)
            tell(moment)

        try:
            return dream(*args, **options, watch=watch)  # type: ignore[arg-type]
        except CalledOff:
            left.set()
            raise

    monkeypatch.setattr(route, "dream", watched)
    go_away(address, headers)
    assert begun.is_set()
    at = len(took)
    assert left.wait(3)
    assert len(took) - at < 10
    assert took[-1] < 500
    assert client.post(PATH, params=SHORT).status_code == 200  # its place is free again


def test_a_dream_does_not_hold_up_anything_else(client: httpx.Client, address: str) -> None:
    def long() -> None:
        with httpx.Client(base_url=address, timeout=30) as other:
            other.post(PATH, params={**SHORT, "layer": "logits", "steps": 200})

    thread = threading.Thread(target=long)
    thread.start()
    waits = []
    while thread.is_alive():
        start = time.perf_counter()
        assert client.get("/v2/health/live").status_code == 200
        waits.append(time.perf_counter() - start)
        time.sleep(0.01)
    thread.join()
    assert len(waits) >= 3
    assert float(np.median(waits)) < 0.1
