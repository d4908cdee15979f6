"""Turns the page in a real browser into times: until it shows something, from a stroke to the bars, of its frames.

    python -m benchmarks.page [--rounds 5]

It needs Chromium (CHROMIUM, or on the PATH), and the training's packages: besides the published models it opens an
untrained ResNet-18 for pictures of 224 x 224, and a TinyVGG whose maps are 62 x 62. First views count from when the
HTML has come.
"""

import argparse
import gzip
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.material import ROOT, convscope, draw_photograph, plain_environment
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


_LARGE = {"resnet18": ("resnet18", 224), "tinyvgg62": ("tiny-vgg", 64)}
"""By name: networks that are made for the measurement, and the side of their pictures."""

_PLAYED = "#model=tinyvgg62&layer=conv1_1&channel=0&y=0&x=0"


def main() -> None:
    """Measure and print."""
    options = _parse()
    with tempfile.TemporaryDirectory() as temporary:
        models, picture = Path(temporary) / "models", Path(temporary) / "photograph.png"
        shutil.copytree(ROOT / "models", models)
        draw_photograph(224, 224, 1).save(picture)
        for name, (network, side) in _LARGE.items():
            made = convscope("init", name, "--network", network, "--height", str(side), "--models", models)
            subprocess.run(made, check=True, cwd=ROOT, env=plain_environment(), stdout=subprocess.DEVNULL)  # noqa: S603
        print("\n".join(tabulate(["what", "unit", "median", "least–most"], _measure(models, picture, options.rounds))))


def _measure(models: Path, picture: Path, rounds: int) -> list[list[str]]:
    with serving(Settings(models=models)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)

        def open_(hash_: str) -> Page:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(f"{address}/{hash_}", wait_until="commit")
            return page

        rows = []
        for name in (folder.name for folder in sorted(models.iterdir()) if (folder / "1").is_dir()):
            view = partial(_first_view, open_, name, picture)
            rows.append(_row(f"{name}: first view", "ms", rounds, view))
        rows.append(_row("digits: a stroke to the bars", "ms", rounds, lambda: _stroke(open_("#model=digits"))))
        rows.append(_row("a 62 × 62 map played: frames", "1/s", rounds, lambda: _play(open_(_PLAYED), picture)))
        browser.close()
    size = sum(len(gzip.compress(file.read_bytes())) for file in (DIST / "assets").glob("*.js"))
    rows.append(["JavaScript, gzip", "KB", f"{size / 1000:.1f}", ""])
    return rows


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _row(what: str, unit: str, rounds: int, measure: Callable[[], float]) -> list[str]:
    taken = [measure() for _ in range(rounds)]
    return [what, unit, f"{statistics.median(taken):.0f}", f"{min(taken):.0f}–{max(taken):.0f}"]


def _first_view(open_: Callable[[str], Page], name: str, picture: Path) -> float:
    page = open_(f"#model={name}")
    page.wait_for_load_state("domcontentloaded")
    if name in _LARGE:  # which have no samples
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


def _play(page: Page, picture: Path) -> float:
    """Frames a second while the window slides at full speed."""
    page.get_by_test_id("upload").set_input_files(picture)
    page.get_by_test_id("prediction").first.wait_for()
    page.wait_for_load_state("networkidle")
    play = page.get_by_role("button", name="Play")
    play.scroll_into_view_if_needed()
    play.click()
    frames: list[float] = page.evaluate(_FRAMES, 3)
    page.context.close()
    return 1000 / statistics.mean(frames)


if __name__ == "__main__":
    main()
