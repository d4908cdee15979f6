"""A new version answers only if it isn't worse than the one that does, on the same pictures, by more than a margin."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.contract import CenterCrop, MnistForm
from service.engine import Scores
from service.publish import publish
from service.state import ModelState, change_state
from service.versions import list_model
from tests.conftest import MODELS
from tests.published import LABELS, brightness_graph, evidence, manifest
from tests.training.test_pipeline import train_ticks
from training.config import TrainingConfig
from training.data.dataset import Dataset, Split
from training.gate import Verdict, judge_against_serving, measure_chance

ONNX = brightness_graph()
NEW = manifest(ONNX)
RIGHT = np.array([0, 1] * 100)
"""What the brightness graph answers to the pictures of `dataset`."""


def dataset(wrong: int = 0) -> Dataset:
    """200 black and white pictures, so many of which the brightness graph has wrong, as they are labelled."""
    pictures = np.repeat(RIGHT.astype(np.uint8) * 255, 16).reshape(-1, 4, 4, 1)
    labels = RIGHT.copy()
    labels[:wrong] = 1 - labels[:wrong]
    empty = Split(pictures[:0], labels[:0])
    return Dataset("shades", "", LABELS, NEW.input, empty, empty, Split(pictures, labels), ())


def scores(answers: NDArray[np.int64]) -> Scores:
    logits = np.eye(2, dtype=np.float32)[answers]
    return Scores(logits, logits)


def differing(*at: int) -> NDArray[np.int64]:
    answers = RIGHT.copy()
    answers[list(at)] = 1 - answers[list(at)]
    return answers


def judge(models: Path, answers: NDArray[np.int64], margin: float = 0.005, wrong: int = 0) -> Verdict:
    return judge_against_serving(models / "brightness", NEW, scores(answers), dataset(wrong), margin)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    publish(tmp_path, NEW, evidence(), ONNX, {})
    return tmp_path


def test_worse_by_more_than_the_margin_is_held(models: Path) -> None:
    same, one, two = (judge(models, differing(*range(count))).gate for count in (0, 1, 2))
    assert same is not None
    assert one is not None
    assert two is not None
    assert not same.held
    assert not one.held, "one of 200 is the margin, not more"
    assert two.held
    assert (two.serving, two.accuracy, two.serving_accuracy, two.lost, two.gained) == (1, 0.99, 1.0, 2, 0)
    wider = judge(models, differing(0, 1), margin=0.01).gate
    assert wider is not None
    assert not wider.held


def test_what_it_gains_makes_up_for_what_it_loses(models: Path) -> None:
    gate = judge(models, differing(0, 1, 2, 100, 101, 102, 103), wrong=3).gate  # the first three are right now
    assert gate is not None
    assert (gate.lost, gate.gained, gate.held) == (4, 3, False)
    gate = judge(models, differing(0, 100, 101, 102, 103), wrong=3).gate
    assert gate is not None
    assert (gate.lost, gate.gained, gate.held) == (4, 1, True)


def test_labels_in_another_order_are_compared_by_name(tmp_path: Path) -> None:
    swapped = brightness_graph()
    publish(tmp_path, manifest(swapped, labels=("bright", "dark")), evidence(), swapped, {})
    gate = judge(tmp_path, RIGHT).gate
    assert gate is not None
    assert gate.serving_accuracy == 0, "white is the second label, which is called dark"


def test_what_cant_be_compared_is_said(tmp_path: Path) -> None:
    assert judge(tmp_path, RIGHT) == Verdict(), "the first version"
    more = brightness_graph(labels=3)
    publish(tmp_path, manifest(more, labels=("dark", "bright", "red")), evidence(), more, {})
    assert judge(tmp_path, RIGHT).obstacle == "not compared with version 1: its labels are others (dark, bright, red)"
    cropped = NEW.model_copy(update={"input": NEW.input.model_copy(update={"resize": CenterCrop()})})
    publish(tmp_path, cropped, evidence(), ONNX, {})
    assert "another form" in judge(tmp_path, RIGHT).obstacle
    scaled = NEW.model_copy(update={"input": NEW.input.model_copy(update={"scaled_decode": True})})
    publish(tmp_path, scaled, evidence(), ONNX, {})
    assert judge(tmp_path, RIGHT).gate is not None, "it is the same form, only sooner had"
    assert not isinstance(NEW.input.resize, MnistForm)


def test_the_version_to_beat_is_the_one_that_answers(models: Path) -> None:
    publish(models, NEW, evidence(), ONNX, {})
    bad = publish(models, NEW, evidence(), ONNX, {})
    (bad / "model.onnx").write_bytes(b"broken")
    verdict = judge(models, RIGHT)
    assert verdict.gate is not None
    assert (verdict.gate.serving, verdict.pinned) == (2, None), "the service refuses the third"
    change_state(models / "brightness", lambda _: ModelState(pinned=1))
    verdict = judge(models, RIGHT)
    assert verdict.gate is not None
    assert (verdict.gate.serving, verdict.pinned) == (1, 1)
    held = verdict.gate.model_copy(update={"held": True})
    change_state(models / "brightness", lambda _: ModelState())
    publish(models, NEW, evidence().model_copy(update={"gate": held}), ONNX, {})
    verdict = judge(models, RIGHT)
    assert verdict.gate is not None
    assert verdict.gate.serving == 2, "a held version answers nothing"


def test_how_often_chance_alone_does_it() -> None:
    assert measure_chance(0, 0) == measure_chance(0, 5) == 1
    assert measure_chance(5, 0) == 1 / 32
    assert measure_chance(3, 3) == pytest.approx(0.5 + 20 / 64 / 2)
    assert measure_chance(400, 600) > 0.99


def test_a_run_that_ends_worse_is_published_held_and_says_so(
    config: TrainingConfig, ticks: Dataset, tmp_path: Path
) -> None:
    shutil.copytree(MODELS / "ticks", tmp_path / "ticks")
    worse = train_ticks(config.model_copy(update={"epochs": 0}), ticks, tmp_path)
    assert worse.is_held
    said = worse.describe()
    assert "ticks/3, held: it does not answer" in said
    assert "points worse than version 2" in said
    assert "convscope promote ticks 3" in said
    assert b"<b>held</b>" in (worse.folder / "report.html").read_bytes()
    assert next(iter(list_model(tmp_path / "ticks").candidates())) == 2
    ungated = worse.evidence.model_copy(update={"gate": None})
    pinned = replace(worse, evidence=ungated, verdict=Verdict(pinned=1)).describe()
    assert "version 1 was promoted and goes on" in pinned
