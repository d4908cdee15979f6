"""What a published version has to be, and how one that isn't is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.contract import MnistForm, PictureInput
from service.errors import ContractTooNew, ModelRefused
from service.publish import publish
from service.published import PublishedVersion, read_version
from tests.published import brightness_graph, evidence, manifest, white_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good version."""
    onnx = brightness_graph()
    return publish(tmp_path, manifest(onnx), evidence("a.png"), onnx, {"samples/a.png": white_png()})


def change(path: Path, edit: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def test_a_good_version_is_read(folder: Path) -> None:
    version = read_version(folder)
    assert (version.name, version.version) == ("brightness", 1)
    assert version.manifest.labels == ("dark", "bright")


def test_a_changed_graph_is_refused(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelRefused, match="changed after it was published"):
        read_version(folder)


def test_a_newer_contract_is_refused_by_name(folder: Path) -> None:
    change(folder / "manifest.json", lambda document: document.update(contract=7, unheard_of=True))
    with pytest.raises(ContractTooNew, match=r"brightness/1 was published under contract 7.*up to 1"):
        read_version(folder)


@pytest.mark.parametrize("file", ["manifest.json", "evidence.json"])
def test_an_unknown_key_is_refused(folder: Path, file: str) -> None:
    change(folder / file, lambda document: document.update(lables=[]))
    with pytest.raises(ModelRefused, match="lables"):
        read_version(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("labels", [], "labels"),
        ("labels", ["a", "a"], "two labels are the same"),
        ("head", "argmax", "head"),
        ("contract", "one", "contract"),
        ("name", "../digits", "name"),
        ("input", {"height": 0, "width": 4, "channels": 1, "resize": {"kind": "stretch"}}, "height"),
        ("input", {"height": 4, "width": 4, "channels": 1, "resize": {"kind": "warp"}}, "warp"),
        ("input", {"height": 2**20, "width": 2**20, "channels": 1, "resize": {"kind": "stretch"}}, "more than"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_place(folder: Path, key: str, value: object, message: str) -> None:
    change(folder / "manifest.json", lambda document: document.update({key: value}))
    with pytest.raises(ModelRefused, match=message):
        read_version(folder)


@pytest.mark.parametrize("file", ["manifest.json", "evidence.json", "model.onnx", "samples/a.png"])
def test_a_missing_file_is_refused_by_name(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelRefused, match=file):
        read_version(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "\0"])
def test_a_manifest_that_is_no_document_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ModelRefused):
        read_version(folder)


def test_a_copy_under_another_models_name_is_refused(folder: Path) -> None:
    other = folder.parent.parent / "other"
    folder.parent.rename(other)
    with pytest.raises(ModelRefused, match="brightness"):
        read_version(other / "1")


def test_mnists_form_needs_one_channel_and_room() -> None:
    with pytest.raises(ValidationError, match="channels"):
        PictureInput(height=28, width=28, channels=3, resize=MnistForm())
    with pytest.raises(ValidationError, match="box"):
        PictureInput(height=16, width=28, channels=1, resize=MnistForm())


def test_the_published_models_keep_the_contract(digits: PublishedVersion) -> None:
    assert digits.manifest.labels == tuple("0123456789")
    assert digits.manifest.metrics["accuracy"] >= 0.99
    assert digits.evidence.parity.pictures >= 256
    assert digits.evidence.parity.max_abs_difference <= digits.evidence.parity.tolerance
    assert len(digits.onnx) < 2_000_000
