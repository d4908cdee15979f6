"""Turns the page in a real browser into times: until it shows something, from a stroke to the bars, of its frames.

    python -m benchmarks.page [--models models] [--rounds 5]

It needs Chromium (CHROMIUM, or on the PATH). Times are counted in the page itself, from when its HTML has come.
"""

import argparse
import gzip
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.material import ROOT
from benchmarks.table import tabulate
from service.routes.page import DIST
from service.settings import Settings
from tests.conftest import serving
from tests.page.conftest import FLAGS, find_chromium

_SHOWN = """([wanted]) => new Promise(resolve => {
  const look = () => {
    const painted = [...document.querySelectorAll(wanted)].filter(it => it.width > 1).length;
    const answered = document.querySelector('[data-testid=prediction]');
    const {responseEnd} = performance.getEntriesByType('navigation')[0];
    if (painted && answered) requestAnimationFrame(() => resolve(performance.now() - responseEnd));
    else requestAnimationFrame(look);
  };
  look();
})"""
"""Milliseconds from the last byte of the HTML until there is an answer and a feature map."""

_STROKE = """() => new Promise(resolve => {
  const list = document.querySelector('[data-testid=prediction]').parentElement;
  const began = performance.now();
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - began));
  });
  seen.observe(list, {subtree: true, childList: true, attributes: true});
})"""

_FRAMES = """(seconds) => new Promise(resolve => {
  const times = [];
  const step = now => {
    times.push(now);
    if (now - times[0] < 1000 * seconds) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(step);
})"""
"""Milliseconds between frames."""


def main() -> None:
    """Measure and print."""
    options = _parse()
    with serving(Settings(models=options.models)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)

        def open_(hash_: str) -> Page:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(f"{address}/{hash_}", wait_until="commit")
            return page

        rows = []
        for name in (folder.name for folder in sorted(options.models.iterdir()) if (folder / "1").is_dir()):
            view = partial(_first_view, open_, name, options.picture)
            rows.append(_row(f"{name}: first view", "ms", options.rounds, view))
        rows.append(_row("digits: a stroke to the bars", "ms", options.rounds, lambda: _stroke(open_("#model=digits"))))
        browser.close()
    size = sum(len(gzip.compress(file.read_bytes())) for file in (DIST / "assets").glob("*.js"))
    rows.append(["JavaScript, gzip", "KB", f"{size / 1000:.1f}", ""])
    print("\n".join(tabulate(["what", "unit", "median", "least–most"], rows)))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--picture", type=Path, help="for models that have no samples")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _row(what: str, unit: str, rounds: int, measure: Callable[[], float]) -> list[str]:
    taken = [measure() for _ in range(rounds)]
    return [what, unit, f"{statistics.median(taken):.0f}", f"{min(taken):.0f}–{max(taken):.0f}"]


def _first_view(open_: Callable[[str], Page], name: str, picture: Path | None) -> float:
    page = open_(f"#model={name}")
    page.wait_for_load_state("domcontentloaded")
    if picture and not page.request.get(f"/v1/models/{name}/samples").json()["samples"]:
        page.get_by_test_id("upload").set_input_files(picture)
    taken: float = page.evaluate(_SHOWN, ["[data-testid=feature-map]"])
    page.context.close()
    return taken


def _stroke(page: Page) -> float:
    """From the pen's going down until the bars have moved."""
    page.get_by_test_id("prediction").first.wait_for()
    page.wait_for_load_state("networkidle")
    box = page.get_by_test_id("draw-canvas").bounding_box()
    assert box  # noqa: S101 - it is on the page
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 120, steps=4)
    page.wait_for_load_state("networkidle")
    page.evaluate(f"window.waiting = ({_STROKE})(); undefined")
    page.mouse.move(box["x"] + 110, box["y"] + 60)
    taken: float = page.evaluate("window.waiting")
    page.context.close()
    return taken


if __name__ == "__main__":
    main()
