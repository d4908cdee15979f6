"""Turns the published models and the page into pictures of every view: `python -m tests.page.screenshot docs/page`."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.page.conftest import FLAGS, find_chromium

_COLOURS = 256
"""Of a picture's palette: drawings have few, and a palette makes the file a third as large."""


@dataclass(frozen=True)
class View:
    """What is taken."""

    name: str
    hash: str
    height: int = 1000
    width: int = 1280
    scheme: Literal["light", "dark"] = "light"
    scrolls_to: str = ""
    """A selector; empty: the page's top."""


VIEWS = (
    View("explore", "#model=digits&sample=07-7.png", 1120),
    View("explore-dark", "#model=objects", 1120, scheme="dark"),
    View("channel", "#model=digits&sample=07-7.png&layer=conv2&channel=5&y=9&x=12", scrolls_to="[data-testid=opened]"),
    View("relu", "#model=digits&sample=07-7.png&layer=relu1&channel=5&y=9&x=12", scrolls_to="[data-testid=opened]"),
    View("pooling", "#model=digits&sample=07-7.png&layer=pool2&channel=5&y=4&x=6", scrolls_to="[data-testid=opened]"),
    View("answer", "#model=digits&sample=07-7.png&layer=softmax&channel=7", scrolls_to="[data-testid=opened]"),
    View("why", "#model=objects&place=why", 1200),
    View("compare", "#model=digits&place=compare&sample=07-7.png", 1200),
    View("workbench", "#model=objects&place=workbench", 1300),
    View("numbers", "#model=digits&place=numbers", 1200),
    View("training", "#model=digits&place=training", 1300),
    View("phone", "#model=digits&sample=07-7.png", 844, 390),
)


def take(browser: Browser, address: str, view: View, folder: Path) -> None:
    """Write a picture of a view once it is at rest.

    Args:
        browser: takes it.
        address: of the service.
        view: what is shown.
        folder: where `<name>.png` goes.
    """
    size = {"width": view.width, "height": view.height}
    page = browser.new_context(viewport=size, color_scheme=view.scheme).new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/{view.hash}")
    expect(page.get_by_test_id("prediction").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    if view.scrolls_to:
        page.locator(view.scrolls_to).first.scroll_into_view_if_needed()
        page.locator(view.scrolls_to).first.evaluate("it => it.scrollIntoView()")
        page.wait_for_timeout(300)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(_COLOURS).save(folder / f"{view.name}.png", optimize=True)
    page.context.close()


def main() -> None:
    """Take the views that are named, or all."""
    folder, *names = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with serving(Settings(models=MODELS)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for view in VIEWS:
            if not names or view.name in names:
                take(browser, address, view, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
