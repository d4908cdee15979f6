"""Every view of the page on four networks: small, plain, with branches, and foreign with many layers."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from service.settings import Settings
from tests.conftest import MODELS, ROOT, serving
from tests.page.conftest import OpenPage
from tests.page.gallery import make_gallery
from tests.program import started

AXE = ROOT / "service" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = ("explore", "why", "compare", "workbench", "numbers", "training")
NETWORKS = ("digits", "objects-tinyvgg", "objects", "foreign")
TIMES = "[data-figure=time], [data-testid=times]"
"""What is measured anew each time."""
PNG = {"Content-Type": "image/png"}
MODELS_OF = {
    "digits": MODELS / "digits" / "2",
    **{name: MODELS / name / "1" for name in ("objects", "objects-tinyvgg")},
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the four networks."""
    folder = tmp_path_factory.mktemp("gallery") / "models"
    folder.mkdir()
    make_gallery(folder)
    return folder


@pytest.fixture(scope="module")
def gallery(networks: Path) -> Iterator[str]:
    """The address of a service with the four networks."""
    with serving(Settings(models=networks)) as address:
        yield address


@pytest.fixture(scope="module")
def photograph() -> Path:
    """A picture for networks that have no samples: one of another's."""
    return sorted((ROOT / "models" / "objects" / "1" / "samples").glob("*.png"))[2]


def show(open_page: OpenPage, gallery: str, network: str, photograph: Path, rest: str = "", **options: object) -> Page:
    """Opens a network with a picture, and waits until all of it is answered."""
    page = open_page(f"/#model={network}{rest}", at=gallery, **options)
    expect(page.get_by_test_id("model-picker")).to_have_value(network)
    if network == "foreign":
        page.get_by_test_id("upload").set_input_files(photograph)
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page


def sample_of(network: str) -> str:
    """The file of one of its samples."""
    return sorted(path.name for path in (MODELS_OF[network] / "samples").iterdir())[3]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, gallery: str, photograph: Path, network: str, place: str
) -> None:
    page = show(open_page, gallery, network, photograph, f"&place={place}")
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
    serious = [
        f"{each['id']}: {each['nodes'][0]['target']}" for each in found if each["impact"] in {"serious", "critical"}
    ]
    assert not serious


@pytest.mark.parametrize("network", NETWORKS)
def test_every_place_fits_a_phone(open_page: OpenPage, gallery: str, photograph: Path, network: str) -> None:
    page = show(open_page, gallery, network, photograph, viewport={"width": 390, "height": 844})
    for place in PLACES:
        page.evaluate("place => location.hash = location.hash.replace(/&place=\\w+|$/, `&place=${place}`)", place)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place


@pytest.mark.parametrize("network", NETWORKS)
def test_a_reload_shows_the_same_pixels(open_page: OpenPage, gallery: str, photograph: Path, network: str) -> None:
    page = show(open_page, gallery, network, photograph, reduced_motion="reduce")
    page.locator("[data-testid=layer][data-kind=conv] .name").first.click()
    links = page.get_by_role("navigation", name="Views").get_by_role("link")
    for index, place in enumerate(PLACES):
        links.nth(index).click()
        before, url = take(page), page.url
        page.reload()
        assert page.url == url
        # Rounded corners are drawn a little otherwise each time.
        assert any(differing(before, take(page)) < 100 for _ in range(10)), place


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


def test_a_map_shows_what_it_is_made_of(open_page: OpenPage, gallery: str, photograph: Path) -> None:
    page = show(open_page, gallery, "digits", photograph)
    page.locator("[data-testid=layer][data-layer=conv2] [data-testid=feature-map]").first.hover()
    expect(page.get_by_test_id("draws").locator("path")).to_have_count(16)


def test_blocks_fold_and_unfold(open_page: OpenPage, gallery: str, photograph: Path) -> None:
    page = show(open_page, gallery, "foreign", photograph)
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
def test_the_tour_leads_through_it_by_keyboard(
    open_page: OpenPage, gallery: str, photograph: Path, network: str
) -> None:
    page = show(open_page, gallery, network, photograph)
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


def test_a_server_that_went_away_is_said_and_found_again(open_page: OpenPage, networks: Path, photograph: Path) -> None:
    gone = "The service does not answer"
    with started("--models", str(networks)) as (_, address, _):
        pages = [show(open_page, address, name, photograph, complaint="Failed to load resource") for name in NETWORKS]
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
def test_only_what_is_on_the_screen_is_fetched(
    open_page: OpenPage, gallery: str, photograph: Path, network: str
) -> None:
    page = show(open_page, gallery, network, photograph, viewport={"width": 390, "height": 844})
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
def test_a_number_pointed_at_is_the_services(open_page: OpenPage, gallery: str, photograph: Path, network: str) -> None:
    page = show(
        open_page, gallery, network, photograph, "" if network == "foreign" else f"&sample={sample_of(network)}"
    )
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
def test_a_map_is_opened_and_walked_by_keyboard_alone(
    open_page: OpenPage, gallery: str, photograph: Path, network: str
) -> None:
    page = show(open_page, gallery, network, photograph)
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
