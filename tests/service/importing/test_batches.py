"""A batch size that is only written down is taken out; one that the arithmetic needs is refused."""

from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, helper

from service.importing.errors import FixedBatch
from tests.service.importing.foreign import SIDE, Foreign, ask, bring, noise, to_nchw, weight


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
