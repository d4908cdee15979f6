"""Inferences over REST as Triton's own client asks for them: what comes back is what `/v1` says, to the bit."""

import asyncio
import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http.aio as triton_aio
from numpy.typing import NDArray
from safetensors.numpy import load
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from service.app import create_app
from service.engine import Provider
from service.settings import Settings
from tests.conftest import MODEL_NAMES, MODELS, serving_app
from tests.service.protocol.asked import TENSORS, Asked

INFER = "/v2/models/digits/versions/1/infer"


def pixels_input(pixels: NDArray[np.uint8], binary: bool = True) -> InferInput:
    return InferInput("pixels", list(pixels.shape), "UINT8").set_data_from_numpy(pixels, binary_data=binary)


def image_input(pictures: list[bytes]) -> InferInput:
    return InferInput("image", [len(pictures)], "BYTES").set_data_from_numpy(np.array(pictures, dtype=object))


def wanting(binary: bool, *names: str) -> list[InferRequestedOutput]:
    return [InferRequestedOutput(name, binary_data=binary) for name in names]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_pixels_get_the_scores_of_v1(
    triton: InferenceServerClient, asked: Asked, binary_in: bool, binary_out: bool
) -> None:
    for number in (0, 7):
        answer = triton.infer(
            "digits",
            [pixels_input(asked.pixels[number : number + 1], binary_in)],
            model_version="1",
            outputs=wanting(binary_out, "probabilities", "label", "logits"),
            request_id=f"request {number}",
        )
        assert np.array_equal(answer.as_numpy("probabilities")[0], asked.probabilities[number])
        assert answer.as_numpy("label").tolist() in ([asked.labels[number]], [asked.labels[number].encode()])
        logits = np.exp(answer.as_numpy("logits")[0].astype(np.float64))
        assert np.allclose(logits / logits.sum(), asked.probabilities[number], atol=1e-6)
        head = answer.get_response()
        assert (head["id"], head["model_name"], head["model_version"]) == (f"request {number}", "digits", "1")
        assert [output["name"] for output in head["outputs"]] == ["probabilities", "label", "logits"]


def test_encoded_pictures_get_the_scores_of_v1(triton: InferenceServerClient, asked: Asked) -> None:
    for picture, expected in zip(asked.pictures, asked.probabilities, strict=True):
        answer = triton.infer("digits", [image_input([picture])], model_version="1")
        assert np.array_equal(answer.as_numpy("probabilities")[0], expected)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_answers_its_own_metadata(
    triton: InferenceServerClient, client: httpx.Client, seven: bytes, name: str
) -> None:
    told = triton.get_model_metadata(name)
    (takes,) = told["inputs"]
    seen = load(client.post(f"/v1/models/{name}/input", content=seven, headers=TENSORS).content)["pixels"]
    assert (takes["name"], takes["datatype"], takes["shape"]) == ("pixels", "UINT8", [-1, *seen.shape])
    answer = triton.infer(name, [pixels_input(seen[np.newaxis])])
    assert [output["name"] for output in told["outputs"]] == [
        output["name"] for output in answer.get_response()["outputs"]
    ]
    for output in told["outputs"]:
        assert answer.as_numpy(output["name"]).shape == (1, *output["shape"][1:])
    best = client.post(f"/v1/models/{name}/predict", content=seven, headers=TENSORS).json()["predictions"][0]
    assert answer.as_numpy("probabilities")[0, best["index"]] == np.float32(best["probability"])


def test_several_pictures_get_the_answers_of_each(triton: InferenceServerClient, asked: Asked) -> None:
    many = np.concatenate([asked.pixels] * 4)  # more than one run takes
    for sent in (pixels_input(many), pixels_input(many, binary=False), image_input(asked.pictures * 4)):
        answer = triton.infer("digits", [sent], model_version="1")
        assert np.allclose(answer.as_numpy("probabilities"), np.concatenate([asked.probabilities] * 4), atol=1e-6)


def test_layers_are_outputs_as_any_other(triton: InferenceServerClient, asked: Asked) -> None:
    conv, dense = asked.activations("conv1"), asked.activations("dense1")
    outputs = wanting(True, "dense1", "probabilities", "conv1")
    one = triton.infer("digits", [pixels_input(asked.pixels[:1])], model_version="1", outputs=wanting(True, "conv1"))
    assert np.array_equal(one.as_numpy("conv1")[0], conv[0])
    for binary in (True, False):
        several = triton.infer("digits", [pixels_input(asked.pixels)], model_version="1", outputs=outputs)
        assert np.allclose(several.as_numpy("conv1"), conv, atol=1e-5), binary
        assert np.allclose(several.as_numpy("dense1"), dense, atol=1e-5)
        assert np.allclose(several.as_numpy("probabilities"), asked.probabilities, atol=1e-6)
        outputs = wanting(False, "probabilities", "conv1", "dense1")


def test_the_highest_classes_come_as_text(triton: InferenceServerClient, asked: Asked) -> None:
    outputs = [InferRequestedOutput("probabilities", class_count=3), InferRequestedOutput("logits", class_count=99)]
    answer = triton.infer("digits", [pixels_input(asked.pixels[:2])], model_version="1", outputs=outputs)
    assert answer.as_numpy("probabilities").shape == (2, 3)
    assert answer.as_numpy("logits").shape == (2, 10)
    for row, expected in zip(answer.as_numpy("probabilities"), asked.probabilities, strict=False):
        value, index, label = row[0].decode().split(":")
        assert int(index) == expected.argmax()
        assert np.float32(value) == expected.max()
        assert label == str(expected.argmax())


def test_requests_for_different_outputs_at_once_are_not_mixed_up(address: str, asked: Asked) -> None:
    async def ask() -> None:
        async with triton_aio.InferenceServerClient(address.removeprefix("http://")) as client:

            async def one(number: int) -> None:
                at, kind = number % len(asked.pictures), number % 4
                names = [["probabilities"], ["logits", "probabilities"], ["label"], ["conv1", "probabilities"]][kind]
                answer = await client.infer(
                    "digits", [pixels_input(asked.pixels[at : at + 1])], "1", wanting(True, *names), str(number)
                )
                assert answer.get_response()["id"] == str(number)
                assert [output["name"] for output in answer.get_response()["outputs"]] == names
                if kind == 2:
                    assert answer.as_numpy("label").tolist() == [asked.labels[at].encode()]
                else:
                    assert np.allclose(answer.as_numpy("probabilities")[0], asked.probabilities[at], atol=1e-6)

            await asyncio.gather(*(one(number) for number in range(80)))

    asyncio.run(ask())


def test_the_specifications_own_request_in_our_shape(client: httpx.Client, asked: Asked) -> None:
    document = {
        "id": "42",
        "inputs": [
            {"name": "pixels", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": asked.pixels[7].ravel().tolist()}
        ],
        "outputs": [{"name": "probabilities"}],
    }
    answer = client.post(INFER, json=document)
    assert answer.headers["content-type"] == "application/json"
    assert "inference-header-content-length" not in answer.headers
    found = answer.json()
    assert (found["id"], found["model_name"]) == ("42", "digits")
    (output,) = found["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [1, 10])
    assert np.array_equal(np.array(output["data"], np.float32), asked.probabilities[7])


def test_the_binary_extensions_own_request_in_our_shape(client: httpx.Client, asked: Asked) -> None:
    head = {
        "model_name": "digits",
        "inputs": [
            {"name": "pixels", "shape": [1, 28, 28, 1], "datatype": "UINT8", "parameters": {"binary_data_size": 784}}
        ],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head, indent=2).encode()
    sizes = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(text))}
    answer = client.post(INFER, content=text + asked.pixels[7].tobytes(), headers=sizes)
    length = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert int(answer.headers["content-length"]) == length + 40
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output == {
        "name": "probabilities", "shape": [1, 10], "datatype": "FP32", "parameters": {"binary_data_size": 40}
    }  # fmt: skip
    assert answer.content[length:] == asked.probabilities[7].tobytes()


def test_all_outputs_as_bytes_but_one(client: httpx.Client, asked: Asked) -> None:
    picture = {
        "name": "image",
        "shape": [1, 1],
        "datatype": "BYTES",
        "data": [base64.b64encode(asked.pictures[7]).decode()],
    }
    outputs = [{"name": "logits", "parameters": {"binary_data": False}}, {"name": "probabilities"}]
    document = {"inputs": [picture], "outputs": outputs, "parameters": {"binary_data_output": True}}
    answer = client.post(INFER, json=document)
    logits, probabilities = json.loads(answer.content[: -len(asked.probabilities[7].tobytes())])["outputs"]
    assert len(logits["data"]) == 10
    assert probabilities["parameters"] == {"binary_data_size": 40}
    assert answer.content.endswith(asked.probabilities[7].tobytes())


PIXELS = {"name": "pixels", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [0] * 784}
PICTURE = {"name": "image", "shape": [1], "datatype": "BYTES"}


def classes(name: str, count: int) -> dict[str, Any]:
    return {"name": name, "parameters": {"classification": count}}


@pytest.mark.parametrize(
    ("document", "status", "code", "says"),
    [
        ({}, 400, "malformed_request", "inputs: Field required"),
        ({"inputs": []}, 400, "invalid_tensor", "the inputs are: none"),
        ({"inputs": [PIXELS, PIXELS]}, 400, "invalid_tensor", "pixels, pixels; there has to be one"),
        ({"inputs": [{**PIXELS, "name": "input0"}]}, 400, "invalid_tensor", "the inputs are: input0"),
        ({"inputs": [{**PIXELS, "datatype": "FP32"}]}, 400, "invalid_tensor", "this model takes UINT8 [n, 28, 28, 1]"),
        ({"inputs": [{**PIXELS, "shape": [65, 28, 28, 1]}]}, 413, "too_many_pictures", "at most 64"),
        ({"inputs": [{**PICTURE, "data": ["AAAA"]}]}, 415, "unsupported_picture_format", "no picture"),
        ({"inputs": [{**PICTURE, "data": [""]}]}, 400, "no_picture", "empty"),
        ({"inputs": [PIXELS], "outputs": [{"name": "conv99"}]}, 400, "unknown_output", "the layers are preprocessing"),
        ({"inputs": [PIXELS], "outputs": [{"name": "label"}] * 2}, 400, "unknown_output", "twice"),
        ({"inputs": [PIXELS], "outputs": [classes("conv1", 1)]}, 400, "unknown_output", "classification"),
        ({"inputs": [PIXELS], "outputs": [classes("logits", 0)]}, 400, "malformed_request", "classification"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_as_the_protocol_has_it(
    client: httpx.Client, document: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = client.post(INFER, json=document)
    assert (answer.status_code, answer.json().keys(), answer.json()["code"]) == (status, {"error", "code"}, code)
    assert answer.headers["content-type"] == "application/json"
    assert says in answer.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Inference-Header-Content-Length": "ten"}, 400, "malformed_request"),
        ({"Inference-Header-Content-Length": "-1"}, 400, "malformed_request"),
        ({"Inference-Header-Content-Length": "9" * 20}, 400, "malformed_request"),
        ({"Inference-Header-Content-Length": "5"}, 400, "malformed_request"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
    ],
)
def test_headers_that_do_not_fit_are_refused(
    client: httpx.Client, headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(INFER, content=json.dumps({"inputs": [PIXELS]}), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v2/models/nobody/infer", 404, "unknown_model"),
        ("POST", "/v2/models/digits/versions/99/infer", 404, "unknown_version"),
        ("POST", "/v2/models/digits/versions/one/infer", 404, "unknown_version"),
        ("GET", INFER, 405, "method_not_allowed"),
        ("GET", "/v2/models/nobody", 404, "unknown_model"),
        ("GET", "/v2/models/nobody/ready", 404, "unknown_model"),
        ("GET", "/v2/models/digits/versions/99/ready", 404, "unknown_version"),
        ("GET", "/v2/nothing", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_said_so(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path, json={"inputs": [PIXELS]} if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert isinstance(answer.json()["error"], str)


def test_the_server_says_what_it_is_and_whether_it_answers(triton: InferenceServerClient, client: httpx.Client) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("digits")
    assert triton.is_model_ready("digits", "1")
    assert not triton.is_model_ready("nobody")
    told = triton.get_server_metadata()
    assert told["name"] == "convscope"
    assert set(told["extensions"]) == {"binary_tensor_data", "classification", "model_repository"}
    assert client.get("/v2/").json() == told
    described = triton.get_model_metadata("digits", "1")
    assert described["versions"] == ["1", "2"]
    assert described["properties"]["version"] == "1"
    assert described["platform"] == "onnxruntime_onnx"


def test_what_is_too_much_is_refused() -> None:
    limits = {"max_pictures": 3, "max_bytes": 5000, "max_inspection_bytes": 100_000, "queue": 4}
    app = create_app(Settings.model_validate({"models": MODELS, "provider": Provider.CPU, **limits}))
    with serving_app(app) as at, httpx.Client(base_url=at) as client:

        def ask(pictures: int, *names: str) -> tuple[int, str]:
            data = np.zeros((pictures, 28, 28, 1), np.uint8)
            head = {"inputs": [{**PIXELS, "shape": data.shape, "parameters": {"binary_data_size": data.size}}]}
            head["inputs"][0].pop("data")
            text = json.dumps(head | {"outputs": [{"name": name} for name in names]}).encode()
            answer = client.post(
                INFER, content=text + data.tobytes(), headers={"Inference-Header-Content-Length": str(len(text))}
            )
            return answer.status_code, answer.json().get("code", "")

        assert ask(3, "probabilities") == (200, "")
        assert ask(4, "probabilities") == (413, "too_many_pictures")
        assert ask(7, "probabilities") == (413, "body_too_large")
        assert ask(1, "conv1") == (413, "too_much_to_show")
        assert ask(1, "softmax") == (200, "")
        with app.state.registry.find("digits", 1).batcher.places(2):
            assert ask(2, "probabilities") == (200, "")
            assert ask(3, "probabilities") == (429, "too_busy")
            assert ask(3, "softmax") == (200, "")  # looking inside has a queue of its own


def test_a_refusal_reaches_tritons_client_as_its_own_exception(triton: InferenceServerClient, asked: Asked) -> None:
    with pytest.raises(InferenceServerException, match="this model takes UINT8") as refused:
        triton.infer("digits", [pixels_input(asked.pixels[:, :27])])
    assert refused.value.status() == "400"
