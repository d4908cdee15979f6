"""What KServe's clients send, recorded once (see `record_kserve`), is answered as they need it."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from service.app import create_app
from service.engine import Provider
from service.published import read_version
from service.settings import Settings
from tests.conftest import MODELS, serving_app
from tests.service.protocol.asked import Asked

SENT: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "kserve.json").read_text())


def names(all_sent: list[dict[str, Any]]) -> list[str]:
    return [f"{number}: {sent.get('path') or sent['method']}" for number, sent in enumerate(all_sent)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, grpc.Channel]]:
    """A service with the version that was asked, over REST and gRPC."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(MODELS / "digits" / "2", models / "digits" / "2")
    app = create_app(Settings(models=models, provider=Provider.CPU, grpc_port=0))
    with (
        serving_app(app) as at,
        httpx.Client(base_url=at) as client,
        grpc.insecure_channel(f"127.0.0.1:{app.state.grpc_port}") as channel,
    ):
        yield client, channel


@pytest.fixture(scope="module")
def asked(served: tuple[httpx.Client, grpc.Channel]) -> Asked:
    return Asked(served[0], read_version(MODELS / "digits" / "2"))


def check(id_: str, found: dict[str, bytes], asked: Asked) -> None:
    """Hold an answer, its tensors as bytes, against what `/v1` says of each picture."""
    pictures = int(id_.split()[1])
    probabilities = np.frombuffer(found["probabilities"], np.float32).reshape(pictures, 10)
    assert np.allclose(probabilities, asked.probabilities[:pictures], atol=1e-6)
    if "conv1" in found:
        assert np.array_equal(np.frombuffer(found["conv1"], np.float32), asked.activations("conv1")[0].ravel())
        assert found["label"][4:].decode() == asked.labels[0]
    else:
        assert list(found) == ["logits", "probabilities"]


@pytest.mark.parametrize("sent", SENT["rest"], ids=names(SENT["rest"]))
def test_over_rest(sent: dict[str, Any], served: tuple[httpx.Client, grpc.Channel], asked: Asked) -> None:
    body = base64.b64decode(sent["body"])
    answer = served[0].request(sent["method"], sent["path"], headers=sent["headers"], content=body)
    assert answer.status_code == 200, answer.text
    if not body:
        assert answer.json().get("live") or answer.json()["ready"] is True
        return
    length = int(answer.headers.get("inference-header-content-length", len(answer.content)))
    head, rest = json.loads(answer.content[:length]), answer.content[length:]
    found = {}
    for output in head["outputs"]:
        if "data" in output:
            found[output["name"]] = np.array(output["data"], np.float32).tobytes()
        else:
            size = output["parameters"]["binary_data_size"]
            found[output["name"]], rest = rest[:size], rest[size:]
    assert not rest
    check(head["id"], found, asked)


@pytest.mark.parametrize("sent", SENT["grpc"], ids=names(SENT["grpc"]))
def test_over_grpc(sent: dict[str, Any], served: tuple[httpx.Client, grpc.Channel], asked: Asked) -> None:
    content = served[1].unary_unary(sent["method"])(base64.b64decode(sent["body"]))
    if not sent["method"].endswith("ModelInfer"):
        assert content == b"\x08\x01"  # live, or ready: true
        return
    answer = service_pb2.ModelInferResponse.FromString(content)
    raw = list(answer.raw_output_contents) or [
        np.array(output.contents.fp32_contents, np.float32).tobytes() for output in answer.outputs
    ]
    check(answer.id, {output.name: values for output, values in zip(answer.outputs, raw, strict=True)}, asked)
