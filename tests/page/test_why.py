"""Why this class: maps of what decided, and what becomes of the answer without those pixels."""

import re
from pathlib import Path

import httpx
import pytest
from numpy import asarray, float32, zeros_like
from playwright.sync_api import Locator, Page, Route, expect
from safetensors.numpy import load

from tests.page.conftest import OpenPage
from tests.page.test_page import PNG, is_painted

SEVEN = "/#model=digits&sample=07-7.png&place=why"
DIGITS = "/v1/models/digits"
TENSORS = PNG | {"Accept": "application/vnd.safetensors"}


def panels(page: Page) -> Locator:
    return page.get_by_test_id("explanation")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def settled(page: Page, count: int = 1) -> Page:
    """Waits until so many maps and their curves are there."""
    expect(page.get_by_test_id("deleted-probability")).to_have_count(count)
    return page


def test_the_map_is_the_apis_number_by_number(open_page: OpenPage, client: httpx.Client, sample_seven: Path) -> None:
    page = settled(open_page(SEVEN))
    body = sample_seven.read_bytes()
    truth = client.post(f"{DIGITS}/attributions?method=grad-cam", content=body, headers=PNG).json()
    expect(panels(page)).to_have_attribute("data-label", "7")
    assert number(page.get_by_test_id("score").inner_text()) == pytest.approx(truth["score"], rel=1e-5)
    assert is_painted(page.get_by_test_id("heat-map"))
    page.get_by_test_id("heat-map").scroll_into_view_if_needed()
    box = page.get_by_test_id("heat-map").bounding_box()
    assert box
    for y, x in ((0, 0), (9, 14), (27, 27)):
        page.mouse.move(box["x"] + (x + 0.5) / 28 * box["width"], box["y"] + (y + 0.5) / 28 * box["height"])
        expect(page.get_by_test_id("heat-value")).to_contain_text(f"y {y}, x {x}:")
        shown = number(page.get_by_test_id("heat-value").locator("output").inner_text())
        assert shown == pytest.approx(truth["values"][y][x], rel=1e-5, abs=1e-9)


def test_the_curve_is_made_of_real_answers(open_page: OpenPage, client: httpx.Client, sample_seven: Path) -> None:
    page = settled(open_page(SEVEN))
    body = sample_seven.read_bytes()
    answer = client.post(f"{DIGITS}/predict", content=body, headers=PNG).json()["predictions"][0]
    slider = page.get_by_role("slider", name="Pixels gone")
    told = page.get_by_test_id("deleted-probability")
    slider.fill("0")
    expect(page).to_have_url(re.compile("removed=0"))
    assert float(told.get_attribute("data-probability") or "") == pytest.approx(answer["probability"], abs=1e-6)
    slider.fill("16")  # nothing is left: the answer to a black picture
    pixels = load(client.post(f"{DIGITS}/input", content=body, headers=TENSORS).content)["pixels"]
    black = client.post(
        "/v2/models/digits/infer",
        json={"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, *pixels.shape],
                          "data": zeros_like(pixels).ravel().tolist()}]},
    ).json()  # fmt: skip
    scores = next(output["data"] for output in black["outputs"] if output["name"] == "probabilities")
    assert float(told.get_attribute("data-probability") or "") == pytest.approx(scores[answer["index"]], abs=1e-6)


def test_two_classes_stand_side_by_side_with_every_method(
    open_page: OpenPage, client: httpx.Client, sample_seven: Path
) -> None:
    page = settled(open_page(SEVEN))
    page.get_by_role("button", name="a second class").click()
    settled(page, 2)
    panels(page).nth(1).get_by_test_id("class-picker").select_option(label="9")
    expect(page).to_have_url(re.compile("against=9"))
    for method in page.get_by_test_id("method").locator("option").all():
        name = method.get_attribute("value") or ""
        page.get_by_test_id("method").select_option(name)
        for panel, label in zip(panels(page).all(), ("7", "9"), strict=True):
            response = client.post(
                f"{DIGITS}/attributions",
                params={"method": name, "class": label},
                content=sample_seven.read_bytes(),
                headers=TENSORS,
            )
            assert response.status_code == 200
            extent = float(abs(asarray(load(response.content)["values"], float32)).max())
            expect(panel.get_by_test_id("colour-scale")).to_be_visible()
            expect(panel).to_have_attribute("aria-busy", "false")
            expect(panel).to_have_attribute("data-label", label)
            assert extent > 0
    page.reload()
    settled(page, 2)
    expect(page.get_by_test_id("method")).to_have_value(name)


def test_what_the_method_says_no_to_is_told_where_it_happens(open_page: OpenPage) -> None:
    page = open_page(SEVEN + "&camlayer=dense9", complaint="404")
    expect(panels(page).get_by_test_id("error")).to_contain_text("dense9")


def test_another_picture_asks_anew(open_page: OpenPage) -> None:
    page = settled(open_page(SEVEN))
    page.locator('[data-testid=sample][data-file$="-3.png"]').click()
    expect(panels(page)).to_have_attribute("data-label", "3")
    settled(page)
    expect(page.get_by_test_id("deletion")).to_contain_text("3 has")


def test_what_takes_long_is_asked_for_and_can_be_stopped(open_page: OpenPage) -> None:
    page = open_page("/#model=digits&sample=07-7.png")

    def slow_down(route: Route) -> None:
        listed = route.fetch().json()
        for model in listed["models"]:
            model["seconds"] = 5
        route.fulfill(json=listed)

    page.route("**/v1/models", slow_down)
    page.route("**/attributions?*", lambda _: None)  # never answered
    page.reload()
    page.get_by_role("link", name="Why this class").click()
    for _ in range(2):
        panels(page).get_by_role("button", name="Find it out").click()
        expect(panels(page)).to_have_attribute("aria-busy", "true")
        panels(page).get_by_role("button", name="Stop").click()
        expect(panels(page)).to_have_attribute("aria-busy", "false")
    page.unroute("**/attributions?*")
    panels(page).get_by_role("button", name="Find it out").click()
    expect(page.get_by_test_id("heat-map")).to_be_visible()
    page.get_by_test_id("deletion").get_by_role("button", name="Measure it").click()
    settled(page)


def test_pixels_are_walked_by_keyboard(open_page: OpenPage) -> None:
    page = settled(open_page(SEVEN))
    page.get_by_role("button", name="Map of what speaks for 7").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("heat-value")).to_contain_text("y 14, x 15:")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_test_id("heat-value")).to_contain_text("y 13, x 15:")
