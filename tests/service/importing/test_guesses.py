"""What the graph tells is found out, what it can't tell is said, and what was said goes before what was found."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from service.contract import CenterCrop, MnistForm, Stretch
from service.errors import FixedBatch, InvalidSetting, NoClassifier, NoPictureInput
from service.importing.options import Normalisation
from tests.service.importing.foreign import SIDE, Foreign, ask, bring, noise, softmax, to_nchw, weight


def flat(**how: object) -> Foreign:
    return Foreign(**how).body().add("Flatten", axis=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (("n", 3, SIDE, SIDE), "layout nchw: the input is ? x 3 x 8 x 8"),
        (("n", 3, 3, 3), "layout nchw: the first convolution (first/conv)"),
        ((None, None, None, None), "layout nchw: the first convolution"),
        (None, "layout nchw: the first convolution"),
    ],
)
def test_the_layout_is_found_from_the_shape_or_the_first_convolution(
    tmp_path: Path, shape: tuple[int | str | None, ...] | None, found: str
) -> None:
    imported, version, engine = bring(flat(shape=shape).save(tmp_path), tmp_path)
    assert found in imported.describe()
    assert version.manifest.input.channels == 3
    pixels = noise(version, 2)
    np.testing.assert_allclose(
        engine.run(pixels).logits, ask(tmp_path / "foreign.onnx", to_nchw(pixels)), atol=1e-2, rtol=1e-5
    )


def test_channels_that_come_last_are_found(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", SIDE, None, None)).add("Transpose", perm=[0, 3, 1, 2]).body().add("Flatten", axis=1)
    imported, version, engine = bring(foreign.save(tmp_path), tmp_path, size=(SIDE, 6))
    assert "layout nhwc: the first convolution" in imported.describe()
    assert (version.manifest.input.height, version.manifest.input.width) == (SIDE, 6)
    pixels = noise(version)
    expected = ask(tmp_path / "foreign.onnx", pixels.astype(np.float32))
    np.testing.assert_allclose(engine.run(pixels).logits, expected, atol=1e-2, rtol=1e-5)


def test_a_network_without_convolution_says_what_it_needs(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", 1, 28, 1))
    foreign.weights["w"] = weight(28, 4)
    foreign.add("Flatten", axis=1).add("MatMul", "w")
    imported, *_ = bring(foreign.save(tmp_path), tmp_path)
    assert "which could be either; --layout nhwc otherwise" in imported.describe()
    foreign = Foreign(shape=("n", None, 28, 28))
    foreign.weights["w"] = weight(28 * 28, 4)
    path = foreign.add("Flatten", axis=1).add("MatMul", "w").save(tmp_path)
    with pytest.raises(NoPictureInput, match="say --layout"):
        bring(path, tmp_path)
    with pytest.raises(NoPictureInput, match="say --channels"):
        bring(path, tmp_path, layout="nchw")
    assert bring(path, tmp_path, layout="nchw", channels="gray")[1].manifest.input.channels == 1


def test_an_open_size_is_tried_out(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", 1, "h", "w"))
    foreign.weights["w"] = weight(28 * 28, 4)
    path = foreign.add("Flatten", axis=1).add("MatMul", "w").save(tmp_path)
    imported, *_ = bring(path, tmp_path)
    assert "size 28x28: the file leaves it open; it works (--input-size)" in imported.describe()
    imported, *_ = bring(path, tmp_path, preset="mnist")
    assert "size 28x28: the file leaves it open; the preset says so" in imported.describe()
    with pytest.raises(NoPictureInput, match="say --input-size"):
        bring(path, tmp_path, preset="imagenet", mean=(0.0,), std=(1.0,))


def test_what_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    path = flat().save(tmp_path)
    with pytest.raises(InvalidSetting, match="the file takes 8x8"):
        bring(path, tmp_path, size=(9, 8))
    with pytest.raises(InvalidSetting, match="2 numbers, but the network takes 3"):
        bring(path, tmp_path, mean=(1.0, 2.0))
    with pytest.raises(InvalidSetting, match="leaves nothing"):
        bring(path, tmp_path, std=(0.0,))
    with pytest.raises(InvalidSetting, match="is none; there are imagenet"):
        bring(path, tmp_path, preset="cifar")
    with pytest.raises(InvalidSetting, match="'mnist' needs channels = 1"):
        bring(path, tmp_path, resize=MnistForm())
    grey = Foreign(shape=("n", 1, SIDE, SIDE)).body(1).add("Flatten", axis=1).save(tmp_path)
    with pytest.raises(InvalidSetting, match="only be gray"):
        bring(grey, tmp_path, channels="bgr")
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize(
    ("said", "arithmetic"),
    [
        ({}, lambda x: x),
        ({"preset": "unit"}, lambda x: x / np.float32(255)),
        ({"scale": 2 / 255, "mean": (1.0,)}, lambda x: x * np.float32(2 / 255) - 1),
        (
            {"mean": (104.0, 117.0, 123.0), "channels": "bgr"},
            lambda x: x[..., ::-1] - np.array([104, 117, 123], np.float32),
        ),
        ({"channels": "gray", "preset": "mnist"}, lambda x: (x[..., [0, 0, 0]] / 255 - 0.1307) / 0.3081),
    ],
)
def test_pixels_become_the_networks_units(tmp_path: Path, said: dict[str, object], arithmetic: object) -> None:
    path = flat(shape=("n", 3, 28, 28)).save(tmp_path)
    _, version, engine = bring(path, tmp_path, **said)
    pixels = noise(version)
    prepared = arithmetic(pixels.astype(np.float32)).astype(np.float32)  # type: ignore[operator]
    expected = ask(path, np.ascontiguousarray(prepared.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(engine.run(pixels).logits, expected, atol=1e-3, rtol=1e-4)


def test_presets_say_how_a_picture_is_resized(tmp_path: Path) -> None:
    path = flat(shape=("n", 3, 28, 28)).save(tmp_path)
    assert isinstance(bring(path, tmp_path, preset="imagenet")[1].manifest.input.resize, CenterCrop)
    assert isinstance(bring(path, tmp_path, preset="mnist")[1].manifest.input.resize, Stretch)
    assert isinstance(bring(path, tmp_path, preset="mnist", channels="gray")[1].manifest.input.resize, MnistForm)
    assert isinstance(bring(path, tmp_path, preset="unit", resize=CenterCrop())[1].manifest.input.resize, CenterCrop)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("element", [TensorProto.UINT8, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_types_than_float(tmp_path: Path, element: int, layout: str) -> None:
    shape = ("n", 3, SIDE, SIDE) if layout == "nchw" else ("n", SIDE, SIDE, 3)
    foreign = Foreign(shape=shape, element=element).add("Cast", to=TensorProto.FLOAT)
    if layout == "nhwc":
        foreign.add("Transpose", perm=[0, 3, 1, 2])
    path = foreign.body().add("Flatten", axis=1).save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    dtype = helper.tensor_dtype_to_np_dtype(element)
    given = to_nchw(pixels) if layout == "nchw" else pixels
    np.testing.assert_allclose(engine.run(pixels).logits, ask(path, given.astype(dtype)), rtol=1e-2, atol=1e-2)
    if element == TensorProto.UINT8:
        with pytest.raises(InvalidSetting, match="nothing to scale"):
            bring(path, tmp_path, preset="unit")


def test_scores_in_half_precision_become_float32(tmp_path: Path) -> None:
    foreign = flat().add("Cast", to=TensorProto.FLOAT16, output="half")
    model = foreign.model()
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    path = tmp_path / "half.onnx"
    path.write_bytes(model.SerializeToString())
    _, version, engine = bring(path, tmp_path)
    assert engine.run(noise(version)).logits.dtype == np.float32


@pytest.mark.parametrize("opset", [9, 11, 13])
def test_the_head_is_found_behind_what_changes_no_number(tmp_path: Path, opset: int) -> None:
    """(n, K, 1, 1) with the softmax before it is flattened; the logits are what the softmax reads."""
    foreign = Foreign(opset=opset).body()
    before = foreign.last
    foreign.add("Softmax", name="head", axis=1).add("Flatten", axis=1).add("Identity")
    path = foreign.save(tmp_path)
    imported, version, engine = bring(path, tmp_path)
    assert "the graph ends in Softmax (head)" in imported.describe()
    pixels = noise(version)
    scores = engine.run(pixels)
    foreign.outputs = [before]
    logits = ask(foreign.save(tmp_path), to_nchw(pixels))
    np.testing.assert_allclose(scores.logits, logits, atol=1e-3, rtol=1e-5)
    np.testing.assert_allclose(scores.probabilities, softmax(logits), atol=1e-4)


def test_rows_of_four_dimensions_are_flattened(tmp_path: Path) -> None:
    _, version, engine = bring(Foreign().body().save(tmp_path), tmp_path)
    assert engine.run(noise(version)).logits.shape == (3, 5)


@pytest.mark.parametrize("operators", [["LogSoftmax"], ["Softmax", "Log"]])
def test_logarithms_of_probabilities_are_a_head_too(tmp_path: Path, operators: list[str]) -> None:
    foreign = Foreign().add("Div", "white")
    foreign.weights["white"] = np.array(255, np.float32)
    foreign.body().add("Flatten", axis=1)
    for operator in operators:
        foreign.add(operator, **dict[str, Any]({} if operator == "Log" else {"axis": 1}))
    path = foreign.save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    probabilities = engine.run(pixels).probabilities
    np.testing.assert_allclose(np.log(probabilities), ask(path, to_nchw(pixels)), atol=1e-4)
    assert version.manifest.head == "softmax"


@pytest.mark.parametrize("opset", [9, 13])
def test_probabilities_without_a_head_are_known_by_their_sum(tmp_path: Path, opset: int) -> None:
    """A softmax written in simple operators: its logits can't be told, so they are logarithms."""
    foreign = Foreign(opset=opset).add("Div", "white")
    foreign.weights |= {"white": np.array(255, np.float32)}
    foreign.body().add("Flatten", axis=1).add("Exp", output="powers")
    if opset < 13:
        foreign.add("ReduceSum", axes=[1], keepdims=1, output="sum")
    else:
        foreign.weights["axes"] = np.array([1], np.int64)
        foreign.add("ReduceSum", "axes", keepdims=1, output="sum")
    foreign.last = "powers"
    path = foreign.add("Div", "sum").save(tmp_path)
    for said in (None, "probabilities"):
        _, version, engine = bring(path, tmp_path, head=said)
        pixels = noise(version)
        scores = engine.run(pixels)
        np.testing.assert_allclose(scores.probabilities, ask(path, to_nchw(pixels)), atol=1e-5)
        np.testing.assert_allclose(softmax(scores.logits), scores.probabilities, atol=1e-5)
        assert np.isfinite(scores.logits).all()
        assert version.manifest.head == "softmax"


@pytest.mark.parametrize(("classes", "opset"), [(1, 13), (1, 9), (4, 13)])
def test_shares_that_are_no_distribution_are_sigmoids(tmp_path: Path, classes: int, opset: int) -> None:
    foreign = Foreign(opset=opset, classes=classes).add("Div", "white")
    foreign.weights |= {"white": np.array(255, np.float32), "one": np.array(1, np.float32)}
    foreign.body().add("Flatten", axis=1).add("Sigmoid").add("Mul", "one")
    path = foreign.save(tmp_path)
    _, version, engine = bring(path, tmp_path, head="probabilities")
    pixels = noise(version)
    scores = engine.run(pixels)
    assert version.manifest.head == "sigmoid"
    assert len(version.manifest.labels) == max(2, classes)
    np.testing.assert_allclose(scores.probabilities[:, -classes:], ask(path, to_nchw(pixels)), atol=1e-5)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-scores.logits[:, -classes:])), scores.probabilities[:, -classes:], atol=1e-5
    )


def test_one_number_needs_a_word(tmp_path: Path) -> None:
    path = Foreign(classes=1).body().add("Flatten", axis=1).save(tmp_path)
    with pytest.raises(NoClassifier, match="say --head sigmoid"):
        bring(path, tmp_path)
    _, version, engine = bring(path, tmp_path, head="sigmoid")
    scores = engine.run(noise(version))
    assert scores.logits.shape == (3, 2)
    assert version.manifest.labels == ("0", "1")


def test_a_head_that_contradicts_the_graph_is_refused(tmp_path: Path) -> None:
    path = flat().add("Softmax", axis=1).save(tmp_path)
    with pytest.raises(InvalidSetting, match="the graph itself ends in Softmax"):
        bring(path, tmp_path, head="sigmoid")
    with pytest.raises(InvalidSetting, match=r"--head probabilities: .* goes from"):
        bring(flat().save(tmp_path), tmp_path, head="probabilities")


def test_of_several_outputs_the_last_one_computed_is_taken(tmp_path: Path) -> None:
    foreign = flat()
    features = foreign.last
    foreign.weights["dense"] = weight(5, 7)
    foreign.add("MatMul", "dense", output="scores")
    foreign.outputs = [features, "scores", "v1"]
    imported, version, _ = bring(foreign.save(tmp_path), tmp_path)
    assert "scores: scores, 7 numbers a picture; the last of the outputs" in imported.describe()
    assert len(version.manifest.labels) == 7
    assert len(bring(tmp_path / "foreign.onnx", tmp_path, output=features)[1].manifest.labels) == 5
    with pytest.raises(NoClassifier, match="no value 'prob'; its outputs are"):
        bring(tmp_path / "foreign.onnx", tmp_path, output="prob")
    foreign.last = features
    foreign.add("Sigmoid", output="other")
    foreign.outputs = ["scores", "other"]
    with pytest.raises(NoClassifier, match="2 outputs could be the scores: scores, other"):
        bring(foreign.save(tmp_path), tmp_path)


def test_a_file_may_use_the_contracts_names_for_other_things(tmp_path: Path) -> None:
    foreign = Foreign().add("Identity", output="pixels").body().add("Flatten", axis=1, output="probabilities")
    path = foreign.add("Softmax", axis=1, output="logits").save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    np.testing.assert_allclose(engine.run(pixels).probabilities, ask(path, to_nchw(pixels)), atol=1e-5)


def test_a_batch_that_was_dropped_comes_back(tmp_path: Path) -> None:
    for opset in (11, 13):
        foreign = Foreign(opset=opset, shape=(1, 3, SIDE, SIDE)).body().add("Squeeze").add("Softmax", axis=0)
        path = foreign.save(tmp_path)
        imported, version, engine = bring(path, tmp_path)
        pixels = noise(version)
        np.testing.assert_allclose(engine.run(pixels).probabilities, ask(path, to_nchw(pixels)), atol=1e-5)
        assert "operators rewritten: 1" in imported.describe()


@pytest.mark.parametrize("axes", [[0, 2, 3], [0]])
@pytest.mark.parametrize("opset", [11, 13])
def test_a_batch_among_the_squeezed_is_kept(tmp_path: Path, opset: int, axes: list[int]) -> None:
    foreign = Foreign(opset=opset, shape=(1, 3, SIDE, SIDE)).body()
    foreign.weights["axes"] = np.array(axes, np.int64)
    foreign.add("Squeeze", axes=axes) if opset < 13 else foreign.add("Squeeze", "axes")
    path = foreign.save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    np.testing.assert_allclose(engine.run(pixels).logits, ask(path, to_nchw(pixels)), atol=1e-3, rtol=1e-5)


def test_sizes_that_are_written_out_follow_the_batch(tmp_path: Path) -> None:
    foreign = Foreign(opset=14, shape=(2, 3, SIDE, SIDE))
    foreign.weights |= {
        "sizes": np.array([2, 3, 16, 16], np.int64),
        "wide": np.array([2, 3, 16, 16], np.int64),
        "shape": np.array([2, 5], np.int64),
        "none": np.array([], np.float32),
    }
    foreign.nodes.append(_resize())
    foreign.last = "resized"
    foreign.add("Expand", "wide").body().add("Reshape", "shape", allowzero=1)
    path = foreign.save(tmp_path)
    imported, version, engine = bring(path, tmp_path)
    assert "made for 2 at a time, now for any number; operators rewritten: 3" in imported.describe()
    pixels = noise(version, 3)
    assert engine.run(pixels).logits.shape == (3, 5)
    np.testing.assert_allclose(engine.run(pixels[:1]).logits, engine.run(pixels).logits[:1], rtol=1e-4)


def _resize() -> NodeProto:

    made: NodeProto = helper.make_node("Resize", ["picture", "", "", "sizes"], ["resized"], mode="nearest")
    return made


def test_answers_that_depend_on_the_other_pictures_are_refused(tmp_path: Path) -> None:
    foreign = Foreign(opset=13, shape=(1, 3, SIDE, SIDE)).body().add("Flatten", axis=1, output="rows")
    foreign.add("ReduceMean", axes=[0], keepdims=1, output="mean")
    foreign.last = "rows"
    path = foreign.add("Mul", "mean").save(tmp_path)
    with pytest.raises(FixedBatch, match="several pictures at once"):
        bring(path, tmp_path)
    assert not list((tmp_path / "models").iterdir())


def test_a_batch_that_the_arithmetic_needs_is_refused(tmp_path: Path) -> None:
    foreign = Foreign(shape=(2, 3, SIDE, SIDE))
    foreign.weights["each"] = weight(2, 5)
    path = foreign.body().add("Flatten", axis=1).add("Add", "each").save(tmp_path)
    with pytest.raises(FixedBatch, match="made for 2"):
        bring(path, tmp_path)


def test_arithmetic_is_told_in_words() -> None:
    assert Normalisation().describe() == "value = pixel, 0 to 255"
    assert Normalisation(1 / 255).describe() == "value = pixel / 255"
    assert Normalisation(0.5, (1.0, 2.0, 3.0)).describe() == "value = pixel / 2, then (value - (1, 2, 3)) / 1"
    assert Normalisation(1.5).describe() == "value = pixel · 1.5"
