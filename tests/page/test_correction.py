"""From a wrong answer on the page to a right one: a correction, one command, the same running service."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from service.engine import Provider
from service.schemas import ModelDescription
from service.settings import Settings
from tests.conftest import MODELS, ROOT, serving
from tests.page.conftest import OpenPage
from tests.page.test_page import best

PNG = {"Content-Type": "image/png"}


@pytest.fixture
def left_handed(tmp_path: Path) -> Path:
    """A tick as some left-handers make it, which none of the drawings that were learnt shows."""
    picture = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(picture).line([(80, 50), (60, 80), (15, 20)], fill=0, width=10, joint="curve")
    picture.save(tmp_path / "left-handed.png")
    return tmp_path / "left-handed.png"


@pytest.fixture
def taking(tmp_path: Path) -> Iterator[str]:
    """A service with the ticks alone, which takes corrections."""
    shutil.copytree(MODELS / "ticks" / "2", tmp_path / "models" / "ticks" / "2")
    settings = Settings(models=tmp_path / "models", feedback=tmp_path / "feedback", provider=Provider.CPU)
    with serving(settings) as at:
        yield at


def show(page: Page, picture: Path, answer: str) -> None:
    page.get_by_test_id("upload").set_input_files(picture)
    expect(best(page)).to_have_attribute("data-label", answer)


def test_a_wrong_answer_is_corrected_and_one_command_later_right(
    open_page: OpenPage, taking: str, left_handed: Path, tmp_path: Path
) -> None:
    page = open_page(at=taking)
    show(page, left_handed, "cross")
    page.get_by_label("Not right? It is").focus()
    page.keyboard.type("tick")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("kept as “tick”")
    trained = subprocess.run(
        [
            sys.executable, "-m", "service", "train", "ticks", "--add-feedback", "--models", str(tmp_path / "models"),
            "--epochs", "4", "--keep-checkpoints", "0", "--exemplars", "0",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CONVSCOPE_FEEDBACK": str(tmp_path / "feedback")},
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "1 of 1 corrected picture right" in trained.stdout
    with httpx.Client(base_url=taking) as client:
        model = wait_for_version(client, 3)
        answer = client.post("/v1/models/ticks/predict", content=left_handed.read_bytes(), headers=PNG).json()
    assert (answer["version"], answer["predictions"][0]["label"]) == (3, "tick")
    assert model.dataset is not None
    assert model.dataset.corrections is not None
    assert model.dataset.corrections.pictures == 1
    assert model.training is not None
    assert "--add-feedback" in model.training.command
    page.reload()
    show(page, left_handed, "tick")


def wait_for_version(client: httpx.Client, version: int) -> ModelDescription:
    """Until it answers; gives what the service tells of the model."""
    for _ in range(300):
        model = ModelDescription.model_validate(client.get("/v1/models/ticks").json())
        if model.version == version:
            return model
        time.sleep(0.1)
    pytest.fail(f"version {version} does not answer: {model}")


def test_the_page_says_why_a_correction_is_refused(
    open_page: OpenPage, taking: str, left_handed: Path, tmp_path: Path
) -> None:
    page = open_page(at=taking, complaint="Failed to load resource")  # the browser's own line for a 507
    show(page, left_handed, "cross")
    page.get_by_role("button", name="Send").click()
    assert page.get_by_label("Not right? It is").evaluate("select => select.validity.valueMissing")
    shutil.rmtree(tmp_path / "feedback")
    (tmp_path / "feedback").write_text("a file in the folder's place")
    page.get_by_label("Not right? It is").select_option("tick")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_test_id("error")).to_contain_text("CONVSCOPE_FEEDBACK")
    (tmp_path / "feedback").unlink()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("kept as “tick”")
    expect(page.get_by_test_id("error")).to_have_count(0)
    page.get_by_test_id("sample").first.click()
    expect(page.get_by_test_id("correction")).to_have_count(0)


def test_where_none_are_taken_the_page_asks_for_none(open_page: OpenPage, left_handed: Path) -> None:
    page = open_page("/#model=ticks")
    show(page, left_handed, "cross")
    expect(page.get_by_test_id("correction")).to_have_count(0)
