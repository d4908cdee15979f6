"""Corrections over the API: taken where a folder is named, refused in words everywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from service.engine import Provider
from service.publish import publish
from service.schemas import KeptPicture, KeptPictures
from service.settings import Settings
from tests.conftest import serving
from tests.published import brightness_graph, evidence, manifest, white_png
from tests.service.routes.test_api import PNG, problem

PATH = "/v1/models/brightness/feedback"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    onnx = brightness_graph()
    publish(tmp_path / "models", manifest(onnx), evidence(), onnx, {})
    return tmp_path / "models"


@contextmanager
def taking(models: Path, feedback: Path, count: int = 100) -> Iterator[httpx.Client]:
    settings = Settings(models=models, provider=Provider.CPU, feedback=feedback, feedback_count=count)
    with serving(settings) as at, httpx.Client(base_url=at, timeout=20) as client:
        yield client


def give(client: httpx.Client, label: str, body: bytes = b"", path: str = PATH) -> httpx.Response:
    return client.post(path, params={"label": label}, content=body or white_png(), headers=PNG)


def test_a_correction_is_kept_with_what_was_answered(models: Path, tmp_path: Path) -> None:
    with taking(models, tmp_path / "feedback") as client:
        assert client.get("/v1/models/brightness").json()["feedback"] is True
        kept = KeptPicture.model_validate(give(client, "dark").json())
        assert (kept.version, kept.label, kept.predicted, kept.outcome) == (1, "dark", "bright", "kept")
        assert kept.probability == pytest.approx(0.62, abs=0.01)
        again = client.post(PATH, files={"file": white_png()}, data={"label": "dark"})
        assert again.json()["outcome"] == "known"
        assert give(client, "bright", path="/v1/models/brightness/versions/1/feedback").json()["outcome"] == "moved"
        counted = KeptPictures.model_validate(client.get(PATH).json())
        assert (counted.pictures, counted.labels) == (1, {"dark": 0, "bright": 1})
    assert [path.parent.name for path in (tmp_path / "feedback").rglob("*.png")] == ["bright"]


def test_what_cant_be_kept_is_said_in_words(models: Path, tmp_path: Path) -> None:
    with taking(models, tmp_path / "feedback", count=1) as client:
        assert "dark, bright" in problem(give(client, "grey"), 422, "unknown_label")
        assert "?label=" in problem(client.post(PATH, content=white_png(), headers=PNG), 422, "unknown_label")
        problem(client.post(PATH, files={"file": white_png()}, data={"label": "../x"}), 422, "unknown_label")
        problem(give(client, "dark", b"no picture"), 415, "unsupported_picture_format")
        problem(give(client, "dark", path="/v1/models/other/feedback"), 404, "unknown_model")
        foreign = client.post(
            f"{PATH}?label=dark", files={"file": white_png()}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        problem(foreign, 403, "cross_site")
        assert not (tmp_path / "feedback" / "brightness").exists()
        give(client, "dark")
        problem(give(client, "dark", white_png(5)), 507, "feedback_full")
        assert client.post("/v1/models/brightness/predict", content=white_png(), headers=PNG).status_code == 200


def test_a_folder_that_cant_be_written_leaves_the_service_alone(models: Path, tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file")
    with taking(models, tmp_path / "feedback") as client:
        problem(give(client, "dark"), 507, "feedback_not_kept")
        assert client.post("/v1/models/brightness/predict", content=white_png(), headers=PNG).status_code == 200


def test_it_is_off_unless_a_folder_is_named(
    models: Path, serve_folder: Callable[[Path], httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve_folder(models)
    assert client.get("/v1/models/brightness").json()["feedback"] is False
    assert "CONVSCOPE_FEEDBACK" in problem(give(client, "dark"), 404, "feedback_off")
    problem(client.get(PATH), 404, "feedback_off")
    monkeypatch.setenv("CONVSCOPE_FEEDBACK", "")
    assert Settings().feedback is None
