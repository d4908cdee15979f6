"""A channel in a real browser: its numbers are the service's, its terms add up, and a walk back ends at the pixels."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import OpenPage

PNG = {"Content-Type": "image/png"}
SPOT = "layer=conv2&channel=3&y=5&x=12"

Tracer = Callable[..., dict[str, object]]


@pytest.fixture
def trace(client: httpx.Client, sample_seven: Path) -> Tracer:
    """The service's own account of a number of the held-out 7."""

    def ask(layer: str, channel: int, y: int = 0, x: int = 0) -> dict[str, object]:
        query = f"layer={layer}&channel={channel}&y={y}&x={x}&top=10000"
        answer = client.post(f"/v1/models/digits/trace?{query}", content=sample_seven.read_bytes(), headers=PNG)
        found: dict[str, object] = answer.json()
        return found

    return ask


@pytest.fixture
def open_spot(open_page: OpenPage, sample_seven: Path) -> OpenPage:
    """Opens a spot of the held-out 7, and waits until the service has told of it."""

    def open_(spot: str, **options: object) -> Page:
        page = open_page(f"/#model=digits&sample={sample_seven.name}&{spot}", **options)
        expect(page.get_by_test_id("runtime-value")).to_be_visible()
        return page

    return open_


def number(locator: Locator) -> float:
    """The float64 behind a number that is shown, which has to be the number in the text, rounded for a cell."""
    value = float(locator.get_attribute("data-value") or "nan")
    assert read(locator.inner_text()) == pytest.approx(value, rel=0.06, abs=1e-6)
    return value


def read(text: str) -> float:
    found = re.search(r"-?\d+(\.\d+)?(e-?\d+)?", text.replace("−", "-"))
    assert found, text
    return float(found.group())


def test_a_convolutions_terms_are_the_traces_and_add_up(open_spot: OpenPage, trace: Tracer) -> None:
    page = open_spot(SPOT)
    told = trace("conv2", 3, 5, 12)
    terms = [number(term) for term in page.get_by_test_id("term").all()]
    assert len(terms) == 16
    assert number(page.get_by_test_id("total")) == pytest.approx(sum(terms), abs=1e-9)
    assert sum(terms) == pytest.approx(told["value"], abs=1e-5)
    assert number(page.get_by_test_id("value")) == pytest.approx(told["runtime_value"], abs=1e-6)
    for row in page.get_by_test_id("conv-row").all():
        channel = int(row.get_attribute("data-channel") or "")
        inputs = [number(cell) for cell in row.get_by_test_id("window").locator("[data-value]").all()]
        window = told["terms"]["inputs"][channel]  # type: ignore[index]
        assert inputs == pytest.approx([value for line in window for value in line], abs=1e-5)
        products = [number(cell) for cell in row.get_by_test_id("products").locator("[data-value]").all()]
        assert number(row.get_by_test_id("row-sum")) == pytest.approx(sum(products), abs=1e-9)


def test_all_digits_of_a_number_can_be_seen(open_spot: OpenPage, trace: Tracer) -> None:
    page = open_spot(SPOT)
    page.get_by_label("all digits").check()
    shown = page.get_by_test_id("trace-value").inner_text()
    assert read(shown) == trace("conv2", 3, 5, 12)["value"]


def test_a_number_pointed_at_and_clicked_is_the_runtimes(open_spot: OpenPage, trace: Tracer) -> None:
    page = open_spot(SPOT)
    drawing = page.get_by_test_id("the-map")
    box = drawing.bounding_box()
    assert box
    y, x = 14, 20
    place = (box["x"] + (x + 0.5) / 28 * box["width"], box["y"] + (y + 0.5) / 28 * box["height"])
    page.mouse.move(*place)
    expect(page.get_by_test_id("position")).to_have_text(f"y {y}, x {x}")
    value = trace("conv2", 3, y, x)["runtime_value"]
    assert read(page.get_by_test_id("cell-value").locator("strong").inner_text()) == pytest.approx(value, rel=1e-5)
    assert number(page.get_by_test_id("total")) == pytest.approx(value, abs=1e-5)
    page.mouse.click(*place)
    page.mouse.move(5, 5)
    expect(page).to_have_url(re.compile(f"y={y}&x={x}"))
    expect(page.get_by_test_id("position")).to_have_text(f"y {y}, x {x}")


def test_play_moves_the_window_and_keys_step_it(open_spot: OpenPage) -> None:
    page = open_spot("layer=conv2&channel=3&y=0&x=0")
    play = page.get_by_test_id("play")
    play.click()
    expect(page.get_by_test_id("position")).not_to_have_text("y 0, x 0")
    play.click()
    expect(page.get_by_test_id("runtime-value")).to_be_visible()
    page.get_by_test_id("channel").focus()
    page.get_by_label("Place in the map, row by row").fill("0")
    page.get_by_test_id("channel").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("position")).to_have_text("y 1, x 2")
    expect(page).to_have_url(re.compile("y=1&x=2"))
    page.get_by_label("Speed").select_option("instant")
    page.get_by_test_id("channel").focus()
    page.keyboard.press(" ")
    expect(page.get_by_test_id("position")).to_have_text("y 27, x 27")


def test_a_walk_from_the_answer_ends_at_the_pixels_and_goes_back(open_spot: OpenPage) -> None:
    page = open_spot("layer=dense&channel=7")
    seen = ["dense"]
    while seen[-1] != "input":
        opened = page.get_by_test_id("opened")
        source = opened.get_by_test_id("source").or_(opened.get_by_test_id("window").first.locator("button")).first
        source.click()
        expect(page).not_to_have_url(re.compile(f"layer={seen[-1]}&"))
        seen.append(re.search(r"layer=([^&]*)", page.url).group(1))  # type: ignore[union-attr]
        if seen[-1] != "input":
            expect(page.get_by_test_id("runtime-value")).to_be_visible()
            expect(page.get_by_test_id("receptive-field")).to_be_visible()
        assert len(seen) < 30
    assert "conv1" in seen
    expect(page.get_by_test_id("pixel-value")).to_be_visible()
    crumbs = page.get_by_test_id("trail").get_by_role("listitem")
    expect(crumbs).to_have_count(len(seen))
    page.go_back()
    expect(page.get_by_test_id("opened")).to_contain_text(seen[-2])
    crumbs.first.get_by_role("button").click()
    expect(page).to_have_url(re.compile("layer=dense"))
    expect(crumbs).to_have_count(len(seen) - 1)


def test_reload_shows_the_same(open_spot: OpenPage) -> None:
    page = open_spot(SPOT + "&digits=all")
    before = page.get_by_test_id("opened").inner_text()
    page.reload()
    expect(page.get_by_test_id("runtime-value")).to_be_visible()
    assert page.get_by_test_id("opened").inner_text() == before


def test_all_channels_of_a_layer_lead_to_each(open_page: OpenPage, sample_seven: Path) -> None:
    page = open_page(f"/#model=digits&sample={sample_seven.name}&layer=conv3")
    grid = page.get_by_test_id("all-maps")
    expect(grid.get_by_test_id("feature-map").first).to_be_visible()
    page.get_by_label("Sorted by").select_option("number")
    grid.get_by_role("button").nth(5).click()
    expect(page.get_by_test_id("channel")).to_have_attribute("data-channel", "5")
    page.get_by_test_id("all-channels").click()
    expect(grid).to_be_visible()


def test_colours_can_be_relative_to_the_whole_network(
    open_page: OpenPage, client: httpx.Client, sample_seven: Path
) -> None:
    statistics = [
        each["statistics"]
        for each in client.post(
            "/v1/models/digits/activations",
            params={"values": False},
            content=sample_seven.read_bytes(),
            headers={"Content-Type": "image/png"},
        ).json()["layers"]
    ]
    page = open_page(f"/#model=digits&sample={sample_seven.name}&layer=conv2", viewport={"width": 500, "height": 900})
    ticks = page.get_by_test_id("opened").get_by_test_id("colour-scale").locator("span")
    page.get_by_label("Colours by").select_option("network")
    ends = (min(each["minimum"] for each in statistics), max(each["maximum"] for each in statistics))
    expect(ticks.last).to_have_text(f"{ends[1]:.3g}")
    expect(ticks.first).to_have_text(f"{ends[0]:.3g}".replace("-", "−"))


@pytest.mark.parametrize(
    "spot",
    [
        ("preprocessing", 0, 12, 9), ("conv1", 2, 9, 12), ("norm1", 4, 0, 27), ("relu1", 4, 27, 0),
        ("pool2", 7, 13, 13), ("block3", 5, 3, 3), ("pool5", 9, 0, 0), ("flatten", 40),
        ("dense", 7), ("temperature", 7), ("softmax", 7),
    ],
)  # fmt: skip
def test_every_kind_of_layer_shows_the_runtimes_number(
    open_spot: OpenPage, trace: Tracer, spot: tuple[str, int, int, int]
) -> None:
    layer, channel, *place = spot
    page = open_spot(f"layer={layer}&channel={channel}" + "".join(map("&{}={}".format, "yx", place)))
    told = trace(*spot)
    assert read(page.get_by_test_id("runtime-value").inner_text()) == pytest.approx(told["runtime_value"], rel=1e-6)
    expect(page.get_by_test_id("agreement")).to_contain_text("✓")
    shown = page.get_by_test_id("total" if layer == "softmax" else "value")
    assert number(shown) == pytest.approx(told["runtime_value"], rel=1e-5, abs=1e-6)


def test_a_pooling_marks_the_strongest_and_a_normalisation_is_a_line(open_spot: OpenPage) -> None:
    page = open_spot("layer=pool2&channel=3&y=5&x=6")
    cells = [number(cell) for cell in page.get_by_test_id("window").locator("[data-value]").all()]
    assert number(page.get_by_test_id("pooled")) == max(cells)
    assert number(page.get_by_test_id("window").locator(".isChosen")) == max(cells)
    page.get_by_role("button", name="next layer").click()
    expect(page.get_by_test_id("runtime-value")).to_be_visible()
    expect(page.get_by_test_id("line")).to_contain_text("after =")
    point = page.get_by_test_id("curve-point")
    a, b = (
        float(re.sub(r"\s", "", part).replace("−", "-"))
        for part in re.split(r"after = | · before ", page.get_by_test_id("line").inner_text())[1:]
    )
    before, after = (float(point.get_attribute(f"data-{side}") or "nan") for side in ("input", "output"))
    assert a * before + b == pytest.approx(after, rel=0.02, abs=0.02)


def test_the_next_channel_is_a_key_away(open_spot: OpenPage) -> None:
    page = open_spot(SPOT)
    page.get_by_role("button", name="Next channel").focus()
    for channel in ("4", "5"):
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("channel")).to_have_attribute("data-channel", channel)
    expect(page.get_by_test_id("position")).to_have_text("y 5, x 12")


def test_it_fits_a_phone(open_spot: OpenPage) -> None:
    page = open_spot(SPOT, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
