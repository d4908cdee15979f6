"""Versions come, go, are chosen and refused while the service answers."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from service.batching import Patience
from service.engine import Provider
from service.errors import UnknownVersion
from service.publish import publish
from service.registry import Registry
from service.served import Loader, Runtime
from service.settings import Settings
from service.stock import Room, Stock
from service.warmup import Inline
from service.watch import Watch
from tests.conftest import serving
from tests.published import brightness_graph, evidence, manifest, white_png

KEY = "an-admins-own-key"
PREDICT = "/v1/models/brightness/predict"


def put(models: Path, *, held: bool = False, sample_answer: float = 0.6225) -> Path:
    """Publish the next version of the model."""
    graph, proof = brightness_graph(), evidence("a.png")
    folder = publish(models, manifest(graph), proof, graph, {"samples/a.png": white_png()})
    if held or sample_answer != 0.6225:
        document = json.loads((folder / "evidence.json").read_text())
        document["samples"][0]["probability"] = sample_answer
        if held:
            document["gate"] = {"serving": 1, "accuracy": 0.5, "serving_accuracy": 0.9, "margin": 0.005, "held": True}
        moved = models / ".staging-test"
        folder.rename(moved)
        (moved / "evidence.json").write_text(json.dumps(document))
        moved.rename(folder)
    return folder


def wait(until: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it didn't come"
        time.sleep(0.02)


@contextmanager
def served(models: Path, how: Watch = Watch.AUTO) -> Iterator[httpx.Client]:
    settings = Settings(
        models=models, provider=Provider.CPU, watch=how, watch_seconds=0.5, api_keys=SecretStr(f"{KEY}:admin")
    )
    with (
        serving(settings) as at,
        httpx.Client(base_url=at, headers={"X-API-Key": KEY}) as client,
    ):
        yield client


def answering(client: httpx.Client) -> int:
    response = client.post(PREDICT, content=white_png(), headers={"Content-Type": "image/png"})
    assert response.status_code == 200, response.text
    version: int = response.json()["version"]
    return version


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    put(folder)
    return folder


@pytest.mark.parametrize("how", [Watch.AUTO, Watch.POLL])
def test_a_new_version_answers_while_the_service_runs(models: Path, how: Watch) -> None:
    with served(models, how) as client:
        assert answering(client) == 1
        put(models)
        wait(lambda: answering(client) == 2)
        first = client.post("/v1/models/brightness/versions/1/predict", content=white_png(),
                            headers={"Content-Type": "image/png"})  # fmt: skip
        assert first.json()["version"] == 1
        assert client.get("/v1/models/brightness").json()["versions"] == [1, 2]


def test_a_model_that_is_new_is_served_too(tmp_path: Path) -> None:
    models = tmp_path / "models"
    with served(models) as client:
        assert client.get("/v2/health/ready").status_code == 503
        put(models)
        wait(lambda: client.get("/v2/health/ready").status_code == 200)
        assert answering(client) == 1


def test_a_damaged_version_is_refused_and_the_old_one_goes_on_until_it_is_mended(models: Path) -> None:
    with served(models) as client:
        whole = (models / "brightness" / "1" / "model.onnx").read_bytes()
        making = models / ".making"
        shutil.copytree(models / "brightness" / "1", making)
        (making / "model.onnx").write_bytes(whole + b"damaged")
        making.rename(models / "brightness" / "2")
        wait(lambda: bool(client.get("/v1/models").json()["refused"]))
        (refused,) = client.get("/v1/models").json()["refused"]
        assert (refused["version"], refused["code"]) == ("2", "model_refused")
        assert "changed after it was published" in refused["detail"]
        assert answering(client) == 1
        asked = client.get("/v1/models/brightness/versions/2")
        assert (asked.status_code, asked.json()["code"]) == (404, "unknown_version")
        assert "refused" in asked.json()["detail"]

        (models / "brightness" / "2" / "model.onnx").write_bytes(whole)
        wait(lambda: answering(client) == 2)
        assert client.get("/v1/models").json()["refused"] == []


def test_a_version_that_answers_its_samples_differently_is_refused(models: Path) -> None:
    put(models, sample_answer=0.9)
    with served(models) as client:
        (refused,) = client.get("/v1/models").json()["refused"]
        assert "at 0.9000 when the version was published, and is at 0.6225 now" in refused["detail"]
        assert answering(client) == 1


def test_a_version_in_memory_goes_on_when_its_files_are_damaged_or_gone(models: Path) -> None:
    put(models)
    with served(models) as client:
        (models / "brightness" / "2" / "model.onnx").write_bytes(b"")
        wait(lambda: bool(client.get("/v1/models").json()["refused"]))
        assert answering(client) == 2
        shutil.rmtree(models)
        time.sleep(1)
        assert answering(client) == 2
        gone = client.get("/v1/models/brightness/samples/a.png")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_sample")
        put(models)
        put(models)
        put(models)
        wait(lambda: answering(client) == 3)


def test_a_version_that_is_taken_away_gives_way_to_the_one_before(models: Path) -> None:
    put(models)
    with served(models) as client:
        assert answering(client) == 2
        shutil.rmtree(models / "brightness" / "2")
        wait(lambda: answering(client) == 1)
        assert client.get("/v1/models/brightness").json()["versions"] == [1]


def test_what_was_promoted_answers_in_every_process_and_after_a_restart(models: Path) -> None:
    put(models)
    put(models)
    with served(models) as client, served(models) as other:
        assert answering(client) == 3
        made = client.post("/v1/models/brightness/promote", json={"version": 1})
        assert made.json() == {"model": "brightness", "version": 1, "versions": [1, 2, 3], "pinned": 1, "held": []}
        assert answering(client) == 1
        wait(lambda: answering(other) == 1)
        put(models)
        wait(lambda: client.get("/v1/models/brightness").json()["versions"] == [1, 2, 3, 4])
        assert answering(client) == 1
    with served(models) as client:
        assert answering(client) == 1
        assert client.post("/v1/models/brightness/promote", json={"version": None}).json()["version"] == 4
        assert answering(client) == 4


def test_rolling_back_goes_one_back_past_versions_that_cannot_answer(models: Path) -> None:
    put(models)
    put(models, sample_answer=0.9)
    put(models, held=True)
    put(models)
    with served(models) as client:
        assert answering(client) == 5
        assert client.post("/v1/models/brightness/rollback").json()["version"] == 2
        assert client.post("/v1/models/brightness/rollback").json()["version"] == 1
        last = client.post("/v1/models/brightness/rollback")
        assert (last.status_code, last.json()["code"]) == (409, "no_older_version")
        assert answering(client) == 1


def test_a_held_version_answers_only_when_it_is_promoted(models: Path) -> None:
    put(models, held=True)
    with served(models) as client:
        assert answering(client) == 1
        assert client.get("/v1/models/brightness").json()["held"] == [2]
        assert client.post("/v1/models/brightness/promote", json={"version": 2}).json()["version"] == 2


def test_a_decision_that_cannot_be_kept_is_not_taken(models: Path) -> None:
    put(models)
    (models / "brightness" / "state.json").mkdir()
    with served(models) as client:
        refused = client.post("/v1/models/brightness/promote", json={"version": 1})
        assert (refused.status_code, refused.json()["code"]) == (503, "state_not_kept")
        assert answering(client) == 2
        assert [path.name for path in (models / "brightness").iterdir() if path.name.startswith(".")] == [".lock"]


@pytest.mark.parametrize("body", [{"version": 0}, {"version": "latest"}, {}, {"version": 1, "more": 2}, {"version": 9}])
def test_what_is_no_version_is_not_promoted(models: Path, body: dict[str, object]) -> None:
    with served(models) as client:
        assert client.post("/v1/models/brightness/promote", json=body).status_code in {404, 422}
        assert not (models / "brightness" / "state.json").exists()


def test_a_state_that_cannot_be_read_decides_nothing(models: Path) -> None:
    (models / "brightness" / "state.json").write_text('{"pinned": "x"')
    with served(models) as client:
        assert answering(client) == 1


def runtime() -> Runtime:
    return Runtime(Provider.CPU, 1, 4, Inline.NEVER, Patience(100, 10))


def in_memory(stock: Stock) -> list[int]:
    return [number for number in range(1, 10) if stock.holds("brightness", number)]


def test_old_versions_make_room_and_come_back_when_they_are_asked_for(models: Path) -> None:
    for _ in range(3):
        put(models)

    async def look(loader: ThreadPoolExecutor) -> None:
        stock = Stock(Loader(runtime(), loader), Room(versions=1, bytes=2**20), loader)
        registry = Registry(models, stock, loader)
        await registry.refresh()
        assert in_memory(stock) == [3, 4]
        assert list(registry.models["brightness"].versions) == [1, 2, 3, 4]
        back = await asyncio.gather(*(registry.obtain("brightness", 1) for _ in range(5)))
        assert {id(served) for served in back} == {id(back[0])}
        assert in_memory(stock) == [1, 4]
        (models / "brightness" / "2" / "model.onnx").write_bytes(b"")
        with pytest.raises(UnknownVersion, match="refused"):
            await registry.obtain("brightness", 2)
        assert list(registry.models["brightness"].versions) == [1, 3, 4]

    with ThreadPoolExecutor(1) as loader:
        asyncio.run(look(loader))


def test_a_request_in_flight_is_answered_by_the_version_that_it_began_with(models: Path) -> None:
    async def look(loader: ThreadPoolExecutor, engines: ThreadPoolExecutor) -> None:
        stock = Stock(Loader(runtime(), engines), Room(versions=0, bytes=0), loader)
        registry = Registry(models, stock, loader)
        await registry.refresh()
        began = await registry.obtain("brightness")
        pending = asyncio.ensure_future(began.batcher.classify(np.full((4, 4, 1), 255, np.uint8)))
        put(models)
        await registry.refresh()
        assert not stock.holds("brightness", 1)
        assert (await registry.obtain("brightness")).published.version == 2
        assert (await pending)[1] == pytest.approx(0.6225, abs=1e-4)

    with ThreadPoolExecutor(1) as loader, ThreadPoolExecutor(1) as engines:
        asyncio.run(look(loader, engines))


def test_a_model_that_is_unloaded_comes_back_when_it_is_loaded(models: Path) -> None:
    async def look(loader: ThreadPoolExecutor) -> None:
        registry = Registry(models, Stock(Loader(runtime(), loader), Room(1, 2**20), loader), loader)
        await registry.refresh()
        await registry.unload("brightness")
        assert not registry.models
        await registry.refresh()
        assert not registry.models
        assert (await registry.load("brightness")).versions == (1,)

    with ThreadPoolExecutor(1) as loader:
        asyncio.run(look(loader))
