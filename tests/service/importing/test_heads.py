"""The scores and what stands behind them: logits are what the head reads, or logarithms where that can't be told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from service.errors import InvalidSetting
from service.importing.errors import NoClassifier
from tests.service.importing.foreign import Foreign, ask, bring, noise, softmax, to_nchw, weight


def flat(**how: object) -> Foreign:
    return Foreign(**how).body().add("Flatten", axis=1)  # type: ignore[arg-type]


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
