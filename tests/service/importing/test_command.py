"""`convscope import` as a person uses it, and what was imported, served."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from service.__main__ import make_cli
from service.errors import InvalidSetting
from service.published import read_version
from tests.service.importing.foreign import SIDE, Foreign

FILES = Path(__file__).parent / "files"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", "import", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_file_is_published_and_what_was_guessed_is_said(tmp_path: Path) -> None:
    ended = run(str(FILES / "tf2onnx_lenet.onnx"), "--name", "lenet", "--models", str(tmp_path / "models"))
    assert ended.returncode == 0, ended.stderr
    for said in (
        "importing tf2onnx_lenet.onnx",
        "layout nhwc: the input is ? x 28 x 28 x 1",
        "the graph ends in Softmax",
        "nothing in the file tells its units",
        "how right it is isn't known",
        f"published {tmp_path / 'models' / 'lenet' / '1'}: 11 layers, 2,432 parameters",
    ):
        assert said in ended.stdout
    manifest = read_version(tmp_path / "models" / "lenet" / "1").manifest
    assert manifest.labels == tuple("0123456789")
    assert manifest.description == "Imported from tf2onnx_lenet.onnx; its accuracy is not known."
    assert manifest.imported
    assert manifest.imported.producer.startswith("tf2onnx 1.17.0")
    assert "convscope import tf2onnx_lenet.onnx --name lenet" in manifest.imported.command


def test_what_is_refused_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("no onnx")
    ended = run(str(tmp_path / "a.onnx"), "--name", "a", "--models", str(tmp_path / "models"))
    assert (ended.returncode, ended.stderr) == (1, "convscope: a.onnx is no ONNX file\n")


def test_every_option_arrives(tmp_path: Path) -> None:
    path = Foreign(shape=("n", None, "h", "w")).body().add("Flatten", axis=1, output="scores").save(tmp_path)
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(list("abcde")))
    given = (
        f"import {path} --name net --labels {labels} --preset unit --input-size 10x12 --layout nchw --scale 1/127.5"
        f" --mean 1,1,1 --std 0.5 --channels bgr --resize center-crop --output scores --head sigmoid"
    )
    ended = CliRunner().invoke(make_cli(), [*given.split(), "--models", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    manifest = read_version(tmp_path / "net" / "1").manifest
    assert manifest.labels == tuple("abcde")
    assert (manifest.input.height, manifest.input.width, manifest.input.resize.kind) == (10, 12, "center-crop")
    assert manifest.head == "sigmoid"
    assert "then (value - (1, 1, 1)) / 0.5" in ended.output
    assert manifest.imported
    assert manifest.imported.command == (
        "convscope import foreign.onnx --name net --labels labels.json --preset unit --input-size 10x12 --layout nchw"
        " --scale 1/127.5 --mean 1,1,1 --std 0.5 --channels bgr --resize center-crop --output scores --head sigmoid"
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--scale", "1/0"),
        ("--mean", "a,b"),
        ("--layout", "hwc"),
        ("--channels", "yuv"),
        ("--head", "relu"),
        ("--resize", "crop"),
        ("--preset", "cifar"),
        ("--input-size", "0x3"),
        ("--std", "inf"),
        ("--input-size", "1x2x3"),
    ],
)
def test_a_bad_option_is_named(tmp_path: Path, option: str, value: str) -> None:
    path = Foreign(shape=("n", 3, SIDE, SIDE)).body().save(tmp_path)
    ended = CliRunner().invoke(
        make_cli(), ["import", str(path), "--name", "a", "--models", str(tmp_path), option, value]
    )
    assert isinstance(ended.exception, InvalidSetting)
    assert option in str(ended.exception)


@pytest.mark.parametrize("name", ["tf2onnx_mobile", "keras_mobile", "tf2onnx_fixed_batch"])
def test_what_was_imported_is_served_and_looked_into(
    tmp_path: Path, data: Path, serve_folder: Callable[[Path], httpx.Client], name: str
) -> None:
    ended = CliRunner().invoke(
        make_cli(), ["import", str(FILES / f"{name}.onnx"), "--name", "net", "--models", str(tmp_path)]
    )
    assert ended.exit_code == 0, ended.output
    client = serve_folder(tmp_path)
    picture = (data / "images" / "chelsea.png").read_bytes()
    predictions = client.post("/v1/models/net/predict?top_k=10", files={"file": picture}).json()["predictions"]
    assert sum(each["probability"] for each in predictions) == pytest.approx(1, abs=1e-4)
    layers = client.get("/v1/models/net/layers").json()["layers"]
    found = client.post("/v1/models/net/activations", files={"file": picture}).json()["layers"]
    assert [each["name"] for each in found] == [each["name"] for each in layers]
    assert client.get("/v1/models/net").json()["test"]["pictures"] == 0
