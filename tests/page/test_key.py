"""The page where the service has keys: it asks for one, says what is wrong with it, and shows everything with it."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from service.contract import REPORT_FILE
from service.engine import Provider
from service.keys import Scope
from service.publish import publish
from service.settings import Settings
from tests.conftest import serving
from tests.page.conftest import OpenPage
from tests.published import brightness_graph, evidence, manifest, white_png

KEYS = {scope: f"a-key-for-{scope}-0123" for scope in Scope}
REFUSED = "Failed to load resource: the server responded with a status of 40"
"""What Chromium says of a 401 and a 403."""

REPORT = """<!doctype html><title>Report</title><style>h1 { color: rgb(1, 2, 3) }</style>
<h1 style="letter-spacing: 3px">How it learnt</h1><script>document.title = "ran"</script>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><img src="https://elsewhere.example/spy.png">
<form action="https://elsewhere.example/"><input name="a"></form>"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, onnx = tmp_path_factory.mktemp("models"), brightness_graph()
    files = {"samples/white.png": white_png(), REPORT_FILE: REPORT.encode()}
    publish(folder, manifest(onnx), evidence("white.png"), onnx, files)
    return folder


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[str]:
    keys = ",".join(f"{key}:{scope}" for scope, key in KEYS.items())
    settings = Settings.model_validate({"models": models, "provider": Provider.CPU, "api_keys": keys})
    with serving(settings) as at:
        yield at


def give(page: Page, key: str) -> None:
    dialog = page.get_by_test_id("key-dialog")
    dialog.get_by_label("API key").fill(key)
    dialog.get_by_role("button", name="Use it").click()


def test_it_asks_for_a_key_and_works_with_it(open_page: OpenPage, guarded: str) -> None:
    page = open_page(at=guarded, complaint=REFUSED)
    dialog = page.get_by_test_id("key-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("alert")).to_contain_text("a key is needed")
    give(page, "of-somebody-else-012")
    expect(dialog.get_by_role("alert")).to_contain_text("none of this service's")
    give(page, KEYS[Scope.PREDICT])
    expect(dialog.get_by_role("alert")).to_contain_text("needs a key with the scope inspect")
    give(page, KEYS[Scope.INSPECT])
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("prediction").first).to_have_attribute("data-label", "bright")
    thumbnail = page.get_by_test_id("sample").get_by_role("img")
    expect(thumbnail).to_have_attribute("src", re.compile("^blob:"))
    assert thumbnail.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 4
    with page.expect_download() as download:
        page.get_by_role("link", name="How it learnt").click()
    assert download.value.path().read_text() == REPORT
    page.reload()
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    expect(dialog).to_be_hidden()


def test_the_key_stays_in_its_tab_and_can_be_declined_and_forgotten(open_page: OpenPage, guarded: str) -> None:
    page = open_page(at=guarded, complaint=REFUSED)
    dialog = page.get_by_test_id("key-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("error")).to_contain_text("a key is needed")
    page.get_by_role("button", name="Key").click()
    give(page, KEYS[Scope.ADMIN])
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    assert page.evaluate("Object.values({...sessionStorage})") == [KEYS[Scope.ADMIN]]
    assert page.evaluate("[Object.keys(localStorage).length, document.cookie]") == [0, ""]
    page.get_by_role("button", name="Key").click()
    dialog.get_by_role("button", name="Forget the key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a key is needed")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_report_shows_its_style_and_does_nothing(open_page: OpenPage, models: Path) -> None:
    with serving(Settings(models=models, provider=Provider.CPU)) as at:
        path = "/v1/models/brightness/versions/1/report"
        assert httpx.get(at + path).headers["content-security-policy"].endswith("sandbox")
        page = open_page(path, at=at, complaint="locked")  # its script and its picture from elsewhere
        heading = page.get_by_role("heading", name="How it learnt")
        expect(heading).to_have_css("color", "rgb(1, 2, 3)")
        expect(heading).to_have_css("letter-spacing", "3px")
        expect(page).to_have_title("Report")
        assert page.evaluate("window.origin") == "null"
