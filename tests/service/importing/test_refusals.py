"""What can't become a version is refused by name, and nothing is published; no file ends in a traceback."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from service.errors import ConvscopeError, InvalidSetting
from service.importing.errors import (
    ExternalDataRefused,
    ImportRefused,
    NoClassifier,
    NoPictureInput,
    NotOnnx,
    SeveralInputs,
    UnsupportedOperators,
    UnsupportedOpset,
)
from service.importing.importer import import_file
from service.importing.options import ImportOptions
from tests.service.importing.foreign import CLASSES, SIDE, Foreign, bring, save, weight


def good() -> Foreign:
    return Foreign().body().add("Flatten", axis=1)


def with_input(shape: list[int | str] | None, element: int) -> Callable[[], ModelProto]:
    return lambda: good_for(helper.make_tensor_value_info("picture", element, shape))


def good_for(value: onnx.ValueInfoProto) -> ModelProto:
    model = good().model()
    model.graph.input[0].CopyFrom(value)
    return model


def several_inputs() -> ModelProto:
    model = good().model()
    model.graph.input.append(helper.make_tensor_value_info("is_training", TensorProto.BOOL, []))
    return model


def no_input() -> ModelProto:
    foreign = Foreign()
    foreign.weights["picture"] = weight(1, 3, SIDE, SIDE)
    model = foreign.body().model()
    del model.graph.input[:]
    return model


def no_tensor() -> ModelProto:
    return good_for(helper.make_tensor_sequence_value_info("picture", TensorProto.FLOAT, None))


def custom() -> ModelProto:
    model = good().add("Magic").model()
    model.graph.node[-1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def of_opset(opset: int) -> Callable[[], ModelProto]:
    def make() -> ModelProto:
        model = Foreign(opset=13).body().model()
        model.opset_import[0].version = opset
        return model

    return make


def broken_rules() -> ModelProto:
    model = good().model()
    model.graph.node[0].input[0] = "nothing"
    return model


def map_of_scores() -> ModelProto:
    return Foreign().body().add("Flatten", axis=1).add("Reshape", "shape").model()


def reshaped() -> ModelProto:
    foreign = good()
    foreign.weights["shape"] = np.array([0, 1, 5, 1, 1], np.int64)
    return foreign.add("Reshape", "shape").add("Concat", "v4", axis=1).model()


def segmentation() -> ModelProto:
    foreign = Foreign()
    foreign.weights["w"] = weight(2, 3, 3, 3)
    return foreign.add("Conv", "w").model()


def whole_numbers() -> ModelProto:
    model = good().add("ArgMax", axis=1).model()
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


def different_sizes() -> ModelProto:
    return good().add("Relu", output="rows").add("NonZero").add("Cast", to=TensorProto.FLOAT).model()


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (several_inputs, SeveralInputs, "takes 2 inputs, picture, is_training"),
        (no_input, NoPictureInput, "no input at all"),
        (no_tensor, NoPictureInput, "is no tensor"),
        (with_input(["n", 10], TensorProto.FLOAT), NoPictureInput, r"2 dimensions \(\? x 10\)"),
        (with_input(["n", 4, 8, 8], TensorProto.FLOAT), NoPictureInput, "neither the second nor the last|4 channels"),
        (with_input(["n", 3, 8, 8], TensorProto.INT64), NoPictureInput, "is int64"),
        (with_input(["n", 3, 2**31 - 1, 8], TensorProto.FLOAT), NoPictureInput, "2,147,483,647 x 8 pixels"),
        (with_input(["n", 3, 2**31 - 1, "w"], TensorProto.FLOAT), NoPictureInput, "may have 16,777,216"),
        (with_input([2**31, 3, 8, 8], TensorProto.FLOAT), NoPictureInput, r"2,147,483,648 picture\(s\)"),
        (custom, UnsupportedOperators, "Magic of 'com.example'"),
        (of_opset(6), UnsupportedOpset, "opset 6; opsets from 7"),
        (of_opset(1000), UnsupportedOpset, "opset 1000, which this onnxruntime"),
        (broken_rules, NotOnnx, "breaks ONNX's rules"),
        (reshaped, NoClassifier, r"gives v5 float32 \(n, 2, 5, 1, 1\)"),
        (segmentation, NoClassifier, r"gives v0 float32 \(n, 2, 6, 6\)"),
        (whole_numbers, NoClassifier, "int64"),
        (different_sizes, ImportRefused, "different sizes|K numbers"),
    ],
)
def test_it_is_refused_by_name(
    tmp_path: Path, make: Callable[[], ModelProto], error: type[ImportRefused], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        bring(save(make(), tmp_path), tmp_path)
    assert caught.value.code != ConvscopeError.code
    assert caught.value.status == 422
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x89PNG\r\n\x1a\n", b"\x08\x0a", b'{"a": 1}'])
def test_what_is_no_onnx_is_called_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.onnx"
    path.write_bytes(content)
    with pytest.raises(NotOnnx, match=r"file\.onnx is no ONNX file"):
        bring(path, tmp_path)


def test_a_file_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"missing\.onnx can't be read: No such file"):
        bring(tmp_path / "missing.onnx", tmp_path)


@pytest.mark.parametrize("location", ["../outside.data", "/etc/hostname", "", "sub/../../outside.data", "link.data"])
def test_weights_outside_the_folder_are_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "outside.data").write_bytes(bytes(10000))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.data").symlink_to(tmp_path / "outside.data")
    model = good().model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    with pytest.raises(ExternalDataRefused, match="outside its own folder"):
        bring(save(model, folder), tmp_path)


@pytest.mark.parametrize(("size", "said"), [(None, "isn't beside it"), (10, "weights in 'w.data'")])
def test_weights_that_are_missing_or_cut_short_are_refused(tmp_path: Path, size: int | None, said: str) -> None:
    model = good().model()
    onnx.save_model(model, tmp_path / "a.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    data = tmp_path / "w.data"
    data.unlink() if size is None else data.write_bytes(data.read_bytes()[:size])
    with pytest.raises((ExternalDataRefused, NotOnnx), match=said):
        bring(tmp_path / "a.onnx", tmp_path)


def test_a_name_that_no_model_may_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="name: "):
        import_file(good().save(tmp_path), ImportOptions(name="../evil"), tmp_path / "models")


def test_chance_in_the_graph_is_found_out(tmp_path: Path) -> None:
    foreign = good()
    foreign.nodes.append(helper.make_node("RandomNormal", [], ["chance"], shape=[1, CLASSES]))
    with pytest.raises(ImportRefused, match="differently"):
        bring(foreign.add("Add", "chance").save(tmp_path), tmp_path)


def test_a_network_that_answers_nothing_finite_is_refused(tmp_path: Path) -> None:
    foreign = good()
    foreign.weights["endless"] = np.array(np.inf, np.float32)
    with pytest.raises(ImportRefused, match="infinite"):
        bring(foreign.add("Mul", "endless").save(tmp_path), tmp_path)


def _small() -> bytes:
    foreign = Foreign(opset=13, shape=(1, 3, SIDE, SIDE))
    foreign.weights["shape"] = np.array([1, 5], np.int64)
    constant = helper.make_node("Constant", [], ["scale"], value=numpy_helper.from_array(weight(5)))
    foreign.nodes.append(constant)
    model = foreign.body().add("Reshape", "shape").add("Mul", "scale").add("Softmax", axis=1).model()
    return bytes(model.SerializeToString())


SMALL = _small()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.integers(0, len(SMALL) - 1))
def test_files_cut_short_are_refused_without_a_traceback(tmp_path: Path, end: int) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(SMALL[:end])
    with pytest.raises(ConvscopeError):
        bring(path, tmp_path)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits_are_refused_or_answer_alike(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(SMALL)
    for place, bit in flips:
        content[place] ^= 1 << bit
    path = tmp_path / "flipped.onnx"
    path.write_bytes(content)
    try:
        _, version, _ = bring(path, tmp_path)
    except ConvscopeError:
        return
    assert version.evidence.parity.max_abs_difference <= version.evidence.parity.tolerance
