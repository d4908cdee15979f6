"""Asks a running service with KServe's own clients, and records what they send: the tests send it again.

KServe's package wants other versions of what is installed here, and half a gigabyte, so this runs in an environment of
its own (`pip install kserve==0.21.0`), as a file, against a service with the published models:

    CONVSCOPE_GRPC_PORT=8001 convscope serve --port 8000
    cd tests/service/protocol && python record_kserve.py http://localhost:8000 localhost:8001 kserve.json
"""

import asyncio
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from PIL import Image

SAMPLES = sorted((Path(__file__).parents[3] / "models/digits/1/samples").glob("*.png"))
PICTURES = [sample.read_bytes() for sample in SAMPLES]
PIXELS = np.stack([np.asarray(Image.open(io.BytesIO(picture)).convert("L"))[..., None] for picture in PICTURES])

UNWANTED = ("host", "user-agent", "connection", "content-length", "accept", "accept-encoding")
"""Headers that say nothing of the protocol."""

ASKED = [("pixels", 1, False), ("pixels", 1, True), ("pixels", 2, True), ("image", 1, True), ("image", 2, True)]
"""The input, how many pictures, and whether as bytes."""

sent: dict[str, list[dict[str, Any]]] = {"rest": [], "grpc": []}


class Recorder(httpx.AsyncHTTPTransport):
    """Sends requests, and keeps them."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        headers = {name: value for name, value in request.headers.items() if name not in UNWANTED}
        path, body = request.url.raw_path.decode(), base64.b64encode(request.content).decode()
        sent["rest"].append({"method": request.method, "path": path, "headers": headers, "body": body})
        return await super().handle_async_request(request)


class Door(grpc.GenericRpcHandler):  # type: ignore[misc]  # it has no types
    """Hands calls on as the bytes that they are, and keeps them."""

    def __init__(self, channel: Any) -> None:  # noqa: ANN401
        self._channel = channel

    def service(self, details: Any) -> Any:  # noqa: ANN401
        async def call(request: bytes, _: object) -> bytes:
            sent["grpc"].append({"method": details.method, "body": base64.b64encode(request).decode()})
            answer: bytes = await self._channel.unary_unary(details.method)(request)
            return answer

        return grpc.unary_unary_rpc_method_handler(call)


def request(kind: str, pictures: int, binary: bool) -> InferRequest:
    """What is asked; its id says what it is."""
    values = PIXELS[:pictures] if kind == "pixels" else np.array(PICTURES[:pictures], dtype=object)
    tensor = InferInput(kind, list(values.shape), "UINT8" if kind == "pixels" else "BYTES")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("digits", [tensor], request_id=f"{kind} {pictures}")


def looking() -> InferRequest:
    """A request for a layer."""
    asked = request("pixels", 1, binary=True)
    asked.request_outputs = [
        RequestedOutput(name, {"binary_data": True}) for name in ("probabilities", "conv1", "label")
    ]
    return asked


def check(answer: Any, expected: Any) -> None:  # noqa: ANN401
    """Hold an answer against what `/v1` says."""
    found = {output.name: output.as_numpy() for output in answer.outputs}
    probabilities = found["probabilities"].reshape(-1, expected.shape[1]).astype(np.float32)
    assert np.allclose(probabilities, expected[: len(probabilities)], atol=1e-6)
    print(answer.id, {name: values.shape for name, values in found.items()})  # noqa: T201


def predict(rest: str, picture: bytes) -> list[float]:
    """What `/v1` says of a picture, in the order of the labels."""
    answer = httpx.post(
        f"{rest}/v1/models/digits/predict?top_k=99", content=picture, headers={"Content-Type": "image/png"}
    )
    return [row["probability"] for row in sorted(answer.json()["predictions"], key=lambda row: row["index"])]


async def record(rest: str, calls: str) -> None:
    """Ask over both."""
    expected = np.array([predict(rest, picture) for picture in PICTURES], np.float32)
    asked = [request(*how) for how in ASKED] + [looking()]
    async with InferenceRESTClient(RESTConfig(protocol="v2", transport=Recorder())) as client:
        assert await client.is_server_live(rest)
        assert await client.is_server_ready(rest)
        assert await client.is_model_ready(rest, "digits")
        for one in asked:
            check(await client.infer(rest, one, model_name="digits"), expected)
    async with grpc.aio.insecure_channel(calls) as channel:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Door(channel),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with InferenceGRPCClient(f"127.0.0.1:{port}") as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("digits")
            for one in asked:
                check(await client.infer(one), expected)
        await server.stop(None)


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1], sys.argv[2]))
    Path(sys.argv[3]).write_text(json.dumps(sent, indent=1) + "\n")
