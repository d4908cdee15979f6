"""The protocol over gRPC as Triton's own client speaks it: the answers of `/v1`, the errors of the service."""

import asyncio
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_aio
from fastapi import FastAPI
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from service.app import create_app
from service.engine import Provider
from service.errors import InvalidSetting, StartFailed
from service.grpc.start import check_calls
from service.keys import Scope
from service.published import PublishedVersion
from service.settings import Settings
from tests.conftest import MODELS, serving_app
from tests.program import started
from tests.service.protocol.asked import Asked
from tests.service.routes.test_metrics_page import read, value

KEYS = {scope: f"a-key-for-{scope}-0123" for scope in Scope}
SETTING = ",".join(f"{key}:{scope}" for scope, key in KEYS.items())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(MODELS / "digits", folder / "digits")
    shutil.copytree(MODELS / "ticks", folder / "ticks")
    return folder


@contextmanager
def calling(models: Path, **more: object) -> Iterator[tuple[FastAPI, str]]:
    """A service that answers calls, and where."""
    settings = {"models": models, "provider": Provider.CPU, "grpc_port": 0, **more}
    app = create_app(Settings.model_validate(settings))
    with serving_app(app):
        yield app, f"127.0.0.1:{app.state.grpc_port}"


@pytest.fixture(scope="module")
def place(models: Path) -> Iterator[str]:
    with calling(models) as (_, place):
        yield place


@pytest.fixture(scope="module")
def triton(place: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(place) as client:
        yield client


@pytest.fixture(scope="module")
def asked(client: httpx.Client, lenet: PublishedVersion) -> Asked:
    return Asked(client, lenet)


def pixels_input(pixels: NDArray[np.uint8]) -> InferInput:
    return InferInput("pixels", list(pixels.shape), "UINT8").set_data_from_numpy(pixels)


def image_input(pictures: list[bytes]) -> InferInput:
    return InferInput("image", [len(pictures), 1], "BYTES").set_data_from_numpy(
        np.array(pictures, dtype=object)[:, None]
    )


def wanting(*names: str) -> list[InferRequestedOutput]:
    return [InferRequestedOutput(name) for name in names]


def test_pixels_and_pictures_get_the_answers_of_v1(triton: InferenceServerClient, asked: Asked) -> None:
    for sent in (pixels_input(asked.pixels[7:8]), image_input(asked.pictures[7:8])):
        answer = triton.infer("digits", [sent], "1", wanting("label", "probabilities", "conv1"), "request 7")
        assert np.array_equal(answer.as_numpy("probabilities")[0], asked.probabilities[7])
        assert np.array_equal(answer.as_numpy("conv1")[0], asked.activations("conv1")[7])
        assert answer.as_numpy("label").tolist() == [b"7"]
        assert (answer.get_response().id, answer.get_response().model_version) == ("request 7", "1")
    for sent in (pixels_input(asked.pixels), image_input(asked.pictures)):
        answer = triton.infer("digits", [sent], "1")
        assert np.allclose(answer.as_numpy("probabilities"), asked.probabilities, atol=1e-6)
        assert answer.as_numpy("logits").shape == (len(asked.pictures), 10)


def test_requests_for_different_outputs_at_once_are_not_mixed_up(place: str, asked: Asked) -> None:
    async def ask() -> None:
        async with triton_aio.InferenceServerClient(place) as client:

            async def one(number: int) -> None:
                at, names = number % len(asked.pictures), [["probabilities"], ["logits"], ["label"]][number % 3]
                answer = await client.infer("digits", [pixels_input(asked.pixels[at : at + 1])], "1", wanting(*names))
                assert [output.name for output in answer.get_response().outputs] == names
                if names == ["label"]:
                    assert answer.as_numpy("label").tolist() == [asked.labels[at].encode()]
                else:
                    assert answer.as_numpy(names[0])[0].argmax() == asked.probabilities[at].argmax()

            await asyncio.gather(*(one(number) for number in range(60)))

    asyncio.run(ask())


def test_values_that_come_as_fields_go_out_as_fields(place: str, asked: Asked) -> None:
    outputs = [{"name": "probabilities"}, {"name": "label"}]
    request = service_pb2.ModelInferRequest(model_name="digits", model_version="1", outputs=outputs)
    request.inputs.add(name="pixels", datatype="UINT8", shape=[1, 28, 28, 1])
    request.inputs[0].contents.uint_contents.extend(asked.pixels[7].ravel().tolist())
    pictures = service_pb2.ModelInferRequest(model_name="digits", model_version="1")
    pictures.inputs.add(name="image", datatype="BYTES", shape=[1]).contents.bytes_contents.append(asked.pictures[7])
    with grpc.insecure_channel(place) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        probabilities, label = stub.ModelInfer(request).outputs
        assert np.array_equal(np.array(probabilities.contents.fp32_contents, np.float32), asked.probabilities[7])
        assert list(label.contents.bytes_contents) == [b"7"]
        pictures.parameters["binary_data_output"].bool_param = True
        answer = stub.ModelInfer(pictures)
        assert answer.raw_output_contents[1] == asked.probabilities[7].tobytes()
        assert not answer.outputs[1].HasField("contents")


def test_the_server_says_what_it_is_and_whether_it_answers(triton: InferenceServerClient, client: httpx.Client) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("digits", "1")
    assert triton.get_server_metadata(as_json=True) == client.get("/v2").json()
    told, expected = triton.get_model_metadata("digits", as_json=True), client.get("/v2/models/digits").json()
    expected.pop("properties")
    for tensor in told["inputs"] + told["outputs"]:  # JSON of protobuf has integers of 64 bits as text
        tensor["shape"] = [int(size) for size in tensor["shape"]]
    assert told == expected


Ask = Callable[[InferenceServerClient, Asked], Any]


@pytest.mark.parametrize(
    ("ask", "status", "says"),
    [
        (lambda client, _: client.is_model_ready("nobody"), "NOT_FOUND", "no model is called 'nobody'"),
        (lambda client, _: client.is_model_ready("digits", "99"), "NOT_FOUND", "has no version 99"),
        (lambda client, _: client.is_model_ready("digits", "one"), "NOT_FOUND", "versions are numbers"),
        (lambda client, _: client.get_model_metadata("nobody"), "NOT_FOUND", "no model is called"),
        (
            lambda client, asked: client.infer("digits", [pixels_input(asked.pixels[:, :27])]),
            "INVALID_ARGUMENT",
            r"takes UINT8 \[n, 28, 28, 1\]",
        ),
        (lambda client, _: client.infer("digits", [image_input([b"no picture"])]), "INVALID_ARGUMENT", "no picture"),
        (
            lambda client, asked: client.infer("digits", [pixels_input(asked.pixels)], outputs=wanting("conv99")),
            "INVALID_ARGUMENT",
            "the layers are",
        ),
        (
            lambda client, asked: client.infer("digits", [pixels_input(asked.pixels), image_input(asked.pictures)]),
            "INVALID_ARGUMENT",
            "there has to be one",
        ),
        (lambda client, _: client.unload_model("ticks"), "PERMISSION_DENIED", "scope admin, always"),
        (lambda client, _: client.get_model_config("digits"), "UNIMPLEMENTED", "not found"),
    ],
)
def test_errors_are_statuses(triton: InferenceServerClient, asked: Asked, ask: Ask, status: str, says: str) -> None:
    with pytest.raises(InferenceServerException, match=says) as refused:
        ask(triton, asked)
    assert refused.value.status() == f"StatusCode.{status}"


def test_raw_contents_that_do_not_fit_the_inputs_are_refused(place: str) -> None:
    with grpc.insecure_channel(place) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for contents, says in (({"uint_contents": [1]}, "has contents"), (None, "0 inputs and 1 raw")):
            request = service_pb2.ModelInferRequest(model_name="digits", raw_input_contents=[b"1"])
            if contents:
                request.inputs.add(name="pixels", datatype="UINT8", shape=[1], contents=contents)
            with pytest.raises(grpc.RpcError, match=says) as refused:
                stub.ModelInfer(request)
            assert ("code", "malformed_request") in refused.value.trailing_metadata()


def test_over_the_limits_calls_are_refused(models: Path, asked: Asked) -> None:
    with calling(models, queue=2, max_bytes=10_000) as (app, place), InferenceServerClient(place) as client:
        with app.state.registry.find("digits", 1).batcher.places(2):
            with pytest.raises(InferenceServerException, match="wait already") as busy:
                client.infer("digits", [pixels_input(asked.pixels[:1])], "1")
            assert busy.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        with pytest.raises(InferenceServerException, match="larger than max"):
            client.infer("digits", [pixels_input(np.zeros((200, 28, 28, 1), np.uint8))], "1")
        assert client.infer("digits", [pixels_input(asked.pixels[:1])], "1").as_numpy("logits").shape == (1, 10)


def test_calls_are_bounded_in_number_and_time_and_who_leaves_frees_the_place(models: Path, asked: Asked) -> None:
    request = service_pb2.ModelInferRequest(model_name="digits", model_version="1")
    request.inputs.add(name="pixels", datatype="UINT8", shape=[1, 28, 28, 1])
    request.raw_input_contents.append(asked.pixels[0].tobytes())
    limits = {"max_in_flight": 1, "request_seconds": 1}
    with calling(models, **limits) as (app, place), grpc.insecure_channel(place) as channel:
        infer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
        batcher = app.state.registry.find("digits", 1).batcher
        batcher._is_draining = True  # so nothing that waits is run
        with pytest.raises(grpc.RpcError) as gone:
            infer(request, timeout=0.3)
        assert gone.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        deadline = time.monotonic() + 10
        while batcher._admitted:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        waiting = infer.future(request)
        while not batcher._admitted:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(grpc.RpcError, match="all that may be") as busy:
            infer(request)
        assert busy.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert ("retry-after", "1") in busy.value.trailing_metadata()
        assert service_pb2_grpc.GRPCInferenceServiceStub(channel).ServerReady(service_pb2.ServerReadyRequest()).ready
        assert waiting.code() is grpc.StatusCode.UNAVAILABLE
        assert "no answer within 1 s" in waiting.details()


def test_what_keeps_calls_from_being_answered_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    check_calls(Settings())
    with pytest.raises(InvalidSetting, match="CONVSCOPE_GRPC_PORT: several workers can't share"):
        check_calls(Settings(grpc_port=0, workers=2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=f"127.0.0.1:{port} for gRPC: Address already in use"):
            check_calls(Settings(grpc_port=port))
    monkeypatch.setattr("service.grpc.start.find_spec", lambda _: None)
    with pytest.raises(StartFailed, match=r"grpcio is missing: install convscope\[grpc\]"):
        check_calls(Settings(grpc_port=0))


def test_several_workers_answer_at_one_port_and_stop_in_order(models: Path, asked: Asked) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {"CONVSCOPE_GRPC_PORT": str(port), "CONVSCOPE_DRAIN_SECONDS": "0"}
    with started("--models", str(models), "--workers", "2", **variables) as (process, _, _):
        clients = [InferenceServerClient(f"127.0.0.1:{port}") for _ in range(4)]
        for client in clients:
            answer = client.infer("digits", [pixels_input(asked.pixels[:1])], "1")
            assert np.array_equal(answer.as_numpy("probabilities")[0], asked.probabilities[0])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
        with pytest.raises(InferenceServerException):
            clients[0].is_server_live()


def test_keys_hold_here_too(models: Path, asked: Asked) -> None:
    with calling(models, api_keys=SETTING) as (_, place), InferenceServerClient(place) as client:
        sent = [pixels_input(asked.pixels[:1])]

        def status(ask: Callable[[dict[str, str]], Any], scope: Scope | None) -> str:
            try:
                ask({} if scope is None else {"authorization": f"Bearer {KEYS[scope]}"})
            except InferenceServerException as error:
                return str(error.status()).removeprefix("StatusCode.")
            return "OK"

        def infer(headers: dict[str, str]) -> None:
            client.infer("digits", sent, headers=headers)

        def look(headers: dict[str, str]) -> None:
            client.infer("digits", sent, outputs=wanting("softmax"), headers=headers)

        def unload(headers: dict[str, str]) -> None:
            client.unload_model("ticks", headers=headers)

        denied, missing = "PERMISSION_DENIED", "UNAUTHENTICATED"
        scopes = (None, Scope.PREDICT, Scope.INSPECT, Scope.ADMIN)
        assert [status(infer, scope) for scope in scopes] == [missing, "OK", "OK", "OK"]
        assert [status(look, scope) for scope in scopes] == [missing, denied, "OK", "OK"]
        assert [status(unload, scope) for scope in scopes] == [missing, denied, denied, "OK"]
        assert client.is_server_live()
        key = {"x-api-key": KEYS[Scope.ADMIN]}
        states = {(entry.name, entry.version): entry.state for entry in client.get_model_repository_index(key).models}
        assert states["ticks", ""] == "UNAVAILABLE"
        assert states["digits", "1"] == "READY"
        with pytest.raises(InferenceServerException, match="it can't be changed by 'config'"):
            client.load_model("ticks", key, config="{}")
        client.load_model("ticks", key)
        assert client.is_model_ready("ticks", headers=key)


def test_calls_are_counted_and_have_ids_as_requests_have(models: Path, asked: Asked) -> None:
    app = create_app(Settings.model_validate({"models": models, "provider": Provider.CPU, "grpc_port": 0}))
    with serving_app(app) as at, InferenceServerClient(f"127.0.0.1:{app.state.grpc_port}") as client:
        client.infer("digits", [pixels_input(asked.pixels[:1])], "1", headers={"x-request-id": "mine"})
        channel = grpc.insecure_channel(f"127.0.0.1:{app.state.grpc_port}")
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelReady(service_pb2.ModelReadyRequest(name="nobody"), metadata=(("x-request-id", "refused"),))
        assert ("x-request-id", "refused") in refused.value.trailing_metadata()
        _, call = stub.ServerLive.with_call(service_pb2.ServerLiveRequest())
        (found,) = [value for name, value in call.trailing_metadata() if name == "x-request-id"]
        assert len(found) == 32
        channel.close()
        with httpx.Client(base_url=at) as session:
            samples = read(session)
    route = "/inference.GRPCInferenceService/"
    about = {"route": f"{route}ModelInfer", "model": "digits", "version": "1", "status": "200"}
    assert value(samples, "convscope_requests_total", **about) == 1
    assert value(samples, "convscope_received_bytes_total", **about) > 784
    assert value(samples, "convscope_requests_total", route=f"{route}ModelReady", status="404", model="") == 1
    assert value(samples, "convscope_errors_total", code="unknown_model") == 1
    assert value(samples, "convscope_requests_in_flight") == 1
