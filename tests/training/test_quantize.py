"""A float graph to an int8 one: the same contract, nearly the same answers, and a judgement of what it is worth."""

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from service.contract import INT8_FILE, Manifest
from service.engine import Engine, Pixels, Provider, Scores, load_engine
from service.publish import publish, sha256
from service.published import read_version
from tests.published import evidence
from tests.training.learnt import learn, load
from training.data.dataset import Dataset, Split
from training.evaluate import answer, evaluate
from training.quantize import is_worth_it, judge, measure, quantize

Loaded = tuple[Engine, bytes, Manifest]


@pytest.fixture(scope="module")
def loaded(ticks: Dataset) -> Loaded:
    return load(learn(ticks), ticks)


@pytest.fixture(scope="module")
def int8(ticks: Dataset, loaded: Loaded) -> bytes:
    return quantize(loaded[1], ticks.train.pictures[slice(0, 600)])


def test_the_int8_graph_keeps_the_contract_and_the_answers(ticks: Dataset, loaded: Loaded, int8: bytes) -> None:
    engine, _, manifest = loaded
    small = load_engine(manifest, int8, Provider.CPU, 1)
    before, after = (evaluate(answer(one, ticks.test), ticks.test, ticks.labels).accuracy for one in (engine, small))
    assert abs(before - after) <= 0.02
    model = onnx.load_model_from_string(int8)
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert [output.name for output in model.graph.output] == ["logits", "probabilities"]
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    quantised = [name for name in weights if name.startswith(("conv.weight", "dense.weight")) and name.endswith("ed")]
    assert quantised == ["conv.weight_quantized"], "the last dense layer stays in float32"
    for name in quantised:
        assert weights[name].data_type == TensorProto.INT8
    scales = next(tensor for name, tensor in weights.items() if name.startswith("conv.weight") and "scale" in name)
    assert list(scales.dims) == [4], "a scale for each channel"


def test_quantising_says_nothing_and_leaves_nothing(
    ticks: Dataset, loaded: Loaded, int8: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    level = logging.root.level
    assert quantize(loaded[1], ticks.train.pictures[slice(0, 600)]) == int8, "the same pictures give the same bytes"
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert logging.root.level == level
    assert b"/tmp" not in int8


def test_it_can_be_published(loaded: Loaded, int8: bytes, tmp_path: Path) -> None:
    _, graph, manifest = loaded
    named = manifest.model_copy(update={"int8": manifest.onnx.model_copy(update={"sha256": sha256(int8)})})
    folder = publish(tmp_path, named, evidence(), graph, {INT8_FILE: int8})
    assert read_version(folder).int8 == int8


class Slow(Engine):
    """An engine that takes so many times as long, and answers otherwise where it is told to."""

    def __init__(self, engine: Engine, times: int, *, wrong: bool = False) -> None:
        self._engine, self._times, self._wrong = engine, times, wrong

    def run(self, pixels: Pixels) -> Scores:
        for _ in range(self._times):
            scores = self._engine.run(pixels)
        return Scores(-scores.logits, 1 - scores.probabilities) if self._wrong else scores


def test_the_faster_one_is_found(ticks: Dataset, loaded: Loaded) -> None:
    engine = loaded[0]
    assert measure(Slow(engine, 8), engine, ticks.input) > 2
    assert measure(engine, Slow(engine, 8), ticks.input) < 0.5


def test_it_serves_only_if_it_is_faster_and_as_right(ticks: Dataset, loaded: Loaded) -> None:
    engine = loaded[0]
    accuracy = evaluate(answer(engine, ticks.test), ticks.test, ticks.labels).accuracy
    faster = judge(Slow(engine, 8), engine, ticks, accuracy, accuracy)
    assert faster.serves
    assert faster.accuracy == accuracy
    assert faster.speedup > 2
    assert not judge(engine, Slow(engine, 8), ticks, accuracy, accuracy).serves
    wrong = judge(Slow(engine, 8), engine, ticks, accuracy, 1 - accuracy)
    assert wrong.accuracy == 1 - accuracy
    assert not wrong.serves


@pytest.mark.parametrize(
    ("before", "after", "speedup", "serves"),
    [
        (0.9, 0.897, 1.01, True), (0.9, 0.8969, 1.01, False), (0.9, 0.9, 1.0, False), (0.9, 0.95, 0.99, False),
        (0.0, 0.0, 2.0, True),
    ],
)  # fmt: skip
def test_the_rule(before: float, after: float, speedup: float, *, serves: bool) -> None:
    assert is_worth_it(before, after, speedup) is serves


def test_what_no_test_picture_proved_does_not_serve(ticks: Dataset, loaded: Loaded) -> None:
    empty = Split(ticks.test.pictures[slice(0, 0)], np.zeros(0, np.int64))
    nothing = Dataset(ticks.name, "", ticks.labels, ticks.input, ticks.train, ticks.validation, empty, ())
    assert not judge(Slow(loaded[0], 8), loaded[0], nothing, 0.0, 0.0).serves
