"""The workbench in a real browser: what is changed is seen at once, and every number is the service's."""

import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import OpenPage

PNG = {"Content-Type": "image/png"}
SOBEL = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]


def bench_map(page: Page, stage: int) -> Locator:
    return page.locator(f'[data-testid=bench-map][data-stage="{stage}"]')


def number(text: str) -> float:
    found = re.search(r"[−-]?\d+(?:\.\d+)?(?:e[−-]?\d+)?", text)
    assert found, text
    return float(found.group().replace("−", "-"))


def point_at(page: Page, stage: int, y: int, x: int, size: tuple[int, int]) -> None:
    target = bench_map(page, stage)
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box
    page.mouse.move(box["x"] + (x + 0.5) / size[1] * box["width"], box["y"] + (y + 0.5) / size[0] * box["height"])


def ask(client: httpx.Client, picture: Path, *steps: dict[str, object]) -> list[np.ndarray]:
    answer = client.post(
        "/v1/workbench", params={"steps": json.dumps(steps), "gray": "true"}, content=picture.read_bytes(), headers=PNG
    )
    assert answer.status_code == 200, answer.text
    return [np.array(step["values"], np.float32) for step in answer.json()["steps"]]


@pytest.fixture
def bench(open_page: OpenPage, sample_seven: Path) -> Page:
    """The workbench with the held-out 7 and the steps that it begins with."""
    page = open_page(f"/#model=digits&place=workbench&sample={sample_seven.name}")
    expect(page.get_by_test_id("bench-map")).to_have_count(4)
    return page


def test_a_number_pointed_at_is_the_services_and_its_sum_is_shown(
    bench: Page, client: httpx.Client, sample_seven: Path
) -> None:
    conv, _, pool = ask(
        client, sample_seven, {"kind": "conv", "kernel": SOBEL}, {"kind": "relu"}, {"kind": "max_pool", "size": 2}
    )
    point_at(bench, 1, 9, 12, (26, 26))
    expect(bench.get_by_test_id("sum")).to_contain_text("row 9, column 12")
    assert number(bench.get_by_test_id("spot-value").inner_text()) == pytest.approx(float(conv[0, 9, 12]), rel=1e-6)
    assert number(bench.get_by_test_id("sum-value").inner_text()) == pytest.approx(float(conv[0, 9, 12]), abs=1e-5)
    point_at(bench, 3, 4, 7, (13, 13))
    expect(bench.get_by_test_id("sum")).to_contain_text("row 4, column 7")
    assert number(bench.get_by_test_id("spot-value").inner_text()) == pytest.approx(float(pool[0, 4, 7]), rel=1e-6)


def test_a_changed_kernel_is_worked_with_at_once_and_is_in_the_link(
    bench: Page, client: httpx.Client, sample_seven: Path
) -> None:
    bench.get_by_test_id("weight").nth(4).fill("3.5")
    mine = [row[:] for row in SOBEL]
    mine[1][1] = 3.5
    expected = ask(client, sample_seven, {"kind": "conv", "kernel": mine})[0]
    expect(bench.get_by_label("Kernel", exact=True)).to_have_value("own")
    bench.wait_for_function("location.hash.includes('3.5')")
    bench.reload()
    expect(bench.get_by_test_id("weight").nth(4)).to_have_value("3.5")
    expect(bench.get_by_test_id("bench-map")).to_have_count(4)
    point_at(bench, 1, 9, 12, (26, 26))
    expect(bench.get_by_test_id("sum")).to_contain_text("row 9, column 12")
    assert number(bench.get_by_test_id("spot-value").inner_text()) == pytest.approx(float(expected[0, 9, 12]), rel=1e-5)


def test_the_size_comes_with_its_formula(bench: Page) -> None:
    size = bench.get_by_test_id("size").first
    expect(size).to_contain_text("28 − 3 + 1 = 26")
    bench.get_by_label("stride").first.fill("2")
    bench.get_by_label("dilation").fill("2")
    bench.get_by_label("padding").first.fill("1")
    expect(size).to_contain_text("⌊(28 + 2·1 − (2·(3 − 1) + 1)) / 2⌋ + 1 = 13")
    expect(bench.get_by_text("1 × 13 × 13").first).to_be_visible()
    bench.get_by_label("keep the size").check()
    expect(bench.get_by_text("1 × 14 × 14").first).to_be_visible()


def test_kernels_have_names_and_steps_come_and_go(bench: Page) -> None:
    bench.get_by_label("Kernel", exact=True).select_option("tick-stem")
    expect(bench.get_by_test_id("weight")).to_have_count(25)
    expect(bench.get_by_text("28 − 5 + 1 = 24")).to_be_visible()
    bench.get_by_role("button", name="+ Average pooling").click()
    expect(bench.get_by_test_id("bench-map")).to_have_count(5)
    bench.get_by_role("button", name="Remove step 2, ReLU").click()
    expect(bench.get_by_test_id("bench-map")).to_have_count(4)
    bench.get_by_role("button", name="Move step 2 earlier").click()
    expect(bench.get_by_role("heading", name="1. Max pooling")).to_be_visible()


def test_arrow_keys_walk_and_the_spot_is_in_the_link(bench: Page) -> None:
    bench_map(bench, 1).focus()
    label = bench_map(bench, 1).get_attribute("aria-label") or ""
    row, column = map(int, re.findall(r"row (\d+), column (\d+)", label)[0])
    bench.keyboard.press("ArrowLeft")
    expect(bench.get_by_test_id("sum")).to_contain_text(f"row {row}, column {column - 1}")
    assert f"spot=1.0.{row}.{column - 1}" in bench.url


def test_a_window_that_does_not_fit_is_said_where_it_happened(open_page: OpenPage, sample_seven: Path) -> None:
    page = open_page(f"/#model=digits&place=workbench&sample={sample_seven.name}", complaint="422")
    expect(page.get_by_test_id("bench-map")).to_have_count(4)
    page.get_by_role("spinbutton", name="window").fill("40")
    expect(page.get_by_test_id("error")).to_contain_text("doesn't fit")
    page.get_by_role("spinbutton", name="window").fill("3")
    expect(page.get_by_test_id("error")).to_have_count(0)
