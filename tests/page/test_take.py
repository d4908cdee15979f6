"""What is taken along in a real browser: commands that answer as the page does, drawings, tables, tensors."""

import csv
import io
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage

PNG = {"Content-Type": "image/png"}
SVG = "{http://www.w3.org/2000/svg}"


def take(page: Page) -> None:
    page.get_by_role("button", name="Take it along").click()
    expect(page.get_by_test_id("take")).to_be_visible()


def code(page: Page, what: str, language: str) -> str:
    page.get_by_role("button", name=f"Copy {what} as {language}").click()
    return page.get_by_role("textbox", name=f"{what}, to copy").input_value()


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as found:
        page.get_by_role("button", name=name).click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


@pytest.fixture
def pixel(open_page: OpenPage, sample_seven: Path) -> Page:
    """A number of the held-out 7."""
    page = open_page(f"/#model=digits&sample={sample_seven.name}&layer=conv1&channel=2&y=9&x=12")
    expect(page.get_by_role("region", name="What every layer computed")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    take(page)
    return page


def test_the_copied_curl_answers_as_the_service_does(
    pixel: Page, client: httpx.Client, sample_seven: Path, tmp_path: Path
) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("no curl here")
    expected = client.post(
        "/v1/models/digits/trace?layer=conv1&channel=2&y=9&x=12&top=20", content=sample_seven.read_bytes(), headers=PNG
    ).json()
    command = code(pixel, "Why this number", "curl")
    ran = subprocess.run(["bash", "-ec", command], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout) == expected
    answer = code(pixel, "The answer", "curl")
    ran = subprocess.run(["bash", "-ec", answer], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout)["predictions"][0]["label"] == "7"


def test_the_copied_python_answers_too(pixel: Page, client: httpx.Client, sample_seven: Path, tmp_path: Path) -> None:
    script = code(pixel, "What conv1 computed", "Python")
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    expected = client.post(
        "/v1/models/digits/activations?layers=conv1", content=sample_seven.read_bytes(), headers=PNG
    ).json()
    assert json.loads(ran.stdout) == expected


def test_without_a_clipboard_the_text_is_there_to_be_copied(pixel: Page) -> None:
    pixel.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    text = code(pixel, "The answer", "curl")
    box = pixel.get_by_role("textbox", name="The answer, to copy")
    expect(box).to_be_focused()
    assert box.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == text
    expect(pixel.get_by_text("Select it and copy it by hand")).to_be_visible()


def test_the_link_is_that_of_the_screen(pixel: Page) -> None:
    assert pixel.get_by_role("textbox", name="the link, to copy").input_value() == pixel.url


def test_the_data_are_the_services(pixel: Page, client: httpx.Client, sample_seven: Path, tmp_path: Path) -> None:
    answer = client.post("/v1/models/digits/activations?layers=conv1", content=sample_seven.read_bytes(), headers=PNG)
    values = np.array(answer.json()["layers"][0]["values"], np.float32)
    with np.load(download(pixel, "All of conv1 npz", tmp_path)) as tensors:
        assert (tensors["conv1"] == values).all()
    rows = list(csv.DictReader(io.StringIO(download(pixel, "conv1, channel 2 csv", tmp_path).read_text())))
    assert len(rows) == values[2].size
    for row in rows:
        assert row["channel"] == "2"
        assert np.float32(row["value"]) == values[2, int(row["y"]), int(row["x"])]


@pytest.mark.parametrize("place", ["explore", "workbench", "numbers", "training", "why"])
def test_every_view_can_be_drawn(open_page: OpenPage, sample_seven: Path, tmp_path: Path, place: str) -> None:
    page = open_page(f"/#model=digits&sample={sample_seven.name}&place={place}")
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    heading = page.locator("#place h2").first.inner_text()
    take(page)
    drawing = ET.parse(download(page, "This view as SVG", tmp_path)).getroot()  # noqa: S314 - our own
    texts = " ".join(text.text or "" for text in drawing.iter(f"{SVG}text"))
    assert heading.split()[-1] in texts
    for image in drawing.iter(f"{SVG}image"):
        assert image.attrib["href"].startswith("data:image/png")
    with Image.open(download(page, "This view as PNG", tmp_path)) as picture:
        assert picture.width == pytest.approx(2 * float(drawing.attrib["width"]), abs=2)
        assert len(picture.convert("RGB").resize((200, 200)).getcolors(40_000) or []) > 20


def test_the_table_of_numbers_is_taken_whole(open_page: OpenPage, client: httpx.Client, tmp_path: Path) -> None:
    page = open_page("/#model=digits&place=numbers")
    expect(page.get_by_test_id("times")).to_be_visible()
    take(page)
    rows = list(csv.DictReader(io.StringIO(download(page, "The table csv", tmp_path).read_text())))
    layers = client.get("/v1/models/digits/layers").json()["layers"]
    assert [row["layer"] for row in rows] == [layer["name"] for layer in layers]
    assert [int(row["macs"]) for row in rows] == [layer["macs"] for layer in layers]
    assert all(float(row["milliseconds"]) >= 0 for row in rows)
