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
    does: tuple[tuple[Literal["hover", "click", "wait"], str], ...] = ()
    """What is done first, to the first element of each selector."""


OPENED, PLACE = "[data-testid=opened]", "#place"

SEVEN = "#model=digits&sample=07-7.png"
FROG = "#model=objects&sample=06-frog.png"

VIEWS = (
    View("explore", SEVEN, 1120),
    View("explore-dark", FROG, 900, scheme="dark", scrolls_to=PLACE),
    View("pointed", SEVEN, 800, scrolls_to=PLACE, does=(("hover", "[data-layer=conv2] button:has(canvas)"),)),
    View("channel", f"{SEVEN}&layer=conv2&channel=5&y=9&x=12", scrolls_to=OPENED),
    View("relu", f"{SEVEN}&layer=relu1&channel=5&y=9&x=12", 640, scrolls_to=OPENED),
    View("pooling", f"{SEVEN}&layer=pool2&channel=5&y=4&x=6", 640, scrolls_to=OPENED),
    View("normalisation", f"{SEVEN}&layer=norm2&channel=5&y=4&x=6", 680, scrolls_to=OPENED),
    View("branches", f"{FROG}&layer=block3&channel=7", 640, scrolls_to=OPENED),
    View("dense", f"{SEVEN}&layer=dense&channel=7", 900, scrolls_to=OPENED),
    View("answer", f"{SEVEN}&layer=softmax&channel=7", 680, scrolls_to=OPENED),
    View("layer", f"{FROG}&layer=conv3", 800, scrolls_to=OPENED),
    View(
        "looks",
        f"{FROG}&layer=relu3&channel=5",
        640,
        scrolls_to="[data-testid=looks-for]",
        does=(("click", "text=Let it dream"), ("wait", "text=Another one")),
    ),
    View("why", f"{FROG}&place=why", 900, scrolls_to=PLACE),
    View(
        "compare",
        f"{SEVEN}&place=compare&rightversion=2&rightsample=01-1.png&differlayer=relu1",
        1200,
        scrolls_to="[data-testid=sides]",
    ),
    View(
        "film", "#model=objects-tinyvgg&sample=06-frog.png&place=compare&compare=film&step=960", 900, scrolls_to=PLACE
    ),
    View("workbench", f"{FROG}&place=workbench", 1000, scrolls_to=PLACE),
    View("numbers", f"{SEVEN}&place=numbers", 900, scrolls_to=PLACE),
    View("training", "#model=objects&place=training", 1300, scrolls_to=PLACE),
    View("take", f"{SEVEN}&layer=conv2&channel=5&y=9&x=12", 800, does=(("click", "text=Take it along"),)),
    View(
        "tour",
        SEVEN,
        900,
        does=(("click", "[data-testid=start-tour]"), ("click", "text=Next →"), ("click", "text=Next →")),
    ),
    View("phone", SEVEN, 844, 390),
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
        page.locator(view.scrolls_to).first.evaluate("it => it.scrollIntoView()")
    for what, selector in view.does:
        found = page.locator(selector).first
        if what == "wait":
            found.wait_for()
        else:
            found.hover() if what == "hover" else found.click()
    page.wait_for_timeout(600)
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
