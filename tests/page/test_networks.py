"""What a person does with a network, on four of them: small, plain, with branches, and foreign with many layers."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.conftest import MODELS
from tests.page.conftest import OpenPage, ShowNetwork
from tests.page.gallery import NETWORKS
from tests.program import started

PNG = {"Content-Type": "image/png"}
MODELS_OF = {
    "digits": MODELS / "digits" / "2",
    **{name: MODELS / name / "1" for name in ("objects", "objects-tinyvgg")},
}


def sample_of(network: str) -> str:
    """The file of one of its samples."""
    return sorted(path.name for path in (MODELS_OF[network] / "samples").iterdir())[3]


def test_a_map_shows_what_it_is_made_of(show: ShowNetwork) -> None:
    page = show("digits")
    page.locator("[data-testid=layer][data-layer=conv2] [data-testid=feature-map]").first.hover()
    expect(page.get_by_test_id("draws").locator("path")).to_have_count(16)


def test_blocks_fold_and_unfold(show: ShowNetwork, gallery: str) -> None:
    page = show("foreign")
    layers = httpx.get(f"{gallery}/v1/models/foreign/layers").json()["layers"]
    assert len(layers) > 100
    folded = page.locator(".fold").first
    before = page.get_by_role("group", name="The network, from the picture to the answer").evaluate(
        "it => it.scrollWidth"
    )
    folded.click()
    after = page.get_by_role("group", name="The network, from the picture to the answer").evaluate(
        "it => it.scrollWidth"
    )
    assert after > before
    page.get_by_role("button", name="Unfold all blocks").click()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_tour_leads_through_it_by_keyboard(show: ShowNetwork, network: str) -> None:
    page = show(network)
    page.get_by_test_id("start-tour").focus()
    page.keyboard.press("Enter")
    titles = []
    while page.get_by_test_id("tour").get_by_role("button", name="Next").count():
        titles.append(page.get_by_test_id("tour").get_by_role("heading").inner_text())
        page.keyboard.press("ArrowRight")
    assert any("Convolution" in title for title in titles)
    assert len(titles) == len(set(titles)) >= 4
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("tour")).to_have_count(0)


def test_a_server_that_went_away_is_said_and_found_again(show: ShowNetwork, networks: Path, photograph: Path) -> None:
    gone = "The service does not answer"
    with started("--models", str(networks)) as (_, address, _):
        pages = [show(name, at=address, complaint="Failed to load resource") for name in NETWORKS]
        answers = [page.get_by_test_id("prediction").first.get_attribute("data-label") for page in pages]
    for page in pages:
        page.get_by_test_id("upload").set_input_files(photograph)
        expect(page.get_by_text(gone).first).to_be_visible()
        expect(page.get_by_test_id("prediction")).to_have_count(0)
    with started("--models", str(networks), "--port", address.rpartition(":")[2]):
        for page, name, answer in zip(pages, NETWORKS, answers, strict=True):
            expect(page.get_by_text(gone)).to_have_count(0)
            best = page.get_by_test_id("prediction").first
            expect(best).to_be_visible()
            if name != "foreign":
                page.get_by_test_id("sample").first.click()
            expect(best).to_have_attribute("data-label", answer or "")


@pytest.mark.parametrize("network", NETWORKS)
def test_only_what_is_on_the_screen_is_fetched(show: ShowNetwork, gallery: str, network: str) -> None:
    page = show(network, viewport={"width": 390, "height": 844})
    known = {layer["name"] for layer in httpx.get(f"{gallery}/v1/models/{network}/layers").json()["layers"]}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/activations" in request.url else None)

    def names() -> set[str]:
        return {name for url in asked for name in httpx.URL(url).params.get_list("layers")}

    page.reload()
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    first = names()
    drawn = page.get_by_test_id("layer").evaluate_all("them => them.map(it => it.dataset.layer)")
    assert first == set(drawn) < known
    page.get_by_role("group", name="The network, from the picture to the answer").evaluate(
        "it => it.scrollTo({left: it.scrollWidth})"
    )
    page.wait_for_load_state("networkidle")
    last = page.get_by_test_id("layer").last.get_attribute("data-layer")
    expect(page.get_by_test_id("layer").last.get_by_test_id("vector-value").first).to_be_visible()
    assert last in names()
    assert all(httpx.URL(url).params.get_list("layers") for url in asked)


def test_a_drawing_can_be_rubbed_out_undone_and_found_again_after_a_reload(open_page: OpenPage) -> None:
    page = open_page("/#model=digits")
    best = page.get_by_test_id("prediction").first
    expect(best).to_be_visible()
    page.wait_for_load_state("networkidle")
    box = page.get_by_test_id("draw-canvas").bounding_box()
    assert box

    def stroke(x: float) -> None:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + 0.8 * box["height"], steps=6)
        page.mouse.up()

    stroke(0.5)
    expect(best).to_have_attribute("data-label", "1")
    stroke(0.2)
    page.get_by_role("button", name="Undo").click()
    expect(best).to_have_attribute("data-label", "1")
    expect(page).to_have_url(re.compile("picture=[0-9a-f]{16}"))
    before = best.get_attribute("data-probability")
    page.reload()
    expect(best).to_have_attribute("data-probability", before or "")
    page.get_by_test_id("clear").click()
    stroke(0.5)
    page.get_by_role("button", name="Eraser").click()
    stroke(0.5)
    expect(best).not_to_have_attribute("data-probability", before or "")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_number_pointed_at_is_the_services(show: ShowNetwork, gallery: str, photograph: Path, network: str) -> None:
    page = show(network, "" if network == "foreign" else f"&sample={sample_of(network)}")
    feature_map = page.locator("[data-testid=layer][data-kind=conv] [data-testid=feature-map]").nth(1)
    feature_map.scroll_into_view_if_needed()
    box, channel = feature_map.bounding_box(), int(feature_map.get_attribute("data-channel") or -1)
    layer = page.locator("[data-testid=layer][data-kind=conv]").first.get_attribute("data-layer")
    picture = photograph if network == "foreign" else MODELS_OF[network] / "samples" / sample_of(network)
    answer = httpx.post(
        f"{gallery}/v1/models/{network}/activations",
        params={"layers": layer},
        content=picture.read_bytes(),
        headers=PNG,
    )
    values = np.array(answer.json()["layers"][0]["values"])[channel]
    y, x = values.shape[0] // 3, values.shape[1] // 2
    assert box
    page.mouse.move(
        box["x"] + (x + 0.5) / values.shape[1] * box["width"], box["y"] + (y + 0.5) / values.shape[0] * box["height"]
    )
    shown = page.get_by_test_id("preview-value")
    place = re.search(r"y (\d+), x (\d+)", shown.inner_text())
    assert place, shown.inner_text()
    number = float(shown.locator("output").inner_text().replace("−", "-"))
    assert number == pytest.approx(values[int(place[1]), int(place[2])], rel=1e-5, abs=1e-7)
    why = page.get_by_test_id("preview-why")
    expect(why).to_contain_text("window · kernel")
    assert float(why.get_attribute("data-value") or "nan") == pytest.approx(number, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_map_is_opened_and_walked_by_keyboard_alone(show: ShowNetwork, network: str) -> None:
    page = show(network)
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('button:has([data-testid=feature-map])')"):
            break
    else:
        pytest.fail("no map can be reached by Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"layer=.*channel=\d+"))
    expect(page.get_by_test_id("opened")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-testid=opened]') !== null")
