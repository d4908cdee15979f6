"""Every answer says what a browser may do with it."""

import httpx
import pytest

from tests.published import white_png

PNG = {"Content-Type": "image/png"}


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"), ("GET", "/nothing"), ("POST", "/v1/models/digits/predict"), ("GET", "/v2/health/live"),
        ("POST", "/v1/models/nobody/predict"), ("POST", "/v1/models/digits/promote"), ("GET", "/openapi.json"),
        ("GET", "/v1/models/digits/samples/00-0.png"), ("POST", "/v1/models/digits/predict?top_k=0"),
        ("PUT", "/v1/models"), ("GET", "/v2"),
    ],
)  # fmt: skip
def test_what_is_no_page_can_do_nothing(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, content=white_png() if method == "POST" else None, headers=PNG)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert policy(answer) == {"default-src": "'none'", "frame-ancestors": "'none'", "sandbox": ""}
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_may_use_its_own_files_and_no_others(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    found = policy(answer)
    assert found["default-src"] == found["frame-ancestors"] == found["form-action"] == found["base-uri"] == "'none'"
    assert found["script-src"] == found["style-src"] == found["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["permissions-policy"].startswith("camera=(self), microphone=()")
    assert answer.headers["content-type"].startswith("text/html")
