"""The API over a real socket, with the published models."""

import asyncio
import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from safetensors.numpy import load

from service.contract import EVIDENCE_FILE, MANIFEST_FILE
from service.publish import publish
from service.published import PublishedVersion
from service.routes.page import add_page
from service.schemas import Activations, Layers, ModelDescription, Models, Pixels, Predictions, Samples
from tests.conftest import MODEL_NAMES, serving_app
from tests.published import brightness_graph, evidence, manifest, white_png, with_node

PNG = {"Content-Type": "image/png"}


def problem(response: httpx.Response, status: int, code: str) -> str:
    """Check a refusal; gives its detail."""
    assert response.status_code == status, response.text
    if response.request.url.path.startswith("/v2"):  # the Open Inference Protocol's own form
        assert response.headers["content-type"] == "application/json"
        assert response.json().keys() == {"error", "code"}
        assert response.json()["code"] == code
        return str(response.json()["error"])
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["title"]
    return str(document["detail"])


def test_a_picture_as_body_and_as_form_get_the_same_answer(client: httpx.Client, seven: bytes) -> None:
    raw = client.post("/v1/models/digits/predict", content=seven, headers=PNG)
    form = client.post("/v1/models/digits/predict", files={"file": seven})
    assert raw.status_code == 200
    assert raw.json() == form.json()
    answer = Predictions.model_validate(raw.json())
    assert answer.model == "digits"
    assert len(answer.predictions) == 5
    assert answer.predictions[0].label == "7"
    assert answer.predictions[0].index == 7
    assert answer.predictions[0].probability > 0.9
    probabilities = [item.probability for item in answer.predictions]
    assert probabilities == sorted(probabilities, reverse=True)


def test_top_k_says_how_many(client: httpx.Client, seven: bytes) -> None:
    def answer(top_k: int) -> list[object]:
        response = client.post(f"/v1/models/digits/predict?top_k={top_k}", content=seven, headers=PNG)
        return list(response.json()["predictions"])

    assert len(answer(1)) == 1
    assert len(answer(10)) == len(answer(99)) == 10
    detail = problem(
        client.post("/v1/models/digits/predict?top_k=0", content=seven, headers=PNG), 422, "invalid_parameter"
    )
    assert "top_k" in detail


def test_every_sample_is_answered_as_recorded(client: httpx.Client) -> None:
    models = Models.model_validate(client.get("/v1/models").json())
    assert [model.name for model in models.models] == MODEL_NAMES
    assert models.refused == []
    for model in models.models:
        samples = Samples.model_validate(client.get(f"/v1/models/{model.name}/samples").json())
        assert 8 <= len(samples.samples) == model.samples
        folder = Path("models") / model.name / str(model.version)
        recorded = {item["file"]: item for item in json.loads((folder / EVIDENCE_FILE).read_text())["samples"]}
        for sample in samples.samples:
            picture = client.get(f"/v1/models/{model.name}/samples/{sample.file}")
            assert picture.headers["content-type"] == "image/png"
            answer = client.post(f"/v1/models/{model.name}/predict", content=picture.content, headers=PNG).json()
            best = answer["predictions"][0]
            assert best["label"] == recorded[sample.file]["predicted"]
            assert best["probability"] == pytest.approx(recorded[sample.file]["probability"], abs=1e-4)


def test_a_model_tells_what_its_manifest_says(client: httpx.Client, digits: PublishedVersion) -> None:
    model = ModelDescription.model_validate(client.get("/v1/models/digits").json())
    assert model.version == digits.version
    assert digits.version in model.versions
    assert tuple(model.labels) == digits.manifest.labels
    assert model.provider == "cpu"
    assert model.parameters == digits.manifest.onnx.parameters == 275_178


def test_every_path_exists_per_version_too(client: httpx.Client, seven: bytes, digits: PublishedVersion) -> None:
    latest, pinned = "/v1/models/digits", f"/v1/models/digits/versions/{digits.version}"
    for path in ("", "/layers", "/samples"):
        assert client.get(latest + path).json() == client.get(pinned + path).json()
    for path in ("/predict", "/input", "/activations?values=false"):
        answers = [client.post(prefix + path, content=seven, headers=PNG) for prefix in (latest, pinned)]
        assert answers[0].status_code == 200
        assert answers[0].json() == answers[1].json()


def test_the_layer_table_is_lenets(client: httpx.Client) -> None:
    answer = client.get("/v1/models/digits/versions/1/layers").json()
    table, rows = Layers.model_validate({**answer, "layers": []}), answer["layers"]
    assert table.totals.parameters == 61_706
    assert table.totals.macs == 416_520
    shapes = {row["name"]: row["output_shape"] for row in rows}
    assert [row["kind"] for row in rows[:5]] == ["preprocessing", "conv", "relu", "max_pool", "conv"]
    assert shapes["conv1"] == [6, 28, 28]
    assert shapes["pool2"] == [16, 5, 5]
    assert rows[-1]["kind"] == "softmax"


def test_the_exact_pixels_that_the_network_saw(client: httpx.Client, seven: bytes) -> None:
    original = np.asarray(Image.open(io.BytesIO(seven)))

    def fetch(accept: str) -> httpx.Response:
        return client.post("/v1/models/digits/input", content=seven, headers={**PNG, "Accept": accept})

    document = Pixels.model_validate(fetch("application/json").json())
    assert document.shape == [28, 28, 1]
    assert np.array_equal(np.asarray(document.values, np.uint8)[..., 0], original)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(fetch("image/png").content))), original)
    assert np.array_equal(load(fetch("application/vnd.safetensors").content)["pixels"][..., 0], original)
    assert np.array_equal(np.load(io.BytesIO(fetch("application/x-npz").content))["pixels"][..., 0], original)


def test_activations_are_the_same_in_every_format(client: httpx.Client, seven: bytes) -> None:
    def fetch(accept: str) -> httpx.Response:
        response = client.post("/v1/models/digits/activations", content=seven, headers={**PNG, "Accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == accept
        return response

    document = Activations.model_validate(fetch("application/json").json())
    tensors = load(fetch("application/vnd.safetensors").content)
    archive = np.load(io.BytesIO(fetch("application/x-npz").content), allow_pickle=False)
    assert [layer.name for layer in document.layers] == archive.files
    assert {layer.name for layer in document.layers} == set(tensors)
    for layer in document.layers:
        values = np.asarray(layer.values, np.float32)
        assert list(values.shape) == layer.shape
        assert np.array_equal(values, tensors[layer.name])
        assert np.array_equal(values, archive[layer.name])
        assert layer.statistics.maximum == values.max()
        assert layer.statistics.zero_share == (values == 0).mean()
    mosaic = Image.open(io.BytesIO(fetch("image/png").content))
    assert mosaic.width >= 900
    assert len(mosaic.convert("RGB").getcolors(2**24) or []) > 100


def test_activations_of_chosen_layers(client: httpx.Client, seven: bytes) -> None:
    def names(query: str) -> list[str]:
        answer = client.post(f"/v1/models/digits/activations?{query}", content=seven, headers=PNG).json()
        return [layer["name"] for layer in answer["layers"]]

    assert names("layers=pool2,conv1") == ["pool2", "conv1"]
    assert names("layers=pool2&layers=conv1") == ["pool2", "conv1"]
    answer = client.post("/v1/models/digits/activations?layers=conv1&values=false", content=seven, headers=PNG).json()
    assert answer["layers"][0]["values"] is None
    refusal = client.post("/v1/models/digits/activations?layers=conv9", content=seven, headers=PNG)
    assert "conv1" in problem(refusal, 404, "unknown_layer")


def test_the_last_layer_is_the_prediction(client: httpx.Client, seven: bytes) -> None:
    rows = client.post("/v1/models/digits/activations", content=seven, headers=PNG).json()["layers"]
    best = client.post("/v1/models/digits/predict", content=seven, headers=PNG).json()["predictions"][0]
    assert rows[-1]["values"][best["index"]] == pytest.approx(best["probability"], abs=1e-5)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("*/*", "application/json"),
        ("text/html,image/*;q=0.8,*/*;q=0.1", "image/png"),
        ("image/png;q=0.2,application/x-npz", "application/x-npz"),
        ("application/*", "application/json"),
    ],
)
def test_the_client_chooses_the_format(client: httpx.Client, seven: bytes, accept: str, format_: str) -> None:
    response = client.post("/v1/models/digits/activations", content=seven, headers={**PNG, "Accept": accept})
    assert response.headers["content-type"] == format_


def test_refusals_are_problems_with_a_code(client: httpx.Client, seven: bytes) -> None:
    predict = "/v1/models/digits/predict"
    assert "digits" in problem(client.get("/v1/models/nothing"), 404, "unknown_model")
    problem(client.get("/v1/models/digits/versions/99"), 404, "unknown_version")
    for version in ("latest", "0", "-1", "9" * 5000):
        problem(client.get(f"/v1/models/digits/versions/{version}"), 404, "unknown_version")
    problem(client.get("/v1/models/digits/samples/..%2Fmanifest.json"), 404, "not_found")
    problem(client.get("/v1/models/digits/samples/manifest.json"), 404, "unknown_sample")
    problem(client.get("/v1/nothing"), 404, "not_found")
    problem(client.get(predict), 405, "method_not_allowed")
    both = client.delete("/v1/models/digits/feedback")
    problem(both, 405, "method_not_allowed")
    assert both.headers["allow"] == "GET, POST"
    problem(client.post(predict, content=b"", headers=PNG), 400, "no_picture")
    problem(client.post(predict, data={"file": "text"}, files={"other": b"x"}), 400, "no_picture")
    problem(client.post(predict, content=b"x", headers={"Content-Type": "multipart/form-data"}), 400, "no_picture")
    problem(
        client.post(predict, content=b"{}", headers={"Content-Type": "application/json"}), 415, "unsupported_media_type"
    )
    problem(client.post(predict, content=seven), 415, "unsupported_media_type")
    problem(client.post(predict, content=b"GIF87a?", headers=PNG), 415, "unsupported_picture_format")
    problem(client.post(predict, content=seven[:120], headers=PNG), 422, "damaged_picture")
    for accept in ("text/html", "nonsense"):
        refused = client.post("/v1/models/digits/input", content=seven, headers={**PNG, "Accept": accept})
        problem(refused, 406, "not_acceptable")


def test_a_body_that_announces_too_much_is_refused_at_once(address: str) -> None:
    """Not a byte of the body is sent, yet the answer comes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"POST /v1/models/digits/predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 1000000000\r\n\r\n"
        )
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "1,000,000,000" in answer
    assert "body_too_large" in answer


def test_a_body_that_never_ends_is_refused_at_the_limit(address: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 200 * 2**20:
            sent += 2**16
            yield b"\0" * 2**16

    # The server may close while the client is still sending: refused all the same.
    with httpx.Client(base_url=address, timeout=20) as client, suppress(httpx.WriteError):
        problem(client.post("/v1/models/digits/predict", content=endless(), headers=PNG), 413, "body_too_large")
    assert sent < 100 * 2**20


def test_all_good_pictures_are_answered(client: httpx.Client, data: Path) -> None:
    for path in sorted((data / "images").iterdir()):
        response = client.post("/v1/models/digits/predict", files={"file": path.read_bytes()})
        assert response.status_code == 200, path.name


def test_hostile_pictures_are_answered_or_refused(client: httpx.Client, data: Path) -> None:
    for path in sorted((data / "hostile-images").iterdir()):
        response = client.post("/v1/models/digits/predict", files={"file": path.read_bytes()})
        assert response.status_code == 200 or 400 <= response.status_code < 500, path.name
        assert response.elapsed.total_seconds() < 2, path.name


def test_many_at_once_each_get_their_own_answer(address: str, digits: PublishedVersion) -> None:
    """200 requests on 16 connections, ten different pictures: they run in batches, and nobody gets another's answer."""
    samples = [
        (sample, (digits.folder / "samples" / sample.file).read_bytes()) for sample in digits.evidence.samples
    ] * 20

    async def ask_all() -> list[Predictions]:
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(base_url=address, timeout=20, limits=limits) as client:
            answers = await asyncio.gather(
                *(client.post("/v1/models/digits/predict", content=content, headers=PNG) for _, content in samples)
            )
        return [Predictions.model_validate(answer.json()) for answer in answers]

    for (sample, _), answer in zip(samples, asyncio.run(ask_all()), strict=True):
        assert answer.predictions[0].label == sample.predicted
        assert answer.predictions[0].probability == pytest.approx(sample.probability, abs=1e-4)


def test_health(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {
        "ready": True, "phase": "serving", "models": len(MODEL_NAMES),
    }  # fmt: skip


def test_no_model_is_live_but_not_ready(tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]) -> None:
    client = serve_folder(tmp_path / "absent")
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 503
    assert "convscope train" in problem(client.get("/v1/models/digits"), 404, "unknown_model")


def test_bad_versions_are_named_and_the_good_ones_served(
    tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]
) -> None:
    onnx = brightness_graph()
    for _ in range(3):
        publish(tmp_path, manifest(onnx), evidence("a.png"), onnx, {"samples/a.png": white_png()})
    newer = tmp_path / "brightness" / "3" / MANIFEST_FILE
    newer.write_text(json.dumps({**json.loads(newer.read_text()), "contract": 2}))
    (tmp_path / "brightness" / "latest").mkdir()
    (tmp_path / ".staging-x" / "y").mkdir(parents=True)
    (tmp_path / "README.md").write_text("not a model")
    client = serve_folder(tmp_path)
    answer = Models.model_validate(client.get("/v1/models").json())
    assert answer.models[0].versions == [1, 2]
    assert answer.models[0].version == 2
    assert [(item.version, item.code) for item in answer.refused] == [
        ("3", "contract_too_new"),
        ("latest", "model_refused"),
    ]
    white = client.post("/v1/models/brightness/predict", content=white_png(), headers=PNG).json()
    assert white["predictions"][0]["label"] == "bright"
    assert [layer["kind"] for layer in client.get("/v1/models/brightness/layers").json()["layers"]] == [
        "preprocessing",
        "flatten",
        "dense",
        "softmax",
    ]


def test_what_answers_but_cannot_be_looked_into_says_so(
    tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]
) -> None:
    # A Dropout of everything: the optimiser takes it out; without the optimiser, onnxruntime refuses to run it.
    graph = with_node(brightness_graph(), "flat", "Dropout", np.array(1, np.float32))
    publish(tmp_path, manifest(graph), evidence(), graph, {})
    client = serve_folder(tmp_path)
    at = "/v1/models/brightness"
    assert client.post(f"{at}/predict", content=white_png(), headers=PNG).status_code == 200
    said = problem(client.post(f"{at}/activations", content=white_png(), headers=PNG), 422, "not_inspectable")
    assert "Dropout" in said


def test_the_schema_describes_problems_and_pictures(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    predict = schema["paths"]["/v1/models/{model}/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {"image/*", "multipart/form-data"}
    assert "application/problem+json" in predict["responses"]["422"]["content"]
    assert "code" in schema["components"]["schemas"]["Problem"]["properties"]
    names = [item["operationId"] for path in schema["paths"].values() for item in path.values()]
    assert len(names) == len(set(names))


def test_the_pages_types_are_made_from_this_schema(client: httpx.Client) -> None:
    """`service/web/openapi.json` is what the API says; `make openapi` writes it."""
    committed = json.loads((Path("service") / "web" / "openapi.json").read_text())
    assert committed == client.get("/openapi.json").json()


def test_without_a_built_page_the_api_works_and_the_page_says_how(tmp_path: Path) -> None:
    app = FastAPI()
    add_page(app, tmp_path / "dist")
    with serving_app(app) as at, httpx.Client(base_url=at) as client:
        answer = client.get("/")
        assert answer.status_code == 503
        assert "make setup" in answer.text
        assert client.get("/docs").status_code == 200


def test_the_built_page_is_served_and_its_index_never_kept(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Convscope</title>")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "page.js").write_text("0")
    app = FastAPI()
    add_page(app, tmp_path)
    with serving_app(app) as at, httpx.Client(base_url=at) as client:
        assert client.get("/").headers["cache-control"] == client.head("/").headers["cache-control"] == "no-cache"
        assert client.get("/favicon.svg").headers["content-type"] == "image/svg+xml"
        assert client.get("/assets/page.js").text == "0"
        assert client.get("/nothing").status_code == 404
