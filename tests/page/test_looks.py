"""What a channel looks for: filter, exemplars, dream."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.page.conftest import OpenPage
from tests.page.test_page import is_painted

CHANNEL = "/#model=objects-tinyvgg&layer=conv1_1&channel=3"


def test_a_first_filter_is_seen_in_colour_and_leads_to_the_others(open_page: OpenPage) -> None:
    page = open_page(CHANNEL)
    looks = page.get_by_test_id("looks-for")
    expect(looks.get_by_test_id("filter").locator("canvas")).to_be_visible()
    assert is_painted(looks.get_by_test_id("filter").locator("canvas"))
    expect(looks.get_by_test_id("kernels").locator("canvas")).to_have_count(3)
    gallery = looks.get_by_test_id("filter-gallery").get_by_role("button")
    expect(gallery).to_have_count(10)
    gallery.nth(5).click()
    expect(page).to_have_url(re.compile("channel=5"))
    expect(looks).to_contain_text("conv1_1, channel 5")


def test_what_passes_a_channel_on_leads_to_its_filter(open_page: OpenPage) -> None:
    page = open_page("/#model=objects-tinyvgg&layer=relu1_2&channel=4")
    looks = page.get_by_test_id("looks-for")
    expect(looks.get_by_test_id("kernels").locator("canvas")).to_have_count(10)
    looks.get_by_role("button", name="conv1_2").click()
    expect(page).to_have_url(re.compile("layer=conv1_2&channel=4"))


def test_exemplars_are_the_apis_and_open_as_pictures(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(CHANNEL)
    truth = client.get("/v1/models/objects-tinyvgg/exemplars/conv1_1/3").json()["exemplars"]
    items = page.get_by_test_id("exemplars").get_by_role("button")
    expect(items).to_have_count(len(truth))
    values = page.get_by_test_id("exemplar-value").all()
    assert [float(item.get_attribute("data-value") or "") for item in values] == [item["value"] for item in truth]
    items.first.click()
    expect(page.get_by_text(f"Exemplar “{truth[0]['label']}”")).to_be_visible()
    expect(page).to_have_url(re.compile("picture=[0-9a-f]{16}"))


def test_a_layer_without_exemplars_says_where_there_are_some(open_page: OpenPage) -> None:
    page = open_page("/#model=objects&layer=flatten&channel=0")
    expect(page.get_by_test_id("looks-for")).to_contain_text("not for this one: try")


def test_a_dream_is_seen_while_it_goes_on_and_is_in_the_link(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(CHANNEL)
    dream = page.get_by_test_id("dream")
    dream.get_by_role("button", name="Let it dream").click()
    expect(page).to_have_url(re.compile("dream=0"))
    expect(dream.get_by_role("img")).to_be_visible()
    expect(dream.get_by_test_id("dream-activation")).to_be_visible(timeout=60_000)
    query: dict[str, str | int] = {"layer": "conv1_1", "channel": 3, "seed": 0}
    truth = client.post("/v1/models/objects-tinyvgg/dream", params=query, timeout=60).json()
    shown = float(dream.get_by_test_id("dream-activation").get_attribute("data-value") or "")
    assert shown == pytest.approx(truth["activation"], rel=1e-3)
    assert dream.get_by_role("img").get_attribute("src") == truth["picture"]
    dream.get_by_role("button", name="No more dreams").click()
    expect(page).not_to_have_url(re.compile("dream="))


def test_a_dream_can_be_stopped(open_page: OpenPage) -> None:
    page = open_page("/#model=objects&layer=conv4&channel=1&dream=1")
    dream = page.get_by_test_id("dream")
    dream.get_by_role("button", name="Stop").click()
    expect(dream).to_have_attribute("aria-busy", "false")
    expect(dream.get_by_role("button", name="Let it dream")).to_be_visible()
