"""Which pixels decided, over a real socket."""

import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load

from service.inspection.attribution.explain import METHODS
from service.routes.attributions import AttributionMap

PNG = {"Content-Type": "image/png"}
PATH = "/v1/models/digits/attributions"


@pytest.fixture(scope="module")
def sheet(seven: bytes) -> bytes:
    """The same 7 in ink on a sheet of 300 x 200, at the right."""
    ink = Image.open(io.BytesIO(seven)).convert("L").resize((140, 140), Image.Resampling.BICUBIC)
    paper = Image.new("L", (300, 200), 255)
    paper.paste(Image.eval(ink, lambda value: 255 - value), (150, 30))
    content = io.BytesIO()
    paper.save(content, "PNG")
    return content.getvalue()


def ask(client: httpx.Client, body: bytes, accept: str = "application/json", **query: str | int) -> httpx.Response:
    return client.post(PATH, params=query, content=body, headers={**PNG, "Accept": accept})


def picture(response: httpx.Response) -> NDArray[np.uint8]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(response.content)))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_for_the_predicted_class(client: httpx.Client, seven: bytes, method: str) -> None:
    answer = AttributionMap.model_validate(ask(client, seven, method=method).json())
    assert (answer.model, answer.method, answer.class_, answer.label) == ("digits", method, 7, "7")
    values = np.asarray(answer.values)
    assert answer.shape == [28, 28] == list(values.shape)
    assert values.max() > 0
    assert (answer.layer is not None) == ("cam" in method)
    assert (answer.channels is not None) == ("grad" in method and "cam" not in method)
    assert answer.score > 0


def test_the_class_and_the_layer_can_be_chosen(client: httpx.Client, seven: bytes) -> None:
    one = AttributionMap.model_validate(ask(client, seven, **{"class": "1", "layer": "conv1"}).json())
    other = AttributionMap.model_validate(ask(client, seven, **{"class": "7", "layer": "conv1"}).json())
    assert (one.class_, one.layer, one.method) == (1, "conv1", "grad-cam")
    assert one.score < other.score
    assert one.values != other.values


def test_figures_tell_what_the_method_did(client: httpx.Client, seven: bytes) -> None:
    figures = ask(client, seven, method="integrated-gradients", baseline="mean").json()["figures"]
    assert figures["baseline"] == "mean"
    assert figures["completeness_error"] <= 0.01
    assert figures["sum"] == pytest.approx(figures["difference"], rel=0.011)
    assert ask(client, seven, method="occlusion", window=7, stride=7).json()["figures"]["windows"] == 16


def test_tensors_are_the_same_numbers(client: httpx.Client, seven: bytes, tmp_path: Path) -> None:
    document = ask(client, seven, method="gradient").json()
    response = ask(client, seven, "application/vnd.safetensors", method="gradient")
    tensors = load(response.content)
    assert np.allclose(tensors["values"], document["values"], rtol=1e-5)
    assert np.allclose(tensors["channels"], document["channels"], rtol=1e-5)
    (tmp_path / "map.safetensors").write_bytes(response.content)
    with safe_open(tmp_path / "map.safetensors", "numpy") as file:
        metadata = file.metadata()
    assert (metadata["method"], metadata["class"], metadata["label"]) == ("gradient", "7", "7")
    assert list(load(ask(client, seven, "application/vnd.safetensors").content)) == ["values"]


def test_pictures_have_the_size_that_is_asked_for(client: httpx.Client, sheet: bytes) -> None:
    alone = picture(ask(client, sheet, PNG["Content-Type"], scale="false"))
    assert alone.shape == (28, 28, 3)
    own = picture(ask(client, sheet, "image/png", scale="false", size="own"))
    assert own.shape == (200, 300, 3)
    page = picture(ask(client, sheet, "image/png", overlay="true"))
    assert page.shape[0] > 336
    assert page.shape[1] > 336


def test_over_the_own_picture_the_map_lies_on_the_ink(client: httpx.Client, sheet: bytes) -> None:
    query = {"method": "occlusion", "scale": "false", "size": "own", "overlay": "true"}
    painted = picture(ask(client, sheet, "image/png", **query)).astype(int)
    blue = np.maximum(painted[..., 2] - painted[..., 0], 0)
    columns = (blue.sum(axis=0) * np.arange(300)).sum() / blue.sum()
    rows = (blue.sum(axis=1) * np.arange(200)).sum() / blue.sum()
    assert 190 < columns < 250  # the 7's middle is at 220, 100
    assert 60 < rows < 140
    assert blue[:, :120].max() < 15
    grey = painted[np.ptp(painted, axis=-1) < 5].mean(axis=-1)
    assert grey.size > 10_000  # the paper shows


@pytest.mark.parametrize(
    ("query", "problem", "said"),
    [
        ({"class": "x"}, (404, "unknown_class"), "0, 1, 2"),
        ({"class": "10"}, (404, "unknown_class"), "0 to 9"),
        ({"layer": "nowhere"}, (404, "unknown_layer"), "conv1"),
        ({"method": "occlusion", "layer": "conv1"}, (422, "unsuitable_layer"), "grad-cam"),
        ({"layer": "flatten"}, (422, "unsuitable_layer"), "conv1"),
        ({"method": "guess"}, (422, "invalid_parameter"), "score-cam"),
        ({"samples": "0"}, (422, "invalid_parameter"), "samples"),
        ({"klass": "7"}, (422, "invalid_parameter"), "klass"),
    ],
)
def test_what_can_not_be_answered_is_refused(
    client: httpx.Client, seven: bytes, query: dict[str, str], problem: tuple[int, str], said: str
) -> None:
    response = ask(client, seven, **query)
    assert (response.status_code, response.json()["code"]) == problem
    assert said in response.json()["detail"]


def test_the_pinned_version_answers_too(client: httpx.Client, seven: bytes) -> None:
    path = "/v1/models/digits/versions/1/attributions"
    answer = AttributionMap.model_validate(client.post(path, content=seven, headers=PNG).json())
    assert answer.version == 1
    assert answer.label == "7"


def test_two_pictures_give_two_maps(client: httpx.Client, seven: bytes, sheet: bytes) -> None:
    pictures = [("file", ("a.png", seven)), ("file", ("b.png", sheet))]

    def both(accept: str) -> httpx.Response:
        answer = client.post(f"{PATH}?method=gradient", files=pictures, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        return answer

    alone = [ask(client, picture, method="gradient").json() for picture in (seven, sheet)]
    assert both("application/json").json() == {"maps": alone}
    tensors = load(both("application/vnd.safetensors").content)
    for number, each in enumerate(alone):
        np.testing.assert_allclose(tensors[f"{number}.values"], each["values"], rtol=1e-5)
    one = Image.open(io.BytesIO(ask(client, seven, "image/png", method="gradient").content))
    two = Image.open(io.BytesIO(both("image/png").content))
    assert two.height == 2 * one.height


def test_more_pictures_than_one_form_may_have(client: httpx.Client, seven: bytes) -> None:
    answer = client.post(PATH, files=[("file", (f"{number}.png", seven)) for number in range(17)])
    assert answer.status_code == 400
    assert "at most 16" in answer.json()["detail"]
