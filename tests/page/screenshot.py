"""Turns the published models and the page into a picture: `python -m tests.page.screenshot docs/page.png`."""

import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import expect, sync_playwright

from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.page.conftest import FLAGS, find_chromium


def take(target: Path, view: str, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
    """Write a picture of the page, from its top, once every layer is drawn.

    Args:
        target: the PNG file.
        view: the address's hash.
        size: width and height, in pixels.
        scheme: the colour scheme.
    """
    width, height = size
    with serving(Settings(models=MODELS)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(f"{address}/{view}")
        expect(page.get_by_test_id("feature-map").first).to_be_visible()
        expect(page.get_by_test_id("prediction").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=target, clip={"x": 0, "y": 0, "width": width, "height": height}, full_page=True)
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), "#model=digits&sample=07-7.png", (1280, 1500), "light")
