"""With the files that are exported Triton could serve the models folder: they are what its own schema says."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from service.errors import ExportFailed, ModelRefused, UnknownModel
from service.published import PublishedVersion, read_version
from service.state import STATE_FILE
from service.triton import describe, export
from service.versions import list_models
from tests.conftest import MODEL_NAMES, MODELS


def parse(path: Path) -> Any:  # noqa: ANN401 - a message's class is made at run time
    return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(MODELS / "digits", tmp_path / "digits")
    return tmp_path


def latest(name: str) -> PublishedVersion:
    folders = [folder for folder in (MODELS / name).iterdir() if folder.name.isdecimal()]
    return read_version(max(folders, key=lambda folder: int(folder.name)))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_configuration_says_what_the_graph_says(name: str) -> None:
    published = latest(name)
    config = text_format.Parse(describe(published, 16, is_latest=True), model_config_pb2.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == (name, "onnxruntime", 16)
    assert config.HasField("dynamic_batching")
    assert (published.folder / config.default_model_filename).is_file()
    graph = onnx.load(published.folder / config.default_model_filename).graph
    types = {onnx.TensorProto.UINT8: model_config_pb2.TYPE_UINT8, onnx.TensorProto.FLOAT: model_config_pb2.TYPE_FP32}
    for described, values in ((config.input, graph.input), (config.output, graph.output)):
        found = {value.name: value.type.tensor_type for value in values}
        assert {tensor.name for tensor in described} == found.keys()
        for tensor in described:
            assert tensor.data_type == types[found[tensor.name].elem_type]
            assert list(tensor.dims) == [size.dim_value for size in found[tensor.name].shape.dim[1:]]


def test_the_files_lie_beside_the_versions_and_the_registry_passes_them_by(models: Path) -> None:
    before = list_models(models)
    (written,) = export(models, [], 64)
    assert written.path == models / "digits" / "config.pbtxt"
    assert written.version == 2
    config = parse(written.path)
    assert config.version_policy.latest.num_versions == 1
    assert config.output[1].label_filename == "labels.txt"
    assert (models / "digits" / "labels.txt").read_text().splitlines() == list("0123456789")
    assert list_models(models) == before
    assert export(models, ["digits"], 64) == [written]


def test_a_version_that_is_promoted_is_the_one_that_is_exported(models: Path) -> None:
    (models / "digits" / STATE_FILE).write_text(json.dumps({"pinned": 1}))
    (written,) = export(models, ["digits"], 64)
    assert written.version == 1
    assert list(parse(written.path).version_policy.specific.versions) == [1]


def test_what_cannot_be_served_is_not_exported_either(models: Path) -> None:
    (models / "digits" / "2" / "model.onnx").write_bytes(b"broken")
    (written,) = export(models, [], 64)
    assert list(parse(written.path).version_policy.specific.versions) == [1]
    (models / "digits" / "1" / "model.onnx").write_bytes(b"broken")
    with pytest.raises(ModelRefused, match="digits/2"):
        export(models, [], 64)


def test_labels_that_fill_no_line_each_are_left_out(lenet: PublishedVersion) -> None:
    for label in ("two\nlines", ""):
        manifest = lenet.manifest.model_copy(update={"labels": (label, *lenet.manifest.labels[1:])})
        text = describe(lenet.model_copy(update={"manifest": manifest}), 16, is_latest=True)
        assert "labels.txt" not in text


def test_what_is_not_there_or_cannot_be_written_is_said_so(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"'nobody' in .*; there are: digits"):
        export(models, ["nobody"], 64)
    with pytest.raises(UnknownModel, match="there are: none"):
        export(tmp_path / "nothing", [], 64)
    (models / "digits" / "config.pbtxt").mkdir()
    with pytest.raises(ExportFailed, match="can't write"):
        export(models, [], 64)
