"""What the served OpenAPI document says holds: requests made of it, good and bad, get the answers that it names."""

import io
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import requests  # what schemathesis sends with
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from safetensors.numpy import load as load_tensors
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.contract import FILM_FOLDER, MANIFEST_FILE, MODEL_FILE
from tests.conftest import MODELS, ROOT
from tests.pictures import draw_pictures
from tests.program import started

EXAMPLES = int(os.environ.get("CONVSCOPE_TEST_EXAMPLES", "15"))
"""Requests of each operation that are drawn by chance, besides those at the bounds of every parameter."""

KEY = "a-key-for-everything-0123"

NUMBERED = "/versions/"
STATEFUL = r"/(promote|rollback|load|unload)$"

_STEPS = (
    '[{"kind": "conv", "kernel": "sobel-x"}, {"kind": "relu"}, {"kind": "max_pool", "size": 5}]',
    '[{"kind": "conv", "kernel": [[[[1, 0], [0, -1]]]], "stride": 2}]',
    '[{"kind": "max_pool", "size": 99}]', '[{"kind": "nothing"}]', "[]", "{", "",
)  # fmt: skip

_KNOWN: dict[str, list[object]] = {
    "model": ["digits"],
    "version": [1, 2],
    "layer": ["conv1", "relu2", "block3", "flatten", "dense", "softmax"],
    "channel": [0, 3, 999],
    "y": [0, 6, 28],
    "x": [0, 2, 28],
    "step": [0, 94, 95],
    "file": ["00-0.png", "00055.png", "00018.png"],
    "class": [*"0123456789", "10"],
    "label": [*"0123456789", "seven"],
    "layers": [["conv1"], ["relu2", "dense"], ["conv1,dense"], ["nothing"]],
}
"""What there is of these in the folder that is served, and a little that there isn't: a string drawn by chance would be
404 for ever."""

_ODD = ["", "*/*", "image/*;q=0.5, application/json;q=0.1", "text/plain", "null", "image"]


_PIXELS = {"name": "pixels", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [0] * 784}

_INFERENCES = [
    {"inputs": [_PIXELS]},
    {"id": "7", "inputs": [_PIXELS], "outputs": [{"name": "label"}, {"name": "conv1"}]},
    {"inputs": [_PIXELS], "parameters": {"binary_data_output": True}},
    {"inputs": [_PIXELS], "outputs": [{"name": "logits", "parameters": {"classification": 2}}]},
    {"inputs": [_PIXELS | {"shape": [2, 28, 28, 1]}]},
]
"""Tensors drawn by chance would never fit."""


def read_document() -> dict[str, Any]:
    """The committed document, which the service serves, narrowed to what is in the folder and strict in its answers."""
    document: dict[str, Any] = json.loads((ROOT / "service/web/openapi.json").read_text())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                narrow(path, operation, parameter)
            if path.endswith("/infer"):
                narrow_inference(operation)
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema and name in answered_schemas(document):
            schema.setdefault("additionalProperties", False)
    return document


def narrow(path: str, operation: dict[str, Any], parameter: dict[str, Any]) -> None:
    name = parameter["name"]
    if name == "accept":
        parameter["schema"] = {"enum": [*operation["responses"]["200"]["content"], *_ODD]}
    elif name == "steps" and path.endswith("/dream"):
        parameter["schema"] = {"enum": [1, 3]}  # a climb of thousands takes minutes, and answers the same
    elif name == "steps" and path.endswith("/workbench"):
        parameter["schema"] = {"enum": _STEPS}
    elif name in _KNOWN:
        parameter["schema"] = {"enum": _KNOWN[name]}


def narrow_inference(operation: dict[str, Any]) -> None:
    """Bodies that fit, and all of a body JSON: `tests/fuzz` tries those that go on behind it."""
    content = operation["requestBody"]["content"]["application/json"]
    content["schema"] = {"anyOf": [{"enum": _INFERENCES}, content["schema"]]}
    content["example"] = _INFERENCES[0]  # asked in any case, whatever chance draws besides
    operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "header"]


def answered_schemas(document: dict[str, Any]) -> set[str]:
    """The names of those that are part of an answer."""
    found: set[str] = set()
    waiting: list[Any] = [operation["responses"] for item in document["paths"].values() for operation in item.values()]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)} if (name := reference.rpartition("/")[2]) not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
            case dict() as inner:
                waiting += inner.values()
            case list() as inner:
                waiting += inner
    return found


PICTURES = [*draw_pictures()][:12]
DAMAGED = [b"", b"no picture", *(picture[: len(picture) // 2] for picture in PICTURES[:6])]

schemathesis.openapi.media_type("image/*", st.sampled_from(PICTURES + DAMAGED))
schemathesis.openapi.format("binary", st.sampled_from(PICTURES + DAMAGED))

Case = schemathesis.Case[Any]

_WHOLE = {"max-stream-events": 4096}
"""A stream of events is read to its end."""

api = schemathesis.openapi.from_dict(read_document(), config=schemathesis.Config.from_dict(_WHOLE))
by_chance = schemathesis.openapi.from_dict(
    read_document(), config=schemathesis.Config.from_dict({**_WHOLE, "phases": {"coverage": {"enabled": False}}})
)
"""Without a request for each bound of each parameter."""

statuses: dict[str, set[int]] = defaultdict(set)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One for all requests: to make one takes longer than most answers."""
    with requests.Session() as made:
        made.headers.clear()  # its own `Accept` would take the place of one that was left out on purpose
        yield made


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service in a process of its own, with two versions of the same network, which may be changed."""
    folder = tmp_path_factory.mktemp("described")
    for version in ("1", "2"):
        copy = folder / "models" / "digits" / version
        shutil.copytree(MODELS / "digits" / "2", copy)
        add_film(copy)
    variables = {"CONVSCOPE_FEEDBACK": str(folder / "feedback"), "CONVSCOPE_API_KEYS": f"{KEY}:admin"}
    with started("--models", str(folder / "models"), **variables) as (_, address, _):
        served = httpx.get(f"{address}/openapi.json").json()
        assert served == json.loads((ROOT / "service/web/openapi.json").read_text())
        yield address


def add_film(folder: Path) -> None:
    """A film of two frames, each the version's own graph."""
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    (folder / FILM_FOLDER).mkdir()
    shutil.copyfile(folder / MODEL_FILE, folder / FILM_FOLDER / "frame.onnx")
    frame = {"file": "frame.onnx", "sha256": manifest["onnx"]["sha256"], "validation_accuracy": 0.5}
    manifest["film"] = [frame | {"step": step} for step in (0, 94)]
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))


def examine(case: Case, address: str, session: requests.Session) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    answer = case.call(base_url=address, headers=key, session=session)
    statuses[case.operation.label].add(answer.status_code)
    case.validate_response(answer, headers=key, excluded_checks=[positive_data_acceptance])  # pictures may be damaged
    kind = answer.headers.get("content-type", [""])[0].partition(";")[0]
    if answer.status_code < 400:
        described = case.operation.definition.raw["responses"][str(answer.status_code)]["content"]
        assert kind in described or f"{kind.partition('/')[0]}/*" in described
        _READERS[kind](answer.content)
    else:
        check_problem(answer, kind)


def check_problem(answer: schemathesis.Response, kind: str) -> None:
    if kind == "application/json":  # the Open Inference Protocol's own form
        assert urlsplit(str(answer.request.url)).path.startswith("/v2")
        assert read_json(answer.content).keys() == {"error", "code"}
        return
    assert kind == "application/problem+json"
    problem = read_json(answer.content)
    assert problem.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == answer.status_code
    assert problem["code"].replace("_", "").isalpha()
    assert problem["detail"]


def read_json(content: bytes) -> Any:  # noqa: ANN401 - any document
    """As RFC 8259 has it: Python alone would take NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in JSON")

    return json.loads(content, parse_constant=refuse)


def read_events(content: bytes) -> None:
    events = content.decode().rstrip("\n").split("\n\n")
    assert events[-1].startswith("event: result\ndata: ")
    for event in events:
        read_json(event.partition("data: ")[2].encode())


_READERS: dict[str, Callable[[bytes], object]] = {
    "application/json": read_json,
    "application/vnd.safetensors": load_tensors,
    "application/octet-stream": lambda content: content.index(b"}]}"),
    "application/x-npz": lambda content: dict(np.load(io.BytesIO(content))),
    "image/png": lambda content: Image.open(io.BytesIO(content), formats=["PNG"]).load(),
    "text/event-stream": read_events,
    "text/html": bytes.decode,
    "text/plain": lambda content: list(text_string_to_metric_families(content.decode())),
}
"""By media type: what raises where the content isn't what it says it is."""

how = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize="CONVSCOPE_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@api.exclude(path_regex=rf"{NUMBERED}|{STATEFUL}").parametrize()
@how
def test_what_is_asked_is_answered_as_described(case: Case, at: str, session: requests.Session) -> None:
    examine(case, at, session)


@by_chance.include(path_regex=NUMBERED).parametrize()
@how
def test_what_is_asked_of_a_version_by_its_number_is_too(case: Case, at: str, session: requests.Session) -> None:
    examine(case, at, session)


@api.include(path_regex=STATEFUL).parametrize()
@how
def test_what_changes_the_service_is_answered_as_described(case: Case, at: str, session: requests.Session) -> None:
    for path, body in (("/v2/repository/models/digits/load", {}), ("/v1/models/digits/promote", {"version": None})):
        assert session.post(f"{at}{path}", json=body, headers={"X-API-Key": KEY}).status_code == 200
    examine(case, at, session)


def test_every_operation_was_answered() -> None:
    assert statuses, "run with the tests above"
    never = [label for label, seen in statuses.items() if 200 not in seen]
    assert not never
