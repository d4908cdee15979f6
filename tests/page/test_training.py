"""The report of a version in a real browser: its figures are the published ones, and a mistake can be looked into."""

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage

JSON = {"Accept": "application/json"}


@pytest.fixture
def training(open_page: OpenPage) -> Page:
    """The report of the digits model that answers."""
    page = open_page("/#model=digits&place=training")
    expect(page.get_by_role("region", name=re.compile("was trained"))).to_have_attribute("aria-busy", "false")
    return page


def test_the_figures_are_the_published_ones(training: Page, digits_folder: Path, client: httpx.Client) -> None:
    test = json.loads((digits_folder / "evidence.json").read_text())["test"]
    manifest = json.loads((digits_folder / "manifest.json").read_text())
    expect(training.get_by_test_id("accuracy")).to_have_text(f"{100 * test['accuracy']:.2f} %")
    expect(training.get_by_text(manifest["training"]["command"], exact=True)).to_be_visible()
    for row, counts in enumerate(test["confusion"]):
        for column, count in enumerate(counts):
            cell = training.locator(f'[data-cell="{row}.{column}"]')
            assert cell.inner_text() == (f"{count:,}" if count else "")
    for figures in test["per_label"]:
        row_of = training.locator(f'[data-testid=label-figures][data-label="{figures["label"]}"]')
        expect(row_of).to_contain_text(f"{figures['pictures']:,}")
    report = client.get("/v1/models/digits/report", headers=JSON).json()
    chart = training.get_by_test_id("chart").first
    chart.focus()
    training.keyboard.press("End")
    last = report["epochs"][-1]
    expect(training.get_by_test_id("chart-read").first).to_contain_text(f"{last['epoch']}: {last['loss']:.3g}")


def test_a_cell_shows_its_pictures_and_one_opens_in_the_explorer(training: Page, client: httpx.Client) -> None:
    report = client.get("/v1/models/digits/report", headers=JSON).json()
    worst = report["pictures"][0]
    labels = client.get("/v1/models/digits").json()["labels"]
    row, column = labels.index(worst["label"]), labels.index(worst["answered"])
    training.locator(f'[data-cell="{row}.{column}"]').click()
    assert f"cell={row}.{column}" in training.url
    name = f"“{worst['label']}” answered “{worst['answered']}”"
    training.get_by_test_id("report-picture").filter(has=training.get_by_alt_text(name)).first.click()
    expect(training.get_by_role("region", name="What every layer computed")).to_be_visible()
    best = training.get_by_test_id("prediction").first
    expect(best).to_have_attribute("data-label", worst["answered"])
    assert float(best.get_attribute("data-probability") or "nan") == pytest.approx(worst["probability"], abs=1e-4)
    training.go_back()
    expect(training.get_by_test_id("accuracy")).to_be_visible()


def test_the_matrix_is_walked_by_arrow_keys(training: Page) -> None:
    training.locator('[data-cell="0.0"]').focus()
    training.keyboard.press("ArrowRight")
    training.keyboard.press("ArrowDown")
    expect(training.locator('[data-cell="1.1"]')).to_be_focused()
    expect(training.locator('[data-cell="1.1"]')).to_have_attribute("aria-pressed", "true")


def test_the_worst_mistakes_are_shown(training: Page, client: httpx.Client) -> None:
    pictures = client.get("/v1/models/digits/report", headers=JSON).json()["pictures"]
    wrong = [picture for picture in pictures if picture["label"] != picture["answered"]]
    expect(training.get_by_test_id("mistakes").get_by_test_id("report-picture")).to_have_count(min(24, len(wrong)))


def test_a_version_without_its_course_shows_what_it_has(open_page: OpenPage) -> None:
    page = open_page("/#model=digits&version=1&place=training")
    expect(page.get_by_test_id("missing")).to_be_visible()
    expect(page.get_by_test_id("accuracy")).to_be_visible()
    expect(page.get_by_test_id("label-figures")).to_have_count(10)
    expect(page.get_by_test_id("chart")).to_have_count(0)
