"""`…/report` over a real socket: the page as it was published, with a policy that lets it do nothing."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.contract import COURSE_FILE, COURSE_FOLDER, FILM_FOLDER, INT8_FILE, REPORT_FILE, Frame, Manifest
from service.evidence import AnsweredPicture, Course, Epoch, LearningRate, ReliabilityBin
from service.publish import publish, sha256
from service.routes.report import TrainingReport
from service.schemas import ModelDescription
from tests.published import brightness_graph, evidence, manifest, white_png
from tests.service.routes.test_api import problem

ServeFolder = Callable[[Path], httpx.Client]

HTML = "<!doctype html><title>Ünïcode</title><script>document.title = 'ran'</script>"


@pytest.fixture
def client(serve_folder: ServeFolder, tmp_path: Path) -> httpx.Client:
    """Version 1 has a report, version 2 has none."""
    onnx = brightness_graph()
    publish(tmp_path, manifest(onnx), evidence(), onnx, {REPORT_FILE: HTML.encode()})
    publish(tmp_path, manifest(onnx), evidence(), onnx, {})
    return serve_folder(tmp_path)


def test_the_report_is_served_as_it_was_published(client: httpx.Client) -> None:
    answer = client.get("/v1/models/brightness/versions/1/report")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == HTML
    policy = dict(
        directive.strip().partition(" ")[::2] for directive in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy, "default-src forbids scripts"
    assert policy["img-src"] == "data:"
    assert policy["sandbox"] == ""
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_version_without_a_report_says_so(client: httpx.Client) -> None:
    for path in ("/v1/models/brightness/report", "/v1/models/brightness/versions/2/report"):
        assert "brightness version 2" in problem(client.get(path), 404, "no_report")
    problem(client.get("/v1/models/nobody/report"), 404, "unknown_model")
    problem(client.get("/v1/models/brightness/versions/9/report"), 404, "unknown_version")


def test_the_figures_of_a_report_are_json_for_who_asks(serve_folder: ServeFolder, tmp_path: Path) -> None:
    onnx = brightness_graph()
    picture = white_png(4, 4)
    course = Course(
        epochs=(Epoch(epoch=1, loss=0.5, validation_accuracy=0.75),),
        learning_rates=(LearningRate(epoch=0, rate=0.1),),
        reliability_before=(),
        reliability=(ReliabilityBin(confidence=0.9, accuracy=0.8, pictures=5),),
        pictures=(AnsweredPicture(file="00003.png", label="dark", answered="bright", probability=0.9),),
    )
    files = {f"{COURSE_FOLDER}/{COURSE_FILE}": course.model_dump_json().encode(), f"{COURSE_FOLDER}/00003.png": picture}
    publish(tmp_path, manifest(onnx), evidence(), onnx, {**files, f"{COURSE_FOLDER}/secret.png": picture})
    publish(tmp_path, manifest(onnx), evidence(), onnx, {})
    client, accept = serve_folder(tmp_path), {"Accept": "application/json"}
    answer = client.get("/v1/models/brightness/versions/1/report", headers=accept)
    report = TrainingReport.model_validate(answer.json())
    assert (report.recorded, report.epochs, report.learning_rates) == (True, [*course.epochs], [*course.learning_rates])
    assert report.reliability == [*course.reliability]
    assert (report.pictures[0].label, report.pictures[0].answered) == ("dark", "bright")
    assert client.get(report.pictures[0].url).content == picture
    for file in ("secret.png", "00004.png", "course.json"):
        problem(client.get(f"/v1/models/brightness/versions/1/report/pictures/{file}"), 404, "unknown_report_picture")
    bare = TrainingReport.model_validate(client.get("/v1/models/brightness/report", headers=accept).json())
    assert (bare.version, bare.recorded, bare.epochs, bare.pictures) == (2, False, [], [])
    problem(client.get("/v1/models/brightness/report", headers={"Accept": "image/png"}), 406, "not_acceptable")


def test_the_description_says_what_a_version_has(client: httpx.Client) -> None:
    first, second = (
        ModelDescription.model_validate(client.get(f"/v1/models/brightness/versions/{number}").json())
        for number in (1, 2)
    )
    assert first.report
    assert not second.report
    assert (second.int8, second.film, second.exemplars, second.quantization) == (False, [], False, None)


def test_the_description_tells_of_int8_and_of_the_film(serve_folder: ServeFolder, tmp_path: Path) -> None:
    onnx = brightness_graph()
    frame = Frame(file="00000010.onnx", sha256=sha256(onnx), step=10, validation_accuracy=0.5)
    made: Manifest = manifest(onnx).model_copy(update={"int8": manifest(onnx).onnx, "film": (frame,)})
    publish(tmp_path, made, evidence(), onnx, {INT8_FILE: onnx, f"{FILM_FOLDER}/{frame.file}": onnx})
    described = ModelDescription.model_validate(serve_folder(tmp_path).get("/v1/models/brightness").json())
    assert described.int8
    assert described.film == [frame]
