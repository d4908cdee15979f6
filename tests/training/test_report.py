"""The report: all that happened on one page, the same each time, needing nothing else, whatever the labels are."""

import dataclasses
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from service.contract import TrainingRecord
from service.engine import Scores
from service.evidence import Evidence, Quantization
from tests.published import evidence
from tests.training.learnt import learn, load
from training.calibrate import measure_calibration, probabilities_at
from training.data.dataset import Dataset, Split
from training.evaluate import answer, evaluate
from training.progress import EpochFigures
from training.report import ReportInput, write_report

EPOCHS = tuple(EpochFigures(epoch, 5, 1 / epoch, 1 - 0.4 / epoch, 1e4, epoch * 10, 0.1) for epoch in range(1, 6))
TRAINING = TrainingRecord(
    command="convscope train ticks --seed 7", network="tick-or-cross", seed=7, epochs=5, threads=2, seconds=200.4,
    versions={"python": "3.11.7", "torch": "2.13.0"},
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would find: text, and every attribute that could name something else."""

    void = {"meta", "img", "br"}  # noqa: RUF012 - a constant

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(content.decode())
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attributes:
            assert not key.startswith("on")
            if key in {"src", "href", "xlink:href", "action", "data", "srcset"}:
                self.addresses.append(value or "")
            if key == "id":
                self.ids.append(value or "")
        if tag not in self.void:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.void:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += f" {data}"

    @property
    def words(self) -> str:
        return " ".join(self.text.replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def report_input(ticks: Dataset) -> ReportInput:
    """Of a network that has learnt little, so that there are mistakes."""
    engine, _, manifest = load(learn(ticks, steps=4), ticks)
    scores = answer(engine, ticks.test)
    test = evaluate(scores, ticks.test, ticks.labels).model_copy(
        update={"calibration": measure_calibration(scores, ticks.test.labels, "softmax", 1.7)}
    )
    seen = evidence().model_copy(update={"test": test})
    rates = [0.01 * step / 50 for step in range(50)]
    return ReportInput(manifest.model_copy(update={"training": TRAINING}), seen, ticks, scores, EPOCHS, rates)


@pytest.fixture(scope="module")
def given(ticks: Dataset) -> ReportInput:
    """What the report of that network tells of."""
    return report_input(ticks)


def made_up(labels: tuple[str, ...], given: ReportInput, pictures: int = 300) -> ReportInput:
    """Random answers to noise, of any labels."""
    random = np.random.default_rng(0)
    true = random.integers(0, len(labels), pictures)
    logits = random.normal(0, 1, (pictures, len(labels))).astype(np.float32)
    split = Split(random.integers(0, 256, (pictures, 28, 28, 1), np.uint8), true)
    dataset = dataclasses.replace(given.dataset, labels=labels, train=split, validation=split, test=split)
    scores = Scores(logits, probabilities_at(logits, "softmax", 1.0))
    seen = given.evidence.model_copy(update={"test": evaluate(scores, split, labels)})
    manifest = given.manifest.model_copy(update={"labels": labels, "dataset": dataset.record()})
    return dataclasses.replace(given, manifest=manifest, evidence=seen, dataset=dataset, scores=scores)


def change(given: ReportInput, **update: object) -> ReportInput:
    seen: Evidence = given.evidence.model_copy(update=update)
    return dataclasses.replace(given, evidence=seen)


def test_all_that_happened_is_on_the_page(given: ReportInput) -> None:
    page = Page(write_report(given))
    test = given.evidence.test
    assert 0 < test.accuracy < 1
    wrong = round(test.pictures * (1 - test.accuracy))
    for part in (
        "marks training report", f"{100 * test.accuracy:.2f} %", f"wrong answers {wrong} of 300 test pictures",
        "Training loss 0.2000 nats at last", "Validation accuracy 92.00 % at last", "Learning rate 0.0098 at its peak",
        "tick", "cross", "convscope train ticks --seed 7", "seed, threads 7, 2", "3 min 20 s", "torch 2.13.0",
        "1.7: the logits are divided by it", "train validation test", "in all 600 100 300",
        "differ by 0 at most in a logit, on 256 pictures", given.manifest.onnx.sha256,
    ):  # fmt: skip
        assert part in page.words, part
    pictures = [address for address in page.addresses if address.startswith("data:image/png;base64,")]
    assert len(pictures) == min(24, wrong)
    assert page.tags.count("svg") == 4


def test_the_page_needs_and_runs_nothing(given: ReportInput) -> None:
    content = write_report(given)
    page = Page(content)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(page.tags)
    assert b"@import" not in content
    assert not re.findall(rb"url\((?!#)", content)
    assert b"http" not in content
    assert len(page.ids) == len(set(page.ids))
    references = {address[1:] for address in page.addresses if address.startswith("#")}
    assert references | set(re.findall(r"url\(#([^)]*)\)", content.decode())) <= set(page.ids)


def test_the_same_input_gives_the_same_bytes(given: ReportInput) -> None:
    assert write_report(given) == write_report(given)


def test_the_charts_take_their_colours_from_the_page(given: ReportInput) -> None:
    drawings = re.findall(r"<svg.*?</svg>", write_report(given).decode(), re.DOTALL)
    for drawing in drawings:
        assert not re.findall(r"#[0-9a-f]{6}\b", drawing)
        assert "var(--muted)" in drawing
        assert "DejaVu" not in drawing


@pytest.mark.parametrize("labels", [1, 2, 20, 21, 120])
def test_any_number_of_labels(given: ReportInput, labels: int) -> None:
    page = Page(write_report(made_up(tuple(f"label {index}" for index in range(labels)), given)))
    assert ("Test pictures by true label (row)" in page.words) == (labels <= 20)
    if labels > 20:
        assert f"most often taken for others, of {labels}" in page.words
    assert f"label {labels - 1}" in page.words


def test_labels_are_text_and_nothing_else(given: ReportInput) -> None:
    labels = ("<script>alert(1)</script>", 't-shirt/"top" & co', "{{ 7 * 7 }}")
    page = Page(write_report(made_up(labels, given)))
    assert "script" not in page.tags
    for label in labels:
        assert label in page.words


def test_no_test_picture_no_epoch_no_calibration(given: ReportInput) -> None:
    bare = made_up(given.dataset.labels, given, pictures=0)
    bare = dataclasses.replace(
        bare,
        manifest=bare.manifest.model_copy(update={"training": None, "dataset": None}),
        scores=Scores(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)),
        epochs=(),
        learning_rates=(),
    )
    page = Page(write_report(bare))
    assert "there are no test pictures" in page.words
    assert "It was not trained" in page.words
    assert "svg" not in page.tags


def test_a_network_without_mistakes(given: ReportInput) -> None:
    labels = given.dataset.test.labels
    logits = np.eye(2, dtype=np.float32)[labels] * 9
    scores = Scores(logits, probabilities_at(logits, "softmax", 1.0))
    right = change(given, test=evaluate(scores, given.dataset.test, given.dataset.labels))
    page = Page(write_report(dataclasses.replace(right, scores=scores)))
    assert "100.00 %" in page.words
    assert "There are none: every test picture was answered with its label." in page.words


def test_one_epoch_and_what_quantisation_was_worth(given: ReportInput) -> None:
    tried = Quantization(accuracy=0.91, speedup=1.834, serves=False)
    short = dataclasses.replace(change(given, quantization=tried), epochs=EPOCHS[:1], learning_rates=(0.1,))
    page = Page(write_report(short))
    assert "91.00 % right and 1.83 times as fast as the float graph: not worth it" in page.words
    assert page.tags.count("svg") == 4


def test_shares_are_never_rounded_to_all_or_nothing(given: ReportInput) -> None:
    nearly = given.evidence.test.model_copy(update={"accuracy": 0.99999, "calibration": None})
    page = Page(write_report(change(given, test=nearly)))
    assert "test accuracy 99.99 %" in page.words


def test_the_template_comes_with_the_package() -> None:
    assert files("training").joinpath("report.html.j2").is_file()
