"""Gives the page tests a real Chromium, and a page that lets nothing leave the origin and keeps no error to itself."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from service.routes.page import DIST
from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.page.gallery import make_gallery

# What a browser in a container, without a screen and without the internet, has to be told.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find_chromium() -> str | None:
    """The browser's path: CHROMIUM, or what lies on the PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


def _need(thing: object, reason: str) -> None:
    """Skip, or in continuous integration fail, where something is missing."""
    if not thing:
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture(scope="package")  # no longer: Playwright's event loop would be in the way of other tests' own
def browser() -> Iterator[Browser]:
    path = find_chromium()
    _need(path, "no Chromium is installed: apt-get install chromium, or name one in CHROMIUM")
    _need((DIST / "index.html").is_file(), "the page is not built: make setup")
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)  # milliseconds: a busy machine is no failure
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Opens the page at an address; afterwards nothing may have left its origin, and no error may have been logged."""
    contexts: list[BrowserContext] = []
    left: list[str] = []
    complaints: list[str] = []
    expected: list[str] = []

    def open_(path: str = "/", at: str = address, complaint: str = "", **options: object) -> Page:
        """`complaint`: a part of console messages that are the subject of the test."""
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        expected.append(complaint or "\0")

        def keep_in(route: Route) -> None:
            if route.request.url.startswith((at, "data:", "blob:")):
                route.continue_()
            else:
                left.append(route.request.url)
                route.abort()

        context.route("**/*", keep_in)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(at + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert left == []
    assert [text for text in complaints if not any(part in text for part in expected)] == []


@pytest.fixture(scope="package")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the gallery's networks."""
    folder = tmp_path_factory.mktemp("gallery") / "models"
    folder.mkdir()
    make_gallery(folder)
    return folder


@pytest.fixture(scope="package")
def gallery(networks: Path) -> Iterator[str]:
    """The address of a service with the gallery's networks."""
    with serving(Settings(models=networks)) as address:
        yield address


@pytest.fixture(scope="package")
def photograph() -> Path:
    """A picture for networks that have no samples: one of another's."""
    return sorted((MODELS / "objects" / "1" / "samples").glob("*.png"))[2]


ShowNetwork = Callable[..., Page]


@pytest.fixture
def show(open_page: OpenPage, gallery: str, photograph: Path) -> ShowNetwork:
    """Opens one of the gallery's networks with a picture, and waits until all of it is answered."""

    def show_(network: str, rest: str = "", at: str = gallery, **options: object) -> Page:
        page = open_page(f"/#model={network}{rest}", at=at, **options)
        expect(page.get_by_test_id("model-picker")).to_have_value(network)
        if network == "foreign":
            page.get_by_test_id("upload").set_input_files(photograph)
        expect(page.get_by_test_id("prediction").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        return page

    return show_


@pytest.fixture
def sample_seven(digits_folder: Path) -> Path:
    """The file of the held-out 7."""
    return next((digits_folder / "samples").glob("*-7.png"))


@pytest.fixture(scope="session")
def digits_folder() -> Path:
    """The published version of the digits model that answers."""
    folders = (Path("models") / "digits").iterdir()
    return max((folder for folder in folders if folder.name.isdecimal()), key=lambda folder: int(folder.name))
