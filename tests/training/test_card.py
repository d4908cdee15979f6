"""The model card: what a stranger has to know of a version, in Markdown that says what it was told and no more."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.contract import CenterCrop, DatasetRecord, MnistForm, TrainingRecord
from service.evidence import Calibration, Evidence, LabelFigures, Quantization, TestFigures
from service.published import PublishedVersion, read_version
from tests.conftest import MODELS
from tests.published import brightness_graph, evidence, manifest
from training.card import write_card


@pytest.fixture
def version() -> PublishedVersion:
    onnx = brightness_graph()
    figures = TestFigures(
        pictures=200,
        accuracy=0.965,
        per_label=(
            LabelFigures(label="dark", pictures=100, correct=94, precision=0.99, recall=0.94, f1=0.9642),
            LabelFigures(label="bright", pictures=100, correct=99, precision=0.943, recall=0.99, f1=0.966),
        ),
        calibration=Calibration(temperature=1.3, error_before=0.05, error=0.012),
    )
    made = manifest(onnx).model_copy(
        update={
            "dataset": DatasetRecord(
                name="greys",
                fingerprint="ab" * 32,
                counts={"train": 1000, "test": 200},
                labels={"train": {"dark": 400, "bright": 600}, "test": {"dark": 100, "bright": 100}},
                skipped=3,
            ),
            "training": TrainingRecord(
                command="convscope train pictures --data greys", network="lenet5", seed=4, epochs=9, threads=2,
                seconds=61.5, versions={"torch": "2.13.0", "python": "3.11.7"},
            ),
            "created": datetime(2026, 5, 4, tzinfo=UTC),
        }
    )  # fmt: skip
    seen = evidence().model_copy(
        update={"test": figures, "quantization": Quantization(accuracy=0.964, speedup=1.9, serves=True)}
    )
    return PublishedVersion(folder=Path("brightness/3"), version=3, manifest=made, evidence=seen, onnx=onnx)


def change(version: PublishedVersion, *, seen: Evidence | None = None, **update: object) -> PublishedVersion:
    made = version.manifest.model_copy(update=update)
    return version.model_copy(update={"manifest": made, "evidence": seen or version.evidence})


def test_it_says_all_that_is_known(version: PublishedVersion) -> None:
    card = write_card(version)
    for part in (
        "# brightness, version 3\n", "Whether a picture is dark or bright.", "**96.50%** of 200 test pictures",
        "0. dark\n1. bright", "4 x 4 pixels, grey", "/v1/models/brightness/versions/3/predict",
        "curl --data-binary @picture.png", "| dark | 100 | 94 | 99.0% | 94.0% | 96.4% |", "by 1.20% on average",
        "by 5.00% before", "temperature 1.3", "| dark | 400 | 100 |", "| in all | 1,000 | 200 |", "3 files could not",
        "convscope train pictures --data greys", "seed: 4", "| torch | 2.13.0 |", "Published on 2026-05-04",
        "1.90 times as fast; it is what answers", "weakest at dark: it finds 94.0%", version.manifest.onnx.sha256,
    ):  # fmt: skip
        assert part in card, part
    assert card.endswith("\n")
    assert write_card(version) == card


def test_little_known_is_little_said(version: PublishedVersion) -> None:
    bare = change(
        version, seen=evidence().model_copy(update={"test": TestFigures(pictures=0, accuracy=0, per_label=())}),
        dataset=None, training=None,
    )  # fmt: skip
    card = write_card(bare)
    assert "It was judged on no test pictures." in card
    assert "That was not measured." in card
    assert "It was imported" in card
    assert "How often it is right is not known." in card
    assert "None" not in card


def test_labels_are_text_and_nothing_else(version: PublishedVersion) -> None:
    card = write_card(change(version, labels=("<script>x</script>", "a|b *c*\n# d"), description="[link](x)"))
    assert "<script>" not in card
    assert "0. \\<script\\>x\\</script\\>" in card
    assert "1. a\\|b \\*c\\* \\# d" in card
    assert "\\[link\\](x)" in card


def test_the_head_and_the_form_are_told(version: PublishedVersion) -> None:
    spec = version.manifest.input
    assert "Exactly one of these labels" in write_card(version)
    assert "One of these two labels" in write_card(change(version, head="sigmoid"))
    many = change(version, head="sigmoid", labels=("a", "b", "c"))
    assert "Each of these labels is true of a picture or not" in write_card(many)
    assert "gets one of these labels, too" not in write_card(many)
    cropped = spec.model_copy(update={"resize": CenterCrop(), "channels": 3})
    assert "red, green and blue. It is resized until the shorter side fits" in write_card(
        change(version, input=cropped)
    )
    inked = spec.model_copy(update={"resize": MnistForm(box=4)})
    assert "fitted into a box of 4 x 4 pixels" in write_card(change(version, input=inked))


def test_every_published_model_has_a_card() -> None:
    for folder in MODELS.glob("*/[0-9]*"):
        card = write_card(read_version(folder))
        assert card.startswith(f"# {folder.parent.name}, version {folder.name}\n")


def test_it_needs_no_pytorch() -> None:
    program = "import sys, training.card; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
