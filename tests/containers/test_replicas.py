"""Two services behind the proxy under load: one is killed, a version published, both replaced: nobody notices."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.containers.compose import ROOT, Compose, engine_answers, until

pytestmark = pytest.mark.skipif(not engine_answers(), reason="no Docker engine answers here")

KEY = "a-key-of-these-tests"
PICTURE = next((ROOT / "models" / "ticks").glob("*/samples/*.png")).read_bytes()
LATEST = max(int(folder.name) for folder in (ROOT / "models" / "ticks").glob("[0-9]*"))


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"{KEY}:admin\n")
    files = ("docker-compose.yml", "deploy/replicas/compose.yml")
    running = Compose("convscope-replicas-test", *files, CONVSCOPE_API_KEYS_FILE=str(keys))
    running.headers = {"Authorization": f"Bearer {KEY}"}
    try:
        running("up", "-d", "--build", "--wait")
        yield running
    finally:
        running("down", "-v", "-t", "2", "--remove-orphans")


class Load:
    """Clients that ask over and over through the proxy, and count the answers by status and version."""

    def __init__(self, compose: Compose, clients: int = 6) -> None:
        self.answers: Counter[object] = Counter()
        self._compose, self._over = compose, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with self._compose.client() as client:
            while not self._over.is_set():
                try:
                    answer = client.post(
                        "/v1/models/ticks/predict", content=PICTURE, headers={"Content-Type": "image/png"}
                    )
                    self.answers[answer.status_code, answer.json().get("version")] += 1
                except httpx.HTTPError as error:
                    self.answers[repr(error)] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def names(compose: Compose) -> list[str]:
    return compose("ps", "--format", "{{.Name}}", "service").split()


def test_killed_published_replaced_and_no_request_fails(replicas: Compose) -> None:
    with Load(replicas) as load:
        before = names(replicas)
        assert len(before) == 2
        kill_inside(replicas, before[0])
        until(lambda: inspect(replicas, before[0]) == "healthy 1")  # it came back by itself

        publish(replicas, LATEST + 1)
        until(lambda: all(answering(replicas, name) == LATEST + 1 for name in before))

        replicas.run(str(ROOT / "deploy" / "replicas" / "roll"))
        assert not set(names(replicas)) & set(before)
        time.sleep(1)
    assert set(load.answers) == {(200, LATEST), (200, LATEST + 1)}, load.answers
    assert min(load.answers.values()) > 20


def test_a_promotion_over_one_of_them_holds_for_both(replicas: Compose) -> None:
    with replicas.client() as client:
        response = client.post("/v1/models/ticks/promote", json={"version": LATEST})
        assert response.status_code == 200, response.text
    until(lambda: all(answering(replicas, name) == LATEST for name in names(replicas)))


def kill_inside(compose: Compose, name: str) -> None:
    """SIGKILL to the program itself, as the system does when memory runs out: the engine is to bring it back."""
    compose.run("docker", "exec", name, "bash", "-c", "kill -9 -1")


def inspect(compose: Compose, name: str) -> str:
    return compose.run("docker", "inspect", "-f", "{{.State.Health.Status}} {{.RestartCount}}", name).strip()


def publish(compose: Compose, version: int) -> None:
    """Copy the latest version to a new number: written beside, then renamed, as publishing does."""
    model = Path("/models/ticks")
    compose(
        "exec", "-T", "service", "sh", "-c",
        f"cp -r {model}/{LATEST} {model}/.staging-test && mv {model}/.staging-test {model}/{version}",
    )  # fmt: skip


def answering(compose: Compose, name: str) -> int:
    """The version that one service answers with, asked past the proxy."""
    program = (
        "import json, urllib.request as r\n"
        f"asked = r.Request('http://127.0.0.1:8000/v1/models/ticks', headers={{'X-API-Key': '{KEY}'}})\n"
        "print(json.load(r.urlopen(asked))['version'])"
    )
    return int(compose.run("docker", "exec", name, "python", "-c", program))
