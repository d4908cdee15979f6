"""Pages of other sites: none by default, those that are listed, for plain requests and refusals too."""

from collections.abc import Iterator

import httpx
import pytest

from service.engine import Provider
from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.published import white_png

SITE, PREDICT = "https://site.example", "/v1/models/digits/predict"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-api-key"}
PNG = {"Content-Type": "image/png"}
KEY = "a-key-0123456789"


@pytest.fixture(scope="module")
def open_to() -> Iterator[httpx.Client]:
    """A server that one other site may use, with a key."""
    listed = {"cors_origins": f"http://localhost:3000, {SITE}", "api_keys": f"{KEY}:predict"}
    settings = Settings.model_validate({"models": MODELS, "provider": Provider.CPU, **listed})
    with serving(settings) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client


def test_by_default_no_other_site_may_see_anything(client: httpx.Client) -> None:
    for answer in (
        client.get("/v1/models", headers={"Origin": SITE}),
        client.post(PREDICT, content=white_png(), headers={"Origin": SITE, **PNG}),
        client.options(PREDICT, headers={"Origin": SITE, **PREFLIGHT}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_listed_site_may_ask_and_see_answers_and_refusals(open_to: httpx.Client) -> None:
    asked = open_to.options(PREDICT, headers={"Origin": SITE, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == SITE
    assert "X-API-Key" in asked.headers["access-control-allow-headers"]
    sent = {"Origin": SITE, "X-API-Key": KEY, **PNG}
    plain = open_to.post(PREDICT, content=white_png(), headers=sent)
    route = open_to.post(f"{PREDICT}?_=1", content=white_png(), headers=sent)
    refused = open_to.post(PREDICT, content=white_png(), headers={"Origin": SITE, **PNG})
    assert [answer.status_code for answer in (plain, route, refused)] == [200, 200, 401]
    for answer in (plain, route, refused):
        assert answer.headers["access-control-allow-origin"] == SITE
        assert {"Retry-After", "X-Request-ID"} <= set(answer.headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_another_site_may_not(open_to: httpx.Client) -> None:
    other = {"Origin": "https://site.example.evil"}
    assert open_to.options(PREDICT, headers={**other, **PREFLIGHT}).status_code == 400
    answer = open_to.post(PREDICT, content=white_png(), headers={"X-API-Key": KEY, **other, **PNG})
    assert "access-control-allow-origin" not in answer.headers
