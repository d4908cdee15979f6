"""Looking inside is bounded: in memory, and in how many may wait."""

import threading
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.engine import Provider
from service.pipeline import Pipeline
from service.settings import Settings
from tests.conftest import MODELS, serving, serving_app
from tests.published import white_png

PNG = {"Content-Type": "image/png"}


def settings(models: Path = MODELS, **changes: int) -> Settings:
    return Settings.model_validate({"models": models, "provider": Provider.CPU, **changes})


def test_activations_over_the_budget_are_refused_and_one_layer_is_not() -> None:
    with serving(settings(max_inspection_bytes=20_000)) as address, httpx.Client(base_url=address) as client:
        refused = client.post("/v1/models/digits/activations", content=white_png(), headers=PNG)
        assert refused.status_code == 413
        assert refused.json()["code"] == "too_much_to_show"
        assert "ask for fewer layers" in refused.json()["detail"]
        path = "/v1/models/digits/activations?layers=softmax"
        assert client.post(path, content=white_png(), headers=PNG).status_code == 200


def test_over_the_queue_looking_inside_is_refused_while_predictions_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        hold.wait(20)

    app = create_app(settings(inspection_queue=0))
    with serving_app(app) as address, httpx.Client(base_url=address, timeout=20) as client:
        pipeline: Pipeline = app.state.pipeline
        places = pipeline.inspection.threads
        fillers = [threading.Thread(target=client.get, args=("/v1/models/digits/layers",)) for _ in range(places)]
        version = app.state.registry.find("digits")
        monkeypatch.setattr(version, "inspector", wait)
        for filler in fillers:
            filler.start()
        try:
            assert begun.wait(10)
            refused = client.post("/v1/models/digits/activations", content=white_png(), headers=PNG)
            assert refused.status_code == 429
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["code"] == "too_busy"
            answered = client.post("/v1/models/digits/predict", content=white_png(), headers=PNG)
            assert answered.status_code == 200
        finally:
            hold.set()
            for filler in fillers:
                filler.join()
