"""Files of the exporters that people have: PyTorch's two, tf2onnx, Keras, Caffe2's way of writing weights."""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.engine import Provider
from service.inspection.activations import load_inspector
from tests.service.importing.foreign import SIDE, Foreign, ask, bring, noise, save, softmax, to_nchw, weight

FILES = Path(__file__).parent / "files"
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class Small(nn.Module):
    """What most classifiers are made of; `view` is where exporters write the batch size down."""

    def __init__(self, head: nn.Module | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.dense = nn.Linear(6 * 2 * 2, 5)
        self.head = head
        self.train()(torch.randn(8, 3, SIDE, SIDE))  # running statistics of their own
        self.eval()

    def forward(self, picture: Tensor) -> Tensor:
        x = torch.max_pool2d(torch.relu(self.norm(self.conv1(picture))), 2)
        x = self.conv2(x)
        x = self.dense(x.view(x.size(0), -1))
        scores: Tensor = x if self.head is None else self.head(x)
        return scores


def export(network: nn.Module, path: Path, opset: int, *, dynamo: bool, is_open: bool) -> None:
    example = (torch.zeros(2 if is_open and dynamo else 1, 3, SIDE, SIDE),)
    how: dict[str, object] = {"external_data": False} if dynamo else {}
    if is_open:
        how |= {"dynamic_shapes": ({0: torch.export.Dim("n")},)} if dynamo else {"dynamic_axes": {"picture": {0: "n"}}}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, example, path, input_names=["picture"], opset_version=opset, dynamo=dynamo,
            **how,  # type: ignore[arg-type]
        )  # fmt: skip


@pytest.mark.parametrize(
    ("opset", "dynamo", "is_open", "head"),
    [
        (9, False, True, None),
        (9, False, False, nn.Softmax(1)),
        (11, False, False, None),
        (13, False, True, nn.LogSoftmax(1)),
        (17, False, False, nn.Sigmoid()),
        (20, False, True, nn.Softmax(1)),
        (18, True, True, nn.LogSoftmax(1)),
        (20, True, False, nn.Softmax(1)),
    ],
)
def test_pytorchs_files_answer_as_the_network_does(
    tmp_path: Path, opset: int, *, dynamo: bool, is_open: bool, head: nn.Module | None
) -> None:
    network = Small(head)
    path = tmp_path / "small.onnx"
    export(network, path, opset, dynamo=dynamo, is_open=is_open)
    imported, version, engine = bring(path, tmp_path, preset="imagenet")
    pixels = noise(version)
    prepared = ((pixels.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    network.head = None
    with torch.no_grad():
        logits = network(torch.from_numpy(np.ascontiguousarray(prepared))).numpy()
    scores = engine.run(pixels)
    np.testing.assert_allclose(scores.logits, logits, atol=1e-4)
    is_sigmoid = isinstance(head, nn.Sigmoid)
    expected = 1 / (1 + np.exp(-logits)) if is_sigmoid else softmax(logits)
    np.testing.assert_allclose(scores.probabilities, expected, atol=1e-5)
    assert version.manifest.head == ("sigmoid" if is_sigmoid else "softmax")
    assert version.manifest.onnx.opset == opset
    assert version.manifest.onnx.parameters >= 112 + 222 + 125
    assert version.evidence.parity.max_abs_difference <= version.evidence.parity.tolerance
    assert version.evidence.test.pictures == 0
    assert "how right it is isn't known" in imported.describe()


def test_layers_have_the_files_own_names_behind_one_preprocessing(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    export(Small(None), path, 13, dynamo=False, is_open=True)
    _, version, engine = bring(path, tmp_path, preset="imagenet", channels="bgr")
    inspector = load_inspector(version, Provider.CPU, 1)
    layers = inspector.layers
    assert [layer.kind for layer in layers][:3] == ["preprocessing", "conv", "relu"]
    assert [layer.kind for layer in layers].count("preprocessing") == 1
    assert layers[1].name == "/conv1/Conv"
    assert layers[0].output_shape == [3, SIDE, SIDE]
    pixels = noise(version, 1)
    values = dict(zip([layer.name for layer in layers], inspector.activations(pixels[0]), strict=True))
    prepared = ((pixels[0, ..., ::-1].astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)
    np.testing.assert_allclose(values["preprocessing"][1], prepared, atol=1e-5)
    np.testing.assert_allclose(values["softmax"][1], engine.run(pixels).probabilities[0], atol=1e-5)


@pytest.mark.parametrize(
    "name", ["tf2onnx_lenet", "tf2onnx_fixed_batch", "tf2onnx_mobile", "keras_mobile", "keras_lenet"]
)
def test_tensorflows_files_answer_as_tensorflow_did(tmp_path: Path, name: str) -> None:
    recorded = json.loads((FILES / f"{name}.json").read_text())
    _, version, engine = bring(FILES / f"{name}.onnx", tmp_path)
    picture: NDArray[np.uint8] = np.array(recorded["picture"], np.uint8).reshape(1, *recorded["shape"])
    scores = engine.run(np.repeat(picture, 2, axis=0))
    form = scores.logits if name in {"tf2onnx_fixed_batch", "tf2onnx_mobile"} else scores.probabilities
    expected = np.array(recorded["answer"])
    np.testing.assert_allclose(form[1][-len(expected) :], expected, atol=1e-4, rtol=1e-4)
    layers = load_inspector(version, Provider.CPU, 1).layers
    assert [layer.kind for layer in layers][:2] == ["preprocessing", "conv"]
    assert layers[0].output_shape == [recorded["shape"][2], *recorded["shape"][:2]]


@pytest.mark.parametrize("opset", [7, 9])
def test_caffe2s_way_weights_are_inputs_too_and_the_batch_is_written_into_shapes(tmp_path: Path, opset: int) -> None:
    foreign = Foreign(opset=opset, shape=(1, 3, SIDE, SIDE))
    foreign.weights |= {
        "w": weight(4, 3, 3, 3),
        "shape": np.array([1, 64], np.int64),
        "dense": weight(64, 5),
        "bias": weight(5),
    }
    foreign.add("Conv", "w", kernel_shape=[3, 3], pads=[1, 1, 1, 1]).add("Relu")
    foreign.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2]).add("Reshape", "shape")
    foreign.add("Gemm", "dense", "bias", output="fc_1").add("Softmax", output="prob_1")
    path = foreign.save(tmp_path, as_inputs=True, ir_version=3)
    imported, version, engine = bring(path, tmp_path)
    pixels = noise(version, 4)
    expected = ask(path, to_nchw(pixels))
    np.testing.assert_allclose(engine.run(pixels).probabilities, expected, atol=1e-5)
    assert "made for 1 at a time, now for any number; operators rewritten: 1" in imported.describe()
    assert len(onnx.load_model_from_string(version.onnx).graph.input) == 1


@pytest.mark.parametrize("is_filled", [False, True])
def test_weights_may_be_constant_nodes(tmp_path: Path, *, is_filled: bool) -> None:
    foreign = Foreign().body().add("Flatten", axis=1)
    array = foreign.weights.pop("w")
    if is_filled:
        foreign.weights["size"] = np.array(array.shape, np.int64)
        fill = onnx.numpy_helper.from_array(np.array([0.25], np.float32))
        made = onnx.helper.make_node("ConstantOfShape", ["size"], ["w"], value=fill)
    else:
        made = onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(array))
    foreign.nodes.insert(0, made)
    path = foreign.save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    np.testing.assert_allclose(engine.run(pixels).logits, ask(path, to_nchw(pixels)), atol=1e-3, rtol=1e-5)
    assert version.manifest.onnx.parameters == 5 * 27 + 5
    assert {each.name for each in onnx.load_model_from_string(version.onnx).graph.initializer} >= {"w", "b"}


def test_weights_in_a_file_beside_it_are_taken_in(tmp_path: Path) -> None:
    model = Foreign().body().add("Flatten", axis=1).model()
    onnx.save_model(model, tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=0)
    assert (tmp_path / "big.data").is_file()
    _, version, engine = bring(tmp_path / "big.onnx", tmp_path)
    pixels = noise(version)
    expected = ask(save(Foreign().body().add("Flatten", axis=1).model(), tmp_path), to_nchw(pixels))
    np.testing.assert_allclose(engine.run(pixels).logits, expected, atol=1e-3, rtol=1e-5)


def test_functions_of_the_file_are_written_out(tmp_path: Path) -> None:
    model = Foreign().body().add("Flatten", axis=1).model()
    model.graph.node[1].CopyFrom(onnx.helper.make_node("Gate", ["v0"], ["v1"], domain="mine"))
    relu = onnx.helper.make_node("Relu", ["x"], ["y"])
    opset = [onnx.helper.make_opsetid("", 13)]
    model.functions.append(onnx.helper.make_function("mine", "Gate", ["x"], ["y"], [relu], opset))
    model.opset_import.append(onnx.helper.make_opsetid("mine", 1))
    _, version, _ = bring(save(model, tmp_path), tmp_path)
    kinds = [layer.kind for layer in load_inspector(version, Provider.CPU, 1).layers]
    assert kinds == ["preprocessing", "conv", "relu", "global_average_pool", "flatten", "softmax"]
