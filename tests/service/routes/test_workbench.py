"""The workbench over a real socket."""

import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from service.routes.workbench import Kernels
from service.schemas import Workbench
from tests.published import white_png

STEPS = json.dumps([{"kind": "conv", "kernel": "sobel-x"}, {"kind": "relu"}, {"kind": "max_pool", "size": 5}])
PNG = {"Content-Type": "image/png"}


def test_steps_of_the_query_and_of_the_form_get_the_same_answer(client: httpx.Client) -> None:
    picture = white_png(40, 32)
    raw = client.post("/v1/workbench", params={"steps": STEPS}, content=picture, headers=PNG)
    form = client.post("/v1/workbench", files={"file": picture}, data={"steps": STEPS})
    assert raw.status_code == 200, raw.text
    assert raw.json() == form.json()
    answer = Workbench.model_validate(raw.json())
    assert answer.input_shape == [3, 32, 40]
    assert [step.shape for step in answer.steps] == [[1, 30, 38], [1, 30, 38], [1, 6, 7]]
    assert answer.steps[0].statistics.maximum == pytest.approx(0, abs=1e-5), "no edge on an even picture"
    assert np.array(answer.steps[2].values).shape == (1, 6, 7)


def test_named_kernels_are_the_numbers_that_they_are_listed_with(client: httpx.Client) -> None:
    listed = Kernels.model_validate(client.get("/v1/workbench").json()).kernels
    assert {"edge", "blur", "emboss", "sobel-x", "tick-stem"} <= {kernel.name for kernel in listed}
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    for kernel in listed:
        answers = [
            client.post(
                "/v1/workbench", params={"steps": json.dumps([{"kind": "conv", "kernel": given}])},
                content=content.getvalue(), headers=PNG,
            )
            for given in (kernel.name, kernel.weights)
        ]  # fmt: skip
        assert answers[0].json() == answers[1].json(), kernel.name


def test_other_formats(client: httpx.Client) -> None:
    def answer(accept: str, **parameters: str) -> httpx.Response:
        response = client.post(
            "/v1/workbench", params={"steps": STEPS, **parameters}, content=white_png(40, 32),
            headers={**PNG, "Accept": accept},
        )  # fmt: skip
        assert response.status_code == 200, response.text
        return response

    tensors = load(answer("application/vnd.safetensors").content)
    assert {name: values.shape for name, values in tensors.items()} == {
        "0 conv": (1, 30, 38), "1 relu": (1, 30, 38), "2 max_pool": (1, 6, 7),
    }  # fmt: skip
    with np.load(io.BytesIO(answer("application/x-npz").content)) as archive:
        assert archive["2 max_pool"].shape == (1, 6, 7)
    assert Image.open(io.BytesIO(answer("image/png").content)).width >= 960
    told = answer("application/json", values="false", gray="true").json()
    assert told["input_shape"] == [1, 32, 40]
    assert told["steps"][0]["values"] is None


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({}, 422, "invalid_steps"),
        ({"steps": "[]"}, 422, "invalid_steps"),
        ({"steps": '[{"kind": "conv", "size": 100}]'}, 422, "invalid_steps"),
        ({"steps": '[{"kind": "conv", "filters": 512, "padding": 1000}]'}, 413, "too_much_to_show"),
        # Weights of gigabytes for a map of a pixel; an hour of multiplications; an hour of comparisons.
        ({"steps": '[{"kind": "conv", "filters": 512, "size": 1024, "padding": 512}]'}, 413, "too_much_to_show"),
        ({"steps": '[{"kind": "conv", "size": 900, "padding": 1000}]'}, 413, "too_much_to_show"),
        (
            {
                "steps": '[{"kind": "relu"}, {"kind": "conv", "size": 3, "padding": 900},'
                ' {"kind": "max_pool", "size": 900, "stride": 1}]'
            },
            413,
            "too_much_to_show",
        ),
    ],
)
def test_what_is_refused(client: httpx.Client, parameters: dict[str, str], status: int, code: str) -> None:
    response = client.post("/v1/workbench", params=parameters, content=white_png(40, 32), headers=PNG)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_steps_may_not_be_endless(client: httpx.Client) -> None:
    kernel = "[" + ",".join(["[" + ",".join(["1"] * 1000) + "]"] * 600) + "]"
    steps = f'[{{"kind": "conv", "kernel": {kernel}}}]'
    refused = client.post("/v1/workbench", files={"file": white_png()}, data={"steps": steps})
    assert refused.status_code == 422
    assert "the limit is 1,048,576" in refused.json()["detail"]


def test_a_body_that_is_no_picture(client: httpx.Client) -> None:
    response = client.post("/v1/workbench", params={"steps": STEPS}, content=b"nothing", headers=PNG)
    assert response.status_code in {415, 422}
