"""Filters and biases over a real socket."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from safetensors.numpy import load

from service.engine import Provider
from service.publish import publish
from service.routes.weights import LayerWeights
from service.settings import Settings
from tests.conftest import MODELS, serving
from tests.published import brightness_graph, evidence, manifest, white_png
from tests.service.routes.test_api import PNG, problem

DIGITS = "/v1/models/digits/versions/1"


def test_the_weights_are_the_files_own_in_every_format(client: httpx.Client) -> None:
    def fetch(accept: str) -> httpx.Response:
        response = client.get(f"{DIGITS}/weights/conv2", headers={"Accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == accept
        return response

    model = onnx.load("models/digits/1/model.onnx")
    (truth,) = [
        tensor for tensor in map(numpy_helper.to_array, model.graph.initializer) if tensor.shape == (16, 6, 5, 5)
    ]
    document = LayerWeights.model_validate(fetch("application/json").json())
    tensors = load(fetch("application/vnd.safetensors").content)
    archive = np.load(io.BytesIO(fetch("application/x-npz").content))
    assert (document.model, document.version, document.layer, document.kind) == ("digits", 1, "conv2", "conv")
    assert [each.name for each in document.weights] == ["weight", "bias"] == list(archive)
    for each in document.weights:
        assert each.shape == list(tensors[each.name].shape)
        assert np.array_equal(np.asarray(each.values, np.float32), tensors[each.name])
        assert np.array_equal(archive[each.name], tensors[each.name])
        assert each.statistics.maximum == pytest.approx(float(tensors[each.name].max()))
    assert np.array_equal(tensors["weight"], truth)
    picture = Image.open(io.BytesIO(fetch("image/png").content))
    assert picture.height > 16 * 56


def test_values_can_be_left_out_and_one_channel_asked_for(client: httpx.Client) -> None:
    short = LayerWeights.model_validate(client.get(f"{DIGITS}/weights/dense1?values=false").json())
    assert [(each.shape, each.values) for each in short.weights] == [([120, 400], None), ([120], None)]
    every = load(client.get(f"{DIGITS}/weights/dense1", headers={"Accept": "application/vnd.safetensors"}).content)
    one = LayerWeights.model_validate(client.get(f"{DIGITS}/weights/dense1?channel=7").json())
    assert (one.channel, short.channel) == (7, None)
    assert np.array_equal(np.asarray(one.weights[0].values, np.float32), every["weight"][7:8])
    assert np.array_equal(np.asarray(one.weights[1].values, np.float32), every["bias"][7:8])
    assert client.get(f"{DIGITS}/weights/conv1?channel=1", headers={"Accept": "image/png"}).status_code == 200


def test_what_is_not_there_is_refused_with_what_there_is(client: httpx.Client) -> None:
    assert "conv1, relu1" in problem(client.get(f"{DIGITS}/weights/conv9"), 404, "unknown_layer")
    detail = problem(client.get(f"{DIGITS}/weights/relu1"), 404, "no_weights")
    assert detail.endswith("those that have are conv1, conv2, dense1, dense2, dense3")
    assert "0 to 5" in problem(client.get(f"{DIGITS}/weights/conv1?channel=6"), 404, "unknown_channel")
    problem(client.get(f"{DIGITS}/weights/conv1", headers={"Accept": "text/html"}), 406, "not_acceptable")
    problem(client.get(f"{DIGITS}/weights/conv1?channel=a"), 422, "invalid_parameter")


def test_a_layers_name_may_have_slashes_and_dots(tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]) -> None:
    """Names in files from TensorFlow and Keras are paths."""
    model = onnx.load_model_from_string(brightness_graph())
    (dense,) = [node for node in model.graph.node if node.name == "dense"]
    dense.name = "model/block.1/dense"
    made = model.SerializeToString()
    publish(tmp_path, manifest(made), evidence("a.png"), made, {"samples/a.png": white_png()})
    client = serve_folder(tmp_path)
    answer = client.get("/v1/models/brightness/weights/model/block.1/dense").json()
    assert (answer["layer"], answer["weights"][0]["shape"]) == ("model/block.1/dense", [2, 16])
    assert answer == client.get("/v1/models/brightness/versions/1/weights/model/block.1/dense").json()
    assert answer == client.get("/v1/models/brightness/weights/model%2Fblock.1%2Fdense").json()


def limited(most: int) -> AbstractContextManager[str]:
    """A server that may take so many bytes of memory for one request."""
    return serving(Settings(models=MODELS, provider=Provider.CPU, max_inspection_bytes=most))


def test_weights_that_take_more_memory_than_a_request_may_are_refused() -> None:
    """The 48,120 numbers of dense1 take 200 KB to read and ten times that to write as JSON; conv1 has 156."""
    with limited(300_000) as at, httpx.Client(base_url=at, timeout=20) as fetch:
        assert "channel=" in problem(fetch.get(f"{DIGITS}/weights/dense1"), 413, "too_much_to_show")
        assert fetch.get(f"{DIGITS}/weights/dense1?channel=0").status_code == 200
        assert fetch.get(f"{DIGITS}/weights/conv1").status_code == 200


def test_a_trace_that_takes_more_memory_than_a_request_may_is_refused() -> None:
    picture = (MODELS / "digits" / "1" / "samples" / "07-7.png").read_bytes()
    with limited(100_000) as at, httpx.Client(base_url=at, timeout=20) as fetch:
        dense = fetch.post(f"{DIGITS}/trace?layer=dense1&channel=0", content=picture, headers=PNG)
        assert "smaller layer" in problem(dense, 413, "too_much_to_show")
        conv = fetch.post(f"{DIGITS}/trace?layer=conv1&channel=0&y=0&x=0", content=picture, headers=PNG)
        assert conv.status_code == 200
