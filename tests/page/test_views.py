"""Every view of the page on four networks: whole for axe, on a phone, and after a reload."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.conftest import ROOT
from tests.page.conftest import ShowNetwork
from tests.page.gallery import NETWORKS

AXE = ROOT / "service" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = ("explore", "why", "compare", "workbench", "numbers", "training")
TIMES = "[data-figure=time], [data-testid=times]"
"""What is measured anew each time."""


@pytest.mark.parametrize("network", NETWORKS)
def test_axe_finds_nothing_serious(show: ShowNetwork, network: str) -> None:
    page = show(network)
    page.evaluate(AXE.read_text())
    for place in visit(page):
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
        serious = [
            f"{each['id']}: {each['nodes'][0]['target']}" for each in found if each["impact"] in {"serious", "critical"}
        ]
        assert not serious, place


@pytest.mark.parametrize("network", NETWORKS)
def test_every_place_fits_a_phone(show: ShowNetwork, network: str) -> None:
    page = show(network, viewport={"width": 390, "height": 844})
    for place in visit(page):
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place


@pytest.mark.parametrize("network", NETWORKS)
def test_a_reload_shows_the_same_pixels(show: ShowNetwork, network: str) -> None:
    page = show(network, reduced_motion="reduce")
    page.locator("[data-testid=layer][data-kind=conv] .name").first.click()
    for place in visit(page):
        before, url = take(page), page.url
        page.reload()
        assert page.url == url
        # Rounded corners are drawn a little otherwise each time.
        assert any(differing(before, take(page)) < 100 for _ in range(10)), place
        if network != "objects":  # one network is enough for all the places
            break


def visit(page: Page) -> Iterator[str]:
    """Goes to one place after the other."""
    links = page.get_by_role("navigation", name="Views").get_by_role("link")
    for index, place in enumerate(PLACES):
        links.nth(index).click()
        expect(links.nth(index)).to_have_attribute("aria-current", "page")
        yield place


def differing(one: bytes, other: bytes) -> int:
    """How many pixels differ visibly."""
    pictures = [np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int) for each in (one, other)]
    return int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).sum())


def take(page: Page) -> bytes:
    """A picture of the page when it is at rest, with nothing pointed at: two in a row are the same."""
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.mouse.move(1, 1)
    pictures = [b""]
    while len(pictures) < 20 and (len(pictures) < 2 or pictures[-1] != pictures[-2]):
        page.wait_for_timeout(150)
        page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
        pictures.append(page.screenshot(animations="disabled", mask=[page.locator(TIMES)]))
    return pictures[-1]
