"""`…/exemplars` over a real socket: what excites a channel, and the pictures themselves."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.contract import EXEMPLARS_FILE, EXEMPLARS_FOLDER
from service.evidence import Exemplar, Exemplars
from service.publish import publish
from service.routes.exemplars import ExemplarLayers
from service.schemas import ChannelExemplars, ModelDescription
from tests.published import brightness_graph, evidence, manifest, white_png
from tests.service.routes.test_api import problem

ServeFolder = Callable[[Path], httpx.Client]

DENSE = "/v1/models/brightness/versions/1/exemplars/dense"

DOCUMENT = Exemplars(
    pictures=70,
    layers={
        "dense": (
            (),
            (
                Exemplar(file="00012.png", label="bright", value=0.9, y=0, x=0),
                Exemplar(file="00003.png", label="dark", value=0.4, y=3, x=2),
            ),
        )
    },
)


def put(models: Path, document: bytes | None) -> None:
    onnx = brightness_graph()
    files = {f"{EXEMPLARS_FOLDER}/{name}": white_png() for name in ("00012.png", "00003.png", "unnamed.png")}
    if document is not None:
        files[f"{EXEMPLARS_FOLDER}/{EXEMPLARS_FILE}"] = document
    publish(models, manifest(onnx), evidence(), onnx, files)


@pytest.fixture
def client(serve_folder: ServeFolder, tmp_path: Path) -> httpx.Client:
    """Version 1 has exemplars, version 2 has none."""
    put(tmp_path, DOCUMENT.model_dump_json().encode())
    put(tmp_path, None)
    return serve_folder(tmp_path)


def test_the_layers_that_have_exemplars_are_listed(client: httpx.Client) -> None:
    path = "/v1/models/brightness/versions"
    answer = ExemplarLayers.model_validate(client.get(f"{path}/1/exemplars").json())
    assert (answer.model, answer.version, answer.pictures, answer.layers) == ("brightness", 1, 70, ["dense"])
    problem(client.get(f"{path}/2/exemplars"), 404, "no_exemplars")


def test_a_channels_exemplars_come_with_their_pictures(client: httpx.Client) -> None:
    answer = ChannelExemplars.model_validate(client.get(f"{DENSE}/1").json())
    assert (answer.model, answer.version, answer.layer, answer.channel) == ("brightness", 1, "dense", 1)
    assert answer.pictures == 70
    first, second = answer.exemplars
    assert (first.label, first.value, first.y, first.x) == ("bright", 0.9, 0, 0)
    assert (second.label, second.value, second.y, second.x) == ("dark", 0.4, 3, 2)
    for item in answer.exemplars:
        assert item.url.startswith("/v1/models/brightness/versions/1/exemplars/pictures/")
        picture = client.get(item.url)
        assert picture.status_code == 200
        assert picture.headers["content-type"] == "image/png"
        assert picture.content == white_png()


def test_a_channel_that_nothing_excites_has_an_empty_list(client: httpx.Client) -> None:
    assert ChannelExemplars.model_validate(client.get(f"{DENSE}/0").json()).exemplars == []


def test_what_is_not_there_is_told_apart(client: httpx.Client) -> None:
    assert "channels 0 to 1" in problem(client.get(f"{DENSE}/2"), 404, "unknown_channel")
    problem(client.get(f"{DENSE}/-1"), 404, "unknown_channel")
    problem(client.get(f"{DENSE}/first"), 422, "invalid_parameter")
    of_version = "/v1/models/brightness/versions/1/exemplars"
    assert "flatten, dense, softmax" in problem(client.get(f"{of_version}/conv9/0"), 404, "unknown_layer")
    assert "those that have them are dense" in problem(client.get(f"{of_version}/softmax/0"), 404, "no_exemplars")
    for path in ("exemplars/dense/0", "versions/2/exemplars/dense/0", "exemplars/pictures/00012.png"):
        problem(client.get(f"/v1/models/brightness/{path}"), 404, "no_exemplars")
    problem(client.get("/v1/models/nobody/exemplars/dense/0"), 404, "unknown_model")
    described = [
        ModelDescription.model_validate(client.get(f"/v1/models/brightness/versions/{number}").json()).exemplars
        for number in (1, 2)
    ]
    assert described == [True, False]


@pytest.mark.parametrize("file", ["unnamed.png", "exemplars.json", "..%2F..%2Fmanifest.json", "00001.png", "%00"])
def test_only_pictures_that_are_named_are_given_out(client: httpx.Client, file: str) -> None:
    answer = client.get(f"/v1/models/brightness/versions/1/exemplars/pictures/{file}")
    assert answer.status_code in {404, 422}
    assert answer.json()["code"] in {"unknown_exemplar", "not_found", "invalid_parameter"}


def test_a_picture_that_was_removed_is_unknown(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "brightness" / "1" / EXEMPLARS_FOLDER / "00012.png").unlink()
    answer = client.get("/v1/models/brightness/versions/1/exemplars/pictures/00012.png")
    problem(answer, 404, "unknown_exemplar")


def test_another_document_in_the_same_place_is_read_anew(client: httpx.Client, tmp_path: Path) -> None:
    assert client.get(f"{DENSE}/1").json()["pictures"] == 70
    path = tmp_path / "brightness" / "1" / EXEMPLARS_FOLDER / EXEMPLARS_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "pictures": 71}))
    assert client.get(f"{DENSE}/1").json()["pictures"] == 71


def test_a_broken_document_is_the_versions_fault(serve_folder: ServeFolder, tmp_path: Path) -> None:
    put(tmp_path, b"{}")
    detail = problem(serve_folder(tmp_path).get(f"{DENSE}/0"), 500, "model_refused")
    assert "exemplars/exemplars.json" in detail
