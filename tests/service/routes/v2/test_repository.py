"""The models folder over REST: what lies in it, and which models are served of it."""

import shutil
from collections.abc import Iterator

import httpx
import pytest
from tritonclient.http import InferenceServerClient
from tritonclient.utils import InferenceServerException

from service.engine import Provider
from service.settings import Settings
from tests.conftest import MODELS, serving

ADMIN = {"X-API-Key": "a-key-for-admins-0123"}
READER = {"Authorization": "Bearer a-key-for-reading-0123"}
SETTING = "a-key-for-admins-0123:admin,a-key-for-reading-0123:predict"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = tmp_path_factory.mktemp("models")
    for name in ("digits", "ticks"):
        shutil.copytree(MODELS / name, models / name)
    (models / "digits" / "2" / "model.onnx").write_bytes(b"broken")
    settings = {"models": models, "provider": Provider.CPU, "api_keys": SETTING}
    with serving(Settings.model_validate(settings)) as address:
        yield address


@pytest.fixture
def triton(at: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(at.removeprefix("http://")) as client:
        yield client


@pytest.fixture
def client(at: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=at, headers=ADMIN) as session:
        yield session


def test_the_index_tells_what_is_served_and_why_the_rest_is_not(
    triton: InferenceServerClient, client: httpx.Client
) -> None:
    index = triton.get_model_repository_index(headers=READER)
    assert [(entry["name"], entry["version"], entry["state"]) for entry in index] == [
        ("digits", "1", "READY"), ("digits", "2", "UNAVAILABLE"), ("ticks", "1", "READY"), ("ticks", "2", "READY")
    ]  # fmt: skip
    assert "sha256" in index[1]["reason"]
    ready = client.post("/v2/repository/index", json={"ready": True}).json()
    assert [(entry["name"], entry["version"]) for entry in ready] == [("digits", "1"), ("ticks", "1"), ("ticks", "2")]


def test_an_unloaded_model_is_gone_until_it_is_loaded(triton: InferenceServerClient, client: httpx.Client) -> None:
    triton.unload_model("ticks", headers=ADMIN)
    assert not triton.is_model_ready("ticks", headers=READER)
    refused = client.post("/v2/models/ticks/infer", json={"inputs": []})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_model")
    assert "/v2/repository/models/ticks/load" in refused.json()["error"]
    unloaded = [entry for entry in triton.get_model_repository_index(headers=READER) if entry["name"] == "ticks"]
    assert [(entry["version"], entry["state"], entry["reason"]) for entry in unloaded] == [
        ("", "UNAVAILABLE", "unloaded")
    ]
    triton.load_model("ticks", headers=ADMIN)
    triton.load_model("ticks", headers=ADMIN)  # again: nothing changes
    assert triton.is_model_ready("ticks", headers=READER)


def test_only_admins_change_what_is_served(triton: InferenceServerClient) -> None:
    for change in (triton.load_model, triton.unload_model):
        with pytest.raises(InferenceServerException, match="scope admin") as refused:
            change("digits", headers=READER)
        assert refused.value.status() == "403"


@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        ("index", b"{", 400, "malformed_request"),
        ("index", b"[]", 400, "malformed_request"),
        ("index", b'{"ready": 1}', 400, "malformed_request"),
        ("index", b" " * 100_000, 413, "body_too_large"),
        ("models/nobody/load", b"", 404, "unknown_model"),
        ("models/nobody/unload", b"", 404, "unknown_model"),
        ("models/digits/load", b'{"parameters": {"config": "{}"}}', 400, "malformed_request"),
        ("models/digits/load", b'{"parameters": {"file:1/model.onnx": "AA=="}}', 400, "malformed_request"),
        ("models/digits/load", b'{"parameters": 5}', 400, "malformed_request"),
        ("models/digits/unload", b'{"parameters": []}', 400, "malformed_request"),
        ("models/digits/unload", b"nonsense", 400, "malformed_request"),
    ],
)
def test_what_is_refused_says_why(client: httpx.Client, path: str, content: bytes, status: int, code: str) -> None:
    answer = client.post(f"/v2/repository/{path}", content=content)
    assert (answer.status_code, answer.json()["code"], answer.json().keys()) == (status, code, {"error", "code"})
