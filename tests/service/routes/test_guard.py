"""Keys over real sockets: every route asks for the one that its path needs, and none is forgotten."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from service.access import ADMIN, UNKNOWN, find_rule
from service.app import create_app
from service.engine import Provider
from service.keys import Scope
from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.published import white_png
from tests.service.routes.test_api import problem

KEYS = {scope: f"a-key-for-{scope}-0123" for scope in Scope}
SETTING = ",".join(f"{key}:{scope}" for scope, key in KEYS.items())
PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    models = tmp_path_factory.mktemp("models")  # a copy: an admin's key changes which version answers
    shutil.copytree(MODELS / "digits", models / "digits")
    settings = Settings.model_validate({"models": models, "provider": Provider.CPU, "api_keys": SETTING})
    with serving(settings) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client


def routes() -> Iterator[str]:
    for route in iter_route_contexts(create_app(Settings(models=MODELS)).routes):
        assert route.path is not None
        yield f"{route.path}/file" if isinstance(route.original_route, Mount) else route.path


def test_no_route_is_forgotten() -> None:
    paths = list(routes())
    assert len(paths) > 30
    assert "/v1/models/{model}/versions/{version}/weights/{layer:path}" in paths
    assert [path for path in paths if not find_rule(path).is_known] == []


def fill(path: str) -> str:
    """A path of the API with names for its parameters."""
    for name, value in {"model": "digits", "version": "1", "layer": "conv1", "channel": "0"}.items():
        path = re.sub(rf"{{{name}(:path)?}}", value, path)
    return path.replace("{file}", "7.png")


def test_every_route_asks_for_its_key(guarded: httpx.Client) -> None:
    operations = [
        (method.upper(), path, find_rule(path))
        for path, item in guarded.get("/openapi.json").json()["paths"].items()
        for method in item
    ]
    assert len(operations) > 30
    for method, path, rule in operations:
        answered = {
            scope: guarded.request(method, fill(path), headers={"X-API-Key": KEYS[scope]}).status_code
            for scope in Scope
        }
        bare = guarded.request(method, fill(path))
        if rule.is_open:
            assert bare.status_code not in {401, 403}, path
            continue
        problem(bare, 401, "key_needed")
        assert bare.headers["www-authenticate"] == "Bearer"
        for scope, status in answered.items():
            enough = rule.scope is None or scope.includes(rule.scope)
            assert (status == 403) is not enough, (path, scope)
            assert status != 401
    # An admin's key has just unloaded it.
    assert guarded.post("/v2/repository/models/digits/load", headers={"X-API-Key": KEYS[Scope.ADMIN]}).is_success


def test_a_key_may_come_either_way_and_the_one_of_its_own_header_counts(guarded: httpx.Client) -> None:
    def ask(**headers: str) -> httpx.Response:
        return guarded.get("/v1/models", headers={name.replace("_", "-"): value for name, value in headers.items()})

    key = KEYS[Scope.PREDICT]
    for authorization in (f"Bearer {key}", f"bearer   {key}", f"BEARER {key}"):
        assert ask(authorization=authorization).status_code == 200
    assert ask(x_api_key=key).status_code == 200
    assert ask(x_api_key=key, authorization="Bearer of-a-proxy-in-front").status_code == 200
    problem(ask(x_api_key="of-somebody-else-012", authorization=f"Bearer {key}"), 401, "wrong_key")
    problem(ask(authorization=f"Basic {key}"), 401, "key_needed")
    problem(ask(authorization="Bearer"), 401, "key_needed")
    problem(guarded.get("/v1/models", params={"api_key": key, "key": key}), 401, "key_needed")


def test_plain_requests_are_guarded_too(guarded: httpx.Client, seven: bytes) -> None:
    predict, look = "/v1/models/digits/predict", "/v1/models/digits/activations"
    tensors = PNG | {"Accept": "application/vnd.safetensors"}
    problem(guarded.post(predict, content=seven, headers=PNG), 401, "key_needed")
    key = {"X-API-Key": KEYS[Scope.PREDICT]}
    answered = guarded.post(predict, content=seven, headers=PNG | key)
    assert answered.json()["predictions"][0]["label"] == "7"
    assert answered.headers["cache-control"] == "private"
    said = problem(guarded.post(look, content=seven, headers=tensors | key), 403, "scope_needed")
    assert "inspect" in said
    assert guarded.post(look, content=seven, headers=tensors | {"X-API-Key": KEYS[Scope.ADMIN]}).status_code == 200


def test_what_nobody_classified_takes_an_admins_key(guarded: httpx.Client) -> None:
    for path in ("/v1/models/digits/nothing", "/v1/nothing", "/v2/nothing", "/nothing", "/v1", "/v2/models"):
        assert find_rule(path) is UNKNOWN
        problem(guarded.get(path), 401, "key_needed")
        problem(guarded.get(path, headers={"X-API-Key": KEYS[Scope.INSPECT]}), 403, "scope_needed")
        problem(guarded.get(path, headers={"X-API-Key": KEYS[Scope.ADMIN]}), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/m/promote", "/v1/models/m/rollback", "/v1/models/m/promote/", "/v1/models/m/versions/1/promote",
        "/v1/models/m/promote\n", "/v2/repository/models/m/load", "/v2/repository/models/m/unload",
    ],
)  # fmt: skip
def test_administrating_takes_a_key_even_where_there_are_none(client: httpx.Client, path: str) -> None:
    assert find_rule(path) is ADMIN
    said = problem(client.post(path.replace("\n", "%0A")), 403, "scope_needed")
    assert "CONVSCOPE_API_KEYS" in said


def test_without_keys_nothing_else_takes_one(client: httpx.Client) -> None:
    assert client.get("/v1/models/digits/layers").status_code == 200
    assert client.get("/v1/models", headers={"X-API-Key": "whatever"}).status_code == 200
    assert client.get("/v1/models/digits/nothing").status_code == 404


def test_a_refused_upload_is_not_read_to_its_end(guarded: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"\0" * 2**20

    refused = httpx.post(f"{guarded.base_url}/v1/models/digits/predict", content=b"\0" * 2**20, headers=PNG)
    assert refused.status_code == 401
    assert refused.headers["connection"] == "close"
    small = guarded.post("/v1/models/digits/predict", content=white_png(), headers=PNG)
    assert "connection" not in small.headers
    try:
        refused = httpx.post(f"{guarded.base_url}/v1/models/digits/predict", content=endless(), headers=PNG)
        assert refused.status_code == 401
    except httpx.WriteError:
        pass  # it was cut off while it was still sending


def test_keys_can_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the team\n{KEYS[Scope.PREDICT]}:predict\n")
    settings = {"models": tmp_path, "provider": Provider.CPU, "api_keys_file": file}
    with serving(Settings.model_validate(settings)) as address, httpx.Client(base_url=address) as client:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/v1/models", headers={"X-API-Key": KEYS[Scope.PREDICT]}).status_code == 200


def test_the_document_says_which_key_is_needed(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
    predict = document["paths"]["/v1/models/{model}/predict"]["post"]
    assert predict["security"] == [{}, {"bearer": ["predict"]}, {"key": ["predict"]}]
    assert {"401", "403"} < set(predict["responses"])
    assert "security" not in document["paths"]["/v2/health/live"]["get"]
