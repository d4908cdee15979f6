"""The page in a real browser, on the real service with the published models."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import OpenPage

PNG = {"Content-Type": "image/png"}


def best(page: Page) -> Locator:
    return page.get_by_test_id("prediction").first


def choose_sample(page: Page, name: str) -> None:
    """Clicks a sample and waits until all that is shown speaks of it."""
    page.locator(f'[data-testid=sample][data-file$="-{name}.png"]').first.click()
    expect(page.get_by_text(f"Sample “{name}”", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="What every layer computed")).to_have_attribute("aria-busy", "false")


def layer(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid=layer][data-layer="{name}"]')


def is_painted(canvas: Locator) -> bool:
    """Whether a canvas shows more than one colour."""
    painted: bool = canvas.evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const colours = new Set();
            for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 4).join());
            return colours.size > 1;
        }"""
    )
    return painted


def test_it_lists_the_published_models_and_shows_an_answer_at_once(open_page: OpenPage) -> None:
    page = open_page()
    expect(page).to_have_title(re.compile("Convscope"))
    assert page.get_by_test_id("model-picker").locator("option").all_inner_texts() == sorted(
        folder.name for folder in Path("models").iterdir() if folder.is_dir()
    )
    expect(page.get_by_test_id("sample")).to_have_count(10)
    expect(best(page)).to_be_visible()


def test_a_sample_is_answered_as_the_api_answers(open_page: OpenPage, client: httpx.Client, sample_seven: Path) -> None:
    page = open_page()
    choose_sample(page, "7")
    expect(best(page)).to_have_attribute("data-label", "7")
    answer = client.post("/v1/models/digits/predict?top_k=10", content=sample_seven.read_bytes(), headers=PNG).json()
    rows = page.get_by_test_id("prediction").all()
    shown = {row.get_attribute("data-label"): float(row.get_attribute("data-probability") or "nan") for row in rows}
    assert list(shown) == [item["label"] for item in answer["predictions"]]
    for item in answer["predictions"]:
        assert shown[item["label"]] == pytest.approx(item["probability"], abs=1e-6)
    assert shown["7"] > 0.9


def test_every_layer_is_a_column_with_its_maps(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page()
    choose_sample(page, "7")
    table = {row["name"]: row["output_shape"] for row in client.get("/v1/models/digits/layers").json()["layers"]}
    network = page.get_by_role("group", name="The network, from the picture to the answer")
    seen: dict[str, int] = {}
    for left in range(0, network.evaluate("it => it.scrollWidth"), 800):
        network.evaluate("(it, left) => it.scrollTo({left})", left)
        page.wait_for_timeout(100)
        for column in page.get_by_test_id("layer").all():
            maps = column.locator("[data-testid=feature-map], [data-testid=vector-value]").count()
            seen[column.get_attribute("data-layer") or ""] = maps
    assert seen.keys() == table.keys()
    for name, (channels, *_) in table.items():
        assert min(channels, 4) <= seen[name] <= channels
    network.evaluate("it => it.scrollTo({left: 0})")
    assert is_painted(layer(page, "conv1").get_by_test_id("feature-map").first)


def test_a_number_pointed_at_is_the_runtimes_number(
    open_page: OpenPage, client: httpx.Client, sample_seven: Path
) -> None:
    page = open_page()
    choose_sample(page, "7")
    conv1 = layer(page, "conv1").get_by_test_id("feature-map").nth(2)
    channel = int(conv1.get_attribute("data-channel") or -1)
    conv1.scroll_into_view_if_needed()
    box = conv1.bounding_box()
    assert box
    y, x = 9, 12
    page.mouse.move(box["x"] + (x + 0.5) / 28 * box["width"], box["y"] + (y + 0.5) / 28 * box["height"])
    shown = page.get_by_test_id("preview-value").inner_text()
    answer = client.post("/v1/models/digits/activations?layers=conv1", content=sample_seven.read_bytes(), headers=PNG)
    value = answer.json()["layers"][0]["values"][channel][y][x]
    number = re.search(r"[−-]?\d+\.\d+(?:e[−-]?\d+)?", shown)
    assert number, shown
    assert float(number.group().replace("−", "-")) == pytest.approx(value, rel=1e-6)


def test_drawing_is_answered_live_and_can_be_cleared(open_page: OpenPage) -> None:
    page = open_page()
    canvas = page.get_by_test_id("draw-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    x = box["x"] + box["width"] * 0.3
    page.mouse.move(x, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.move(x, box["y"] + box["height"] * 0.8, steps=8)
    expect(best(page)).to_have_attribute("data-label", "1")  # while the pen is still down
    page.mouse.up()
    assert is_painted(canvas)
    page.get_by_test_id("clear").click()
    expect(page.get_by_test_id("prediction")).to_have_count(0)
    assert not is_painted(canvas)


def test_a_file_can_be_uploaded_and_what_the_network_sees_is_shown(open_page: OpenPage, sample_seven: Path) -> None:
    page = open_page()
    choose_sample(page, "3")
    expect(best(page)).to_have_attribute("data-label", "3")
    page.get_by_test_id("upload").set_input_files(sample_seven)
    expect(best(page)).to_have_attribute("data-label", "7")
    assert is_painted(page.get_by_test_id("network-input"))


def test_another_model_is_a_choice_away(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_test_id("model-picker").select_option("ticks")
    for name in ("cross", "tick"):
        choose_sample(page, name)
        expect(best(page)).to_have_attribute("data-label", name)
    expect(layer(page, "conv").get_by_test_id("feature-map")).to_have_count(3)


def test_a_picture_that_cant_be_read_is_said_in_words_and_the_page_goes_on(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(complaint="Failed to load resource")  # the browser's own line for a 4xx
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    page.get_by_test_id("upload").set_input_files(broken)
    expect(page.get_by_test_id("error").first).to_contain_text("picture")
    choose_sample(page, "7")
    expect(best(page)).to_have_attribute("data-label", "7")
    expect(page.get_by_test_id("error")).to_have_count(0)


def test_a_reload_shows_the_same(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_test_id("model-picker").select_option("ticks")
    choose_sample(page, "cross")
    expect(best(page)).to_have_attribute("data-label", "cross")
    url, before = page.url, best(page).get_attribute("data-probability")
    page.reload()
    expect(best(page)).to_have_attribute("data-probability", before or "")
    assert page.url == url
    expect(page.get_by_test_id("model-picker")).to_have_value("ticks")


def test_it_works_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    choose_sample(page, "3")
    expect(best(page)).to_have_attribute("data-label", "3")
    for _ in range(40):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.dataset.file") or "").endswith("-7.png"):
            break
    else:
        pytest.fail("the sample can't be reached by Tab")
    page.keyboard.press("Enter")
    expect(best(page)).to_have_attribute("data-label", "7")


@pytest.mark.parametrize("path", ["/", "/#model=ticks"])
def test_a_phone_needs_no_sideways_scrolling(open_page: OpenPage, path: str) -> None:
    page = open_page(path, viewport={"width": 390, "height": 844})
    expect(best(page)).to_be_visible()
    expect(page.get_by_test_id("layer").last).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_dark_where_the_reader_wants_it_dark(open_page: OpenPage) -> None:
    def brightness(scheme: str) -> int:
        page = open_page(color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        if colour == "rgba(0, 0, 0, 0)":
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    assert brightness("dark") < 150
    assert brightness("light") > 600


def test_no_model_says_what_to_do(
    open_page: OpenPage, tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]
) -> None:
    empty = str(serve_folder(tmp_path).base_url).rstrip("/")
    page = open_page(at=empty)
    expect(page.get_by_test_id("no-models")).to_contain_text("make train")


def test_the_documentation_asks_no_other_server(open_page: OpenPage) -> None:
    page = open_page("/docs")
    expect(page.get_by_text("/v1/models/{model}/predict", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Authorize")).to_be_visible()
    operation = page.locator("#operations-models-list_models_v1_models_get")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute", exact=True).click()
    expect(operation.locator(".live-responses-table")).to_contain_text("digits")


def test_the_training_report_asks_no_other_server(open_page: OpenPage, digits_folder: Path) -> None:
    page = open_page(f"/v1/models/digits/versions/{digits_folder.name}/report")
    expect(page.get_by_role("heading").first).to_be_visible()
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
