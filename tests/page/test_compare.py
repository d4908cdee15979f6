"""Compare: two versions or two pictures channel by channel, and a training step by step."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from safetensors.numpy import load

from tests.page.conftest import OpenPage
from tests.page.test_page import PNG, is_painted

TENSORS = PNG | {"Accept": "application/vnd.safetensors"}
VGG = Path("models/objects-tinyvgg/1/samples")
TICKS = Path("models/ticks/2/samples")


def sample(folder: Path, place: int) -> Path:
    return sorted(folder.iterdir())[place]


def activations(client: httpx.Client, path: str, picture: Path, layer: str) -> NDArray[np.float32]:
    response = client.post(f"/v1/models/{path}?layers={layer}", content=picture.read_bytes(), headers=TENSORS)
    assert response.status_code == 200
    found: NDArray[np.float32] = load(response.content)[layer]
    return found


def number(locator: Locator) -> float:
    return float(locator.inner_text().replace("−", "-"))


def settled(page: Page) -> Page:
    expect(page.get_by_test_id("differences")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_test_id("difference").first).to_be_visible()
    return page


def test_two_pictures_in_one_model_differ_as_the_api_says(open_page: OpenPage, client: httpx.Client) -> None:
    first, second = sample(VGG, 0), sample(VGG, 3)
    link = f"/#model=objects-tinyvgg&place=compare&sample={first.name}&rightsample={second.name}&differlayer=conv1_1"
    page = settled(open_page(link))
    left = activations(client, "objects-tinyvgg/activations", first, "conv1_1")
    right = activations(client, "objects-tinyvgg/activations", second, "conv1_1")
    sizes = np.abs(right - left).mean(axis=(1, 2))
    rows = page.get_by_test_id("difference").all()
    assert [int(row.get_attribute("data-channel") or "") for row in rows] == np.argsort(-sizes).tolist()
    for row in rows:
        channel = int(row.get_attribute("data-channel") or "")
        assert float(row.get_attribute("data-size") or "") == pytest.approx(float(sizes[channel]), rel=1e-4)
        assert is_painted(row.locator("canvas").nth(2))
    channel = int(rows[0].get_attribute("data-channel") or "")
    rows[0].get_by_role("button", name="difference").focus()
    page.keyboard.press("ArrowDown")
    y, x = left.shape[1] // 2 + 1, left.shape[2] // 2
    for what, truth in (("left", left), ("right", right), ("difference", right - left)):
        shown = number(page.get_by_test_id(f"difference-{what}"))
        assert shown == pytest.approx(float(truth[channel, y, x]), rel=1e-4, abs=1e-5)


def test_two_versions_read_one_picture_and_the_link_keeps_all(open_page: OpenPage, client: httpx.Client) -> None:
    picture = sample(TICKS, 1)
    page = settled(open_page(f"/#model=ticks&version=2&place=compare&sample={picture.name}&differlayer=conv"))
    expect(page.get_by_test_id("right-version")).to_have_value("1")
    answers = [
        client.post(f"/v1/models/ticks/versions/{version}/predict", content=picture.read_bytes(), headers=PNG).json()
        for version in (2, 1)
    ]
    for row in page.get_by_test_id("answer-pair").all():
        for side, answer in zip(("left", "right"), answers, strict=True):
            told = {each["label"]: each["probability"] for each in answer["predictions"]}
            assert float(row.get_attribute(f"data-{side}") or "") == pytest.approx(
                told[row.get_attribute("data-label")], abs=1e-6
            )
    page.get_by_test_id("right-model").select_option("digits")
    expect(page).to_have_url(re.compile("rightmodel=digits"))
    expect(page.get_by_test_id("sides")).to_have_attribute("aria-busy", "false")
    page.reload()
    expect(page.get_by_test_id("right-model")).to_have_value("digits")
    expect(page.get_by_test_id("answer-pair").first).to_be_visible()


def test_a_file_on_the_right_is_kept_in_the_link(open_page: OpenPage, sample_seven: Path) -> None:
    page = settled(open_page("/#model=digits&version=1&place=compare&sample=00-0.png&rightversion=1"))
    page.get_by_test_id("right-upload").set_input_files(sample_seven)
    expect(page).to_have_url(re.compile("rightpicture=[0-9a-f]{16}"))
    expect(page.get_by_test_id("answer-pair").first).to_have_attribute("data-label", re.compile("0|7"))
    page.reload()
    expect(page.get_by_text(sample_seven.name, exact=True)).to_be_visible()


def test_a_film_shows_what_each_step_would_have_answered(open_page: OpenPage, client: httpx.Client) -> None:
    picture = sample(TICKS, 0)
    page = open_page(f"/#model=ticks&version=2&place=compare&compare=film&sample={picture.name}")
    film = page.get_by_test_id("film")
    frames = client.get("/v1/models/ticks/versions/2").json()["film"]
    slider = page.get_by_role("slider", name="Step of the training")
    expect(film).to_have_attribute("data-step", "published")
    for index, frame in ((0, frames[0]), (1, frames[1])):
        slider.fill(str(index))
        expect(film).to_have_attribute("data-step", str(frame["step"]))
        expect(page).to_have_url(re.compile(f"step={frame['step']}"))
        expect(film).to_have_attribute("aria-busy", "false")
        path = f"ticks/versions/2/film/{frame['step']}"
        told = client.post(f"/v1/models/{path}/predict", content=picture.read_bytes(), headers=PNG).json()
        for each in told["predictions"]:
            row = film.locator(f'[data-testid=film-answer][data-label="{each["label"]}"]')
            expect(row).to_have_attribute("data-probability", re.compile(re.escape(f"{each['probability']:.6f}"[:6])))
        truth = activations(client, f"{path}/activations", picture, "conv")
        page.get_by_test_id("film-maps").get_by_role("button").first.focus()
        page.keyboard.press("ArrowUp")
        shown = number(page.get_by_test_id("film-value"))
        assert shown == pytest.approx(float(truth[0, 11 - index, 12]), rel=1e-4, abs=1e-5)
    assert is_painted(page.get_by_test_id("film-filters").locator("canvas").first)


def test_a_film_plays_to_its_end(open_page: OpenPage) -> None:
    page = open_page("/#model=ticks&version=2&place=compare&compare=film")
    film = page.get_by_test_id("film")
    expect(film).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="Play").click()
    expect(film).to_have_attribute("data-step", "0")
    expect(film).to_have_attribute("data-step", "662")
    expect(film).to_have_attribute("data-step", "published")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_version_without_a_film_leads_to_one_that_has_one(open_page: OpenPage) -> None:
    page = open_page("/#model=digits&place=compare&compare=film")
    expect(page.get_by_text("--keep-checkpoints")).to_be_visible()
    page.get_by_role("button", name="ticks, version 2").click()
    expect(page.get_by_test_id("film")).to_be_visible()


def test_a_phone_needs_no_scrolling_sideways(open_page: OpenPage) -> None:
    for link in ("compare=film&model=ticks&version=2", "model=objects-tinyvgg", "model=digits&version=2"):
        page = open_page(f"/#place=compare&{link}", viewport={"width": 390, "height": 844})
        expect(page.locator("[data-testid=film], [data-testid=difference]").first).to_be_visible()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, link
