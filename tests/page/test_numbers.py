"""The table of layers in a real browser: its numbers are the service's, it sorts, and a name leads to the layer."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import OpenPage

PNG = {"Content-Type": "image/png"}


def rows(page: Page) -> Locator:
    return page.get_by_test_id("row")


def names(page: Page) -> list[str]:
    return [str(row.get_attribute("data-layer")) for row in rows(page).all()]


def sort_by(page: Page, heading: str) -> None:
    page.get_by_role("columnheader", name=heading).get_by_role("button").click()


@pytest.fixture
def numbers(open_page: OpenPage, sample_seven: Path) -> Page:
    """The table for the held-out 7, with all that is measured."""
    page = open_page(f"/#model=digits&place=numbers&sample={sample_seven.name}")
    expect(page.get_by_role("region", name="Every layer in numbers")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_test_id("times")).to_be_visible()
    return page


def test_the_numbers_are_those_of_the_service(numbers: Page, client: httpx.Client, sample_seven: Path) -> None:
    table = client.get("/v1/models/digits/layers").json()
    activations = client.post(
        "/v1/models/digits/activations?values=false", content=sample_seven.read_bytes(), headers=PNG
    ).json()
    assert names(numbers) == [layer["name"] for layer in table["layers"]]
    for layer, measured in zip(table["layers"], activations["layers"], strict=True):
        row = numbers.locator(f'[data-testid=row][data-layer="{layer["name"]}"]')
        for figure in ("parameters", "macs"):
            expect(row.locator(f"[data-figure={figure}]")).to_have_attribute("data-value", str(layer[figure]))
        share = measured["statistics"]["zero_share"]
        shown = row.locator("[data-figure=zeros]").inner_text().removesuffix(" %").removeprefix("< ")
        assert float(shown) / 100 == pytest.approx(share, abs=0.0006)
        time = row.locator("[data-figure=time]").get_attribute("data-value")
        assert time is not None
        assert float(time) >= 0
    totals = numbers.get_by_test_id("totals")
    expect(totals).to_contain_text(f"{table['totals']['parameters']:,}")
    expect(totals).to_contain_text(f"{table['totals']['macs']:,}")


def test_a_heading_sorts_and_sorts_the_other_way(numbers: Page, client: httpx.Client) -> None:
    layers = client.get("/v1/models/digits/layers").json()["layers"]
    by_cost = [layer["name"] for layer in sorted(layers, key=lambda layer: -int(layer["macs"]))]
    sort_by(numbers, "MACs")
    assert names(numbers) == by_cost
    assert "sortby=macs" in numbers.url
    expect(numbers.get_by_role("columnheader", name="MACs")).to_have_attribute("aria-sort", "descending")
    sort_by(numbers, "MACs")
    assert names(numbers)[-1] == by_cost[0]
    numbers.reload()
    expect(rows(numbers).last).to_have_attribute("data-layer", by_cost[0])


def test_a_name_opens_the_layer_and_back_comes_back(numbers: Page) -> None:
    numbers.get_by_role("link", name="conv2", exact=True).click()
    expect(numbers.get_by_role("region", name="What every layer computed")).to_be_visible()
    assert "layer=conv2" in numbers.url
    numbers.go_back()
    expect(rows(numbers).first).to_be_visible()


def test_another_picture_has_other_zeros_and_the_same_times(numbers: Page) -> None:
    def figures(figure: str) -> list[str]:
        return numbers.locator(f"[data-figure={figure}]").all_inner_texts()

    zeros, times = figures("zeros"), figures("time")
    numbers.locator('[data-testid=sample][data-file$="-3.png"]').click()
    expect(numbers.get_by_role("region", name="Every layer in numbers")).to_have_attribute("aria-busy", "false")
    expect(numbers.get_by_text("Sample “3”", exact=True)).to_be_visible()
    numbers.wait_for_function(
        """before => {
            const cells = [...document.querySelectorAll("[data-figure=zeros]")];
            return cells.some((cell, row) => cell.innerText !== before[row]);
        }""",
        arg=zeros,
    )
    assert figures("time") == times
