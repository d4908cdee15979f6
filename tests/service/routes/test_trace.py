"""Why a number is what it is, over a real socket."""

import json
import re
from pathlib import Path

import httpx
import pytest

from service.inspection.arithmetic.trace import ServedTrace
from tests.service.routes.test_api import PNG, problem

DIGITS = "/v1/models/digits/versions/1"


@pytest.fixture
def picture() -> bytes:
    return Path("models/digits/1/samples/07-7.png").read_bytes()


def trace(client: httpx.Client, picture: bytes, **query: str | int) -> ServedTrace:
    response = client.post(f"{DIGITS}/trace", params=query, content=picture, headers=PNG)
    assert response.status_code == 200, response.text
    return ServedTrace.model_validate(response.json())


def test_a_number_is_followed_from_the_answer_to_a_pixel(client: httpx.Client, picture: bytes) -> None:
    """Each step asks for the first number that the one before drew on."""
    layer, place, seen = "softmax", {"channel": 7}, list[str]()
    while layer != "input":
        answer = trace(client, picture, layer=layer, **place)
        assert (answer.model, answer.version, answer.layer) == ("digits", 1, layer)
        assert answer.value == pytest.approx(answer.runtime_value, rel=1e-4, abs=1e-4)
        seen.append(answer.terms.form)
        source = answer.sources[0]
        layer = source.layer
        assert source.channels is not None
        place = {"channel": source.channels[0]}
        if source.y is not None and source.x is not None:
            place |= {"y": source.y[0], "x": source.x[0]}
    assert seen == [
        "exponents", "weighted", "steps", "weighted", "steps", "weighted", "moved", "pool", "steps", "window", "pool",
        "steps", "window", "steps",
    ]  # fmt: skip
    pixels = client.post(f"{DIGITS}/input", content=picture, headers=PNG).json()["values"]
    assert answer.terms.form == "steps"
    assert re.fullmatch(r"\(\(\d+ / 255\) − 0\.\d+\) / 0\.\d+ = \S+", answer.formula)
    assert answer.terms.x == pixels[place["y"]][place["x"]][place["channel"]]


def test_a_window_reads_as_nested_lists_with_null_for_padding(client: httpx.Client, picture: bytes) -> None:
    document = client.post(f"{DIGITS}/trace?layer=conv1&channel=2&y=0&x=14", content=picture, headers=PNG).json()
    terms = document["terms"]
    assert list(document)[:6] == ["model", "version", "layer", "kind", "operator", "channel"]
    assert [terms["y"], terms["x"]] == [[None, None, 0, 1, 2], [12, 13, 14, 15, 16]]
    assert terms["inputs"][0][:2] == [[None] * 5] * 2
    assert None not in terms["inputs"][0][2]
    assert document["sources"] == [{"layer": "preprocessing", "channels": [0, 0], "y": [0, 2], "x": [12, 16]}]
    assert sum(terms["sums"]) + document["bias"] == pytest.approx(document["value"])
    assert -1 <= terms["match"] <= 1


def test_top_says_how_many_products_of_a_dense_layer_are_listed(client: httpx.Client, picture: bytes) -> None:
    few, all_ = (trace(client, picture, layer="dense1", channel=3, top=top).terms for top in (5, 400))
    assert few.form == all_.form == "weighted"
    assert (few.count, len(few.contributions), few.rest_count) == (400, 5, 395)
    assert all_.rest_count == all_.rest_sum == 0
    assert few.contributions == all_.contributions[:5]
    assert sum(each.product for each in all_.contributions[5:]) == pytest.approx(few.rest_sum)
    problem(client.post(f"{DIGITS}/trace?layer=dense1&channel=0&top=0", content=picture, headers=PNG), 422,
            "invalid_parameter")  # fmt: skip


@pytest.mark.parametrize(
    ("query", "status", "code", "told"),
    [
        ("layer=conv9&channel=0", 404, "unknown_layer", "conv1, relu1"),
        ("layer=conv1&channel=6&y=0&x=0", 404, "unknown_channel", "0 to 5"),
        ("layer=conv1&channel=-1&y=0&x=0", 404, "unknown_channel", "0 to 5"),
        ("layer=conv1&channel=0&y=28&x=0", 404, "unknown_position", "row (y) 0 to 27"),
        ("layer=conv1&channel=0&y=3&x=-1", 404, "unknown_position", "column (x) 0 to 27"),
        ("layer=conv1&channel=0&y=3", 404, "unknown_position", "none was given"),
        ("layer=dense1&channel=0&y=1", 404, "unknown_position", "has no row"),
        ("layer=conv1", 422, "invalid_parameter", "channel"),
        ("channel=0", 422, "invalid_parameter", "layer"),
        ("layer=conv1&channel=a&y=0&x=0", 422, "invalid_parameter", "channel"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(  # noqa: PLR0917 - the cases' columns
    client: httpx.Client, picture: bytes, query: str, status: int, code: str, told: str
) -> None:
    assert told in problem(client.post(f"{DIGITS}/trace?{query}", content=picture, headers=PNG), status, code)


def test_a_vectors_row_and_column_may_be_0(client: httpx.Client, picture: bytes) -> None:
    answer = trace(client, picture, layer="dense3", channel=7, y=0, x=0)
    assert (answer.y, answer.x) == (None, None)
    assert answer == trace(client, picture, layer="dense3", channel=7)


def test_every_layer_can_be_traced_and_answers_valid_json(client: httpx.Client, picture: bytes) -> None:
    for row in client.get(f"{DIGITS}/layers").json()["layers"]:
        place = dict(zip(("channel", "y", "x"), (size // 2 for size in row["output_shape"]), strict=False))
        response = client.post(f"{DIGITS}/trace", params={"layer": row["name"], **place}, content=picture, headers=PNG)
        json.loads(response.text, parse_constant=pytest.fail)
        answer = ServedTrace.model_validate(response.json())
        assert (answer.kind, answer.operator) == (row["kind"], row["operator"])
        assert "=" in answer.formula
        assert [source.layer for source in answer.sources] == row["inputs"]


def test_a_body_that_is_no_picture_is_refused(client: httpx.Client) -> None:
    response = client.post(f"{DIGITS}/trace?layer=conv1&channel=0&y=0&x=0", content=b"none", headers=PNG)
    problem(response, 415, "unsupported_picture_format")
