"""Spans as a collector gets them: over HTTP, in OpenTelemetry's own format."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.app import create_app
from service.engine import Provider
from service.settings import Settings
from service.tracing import set_up_tracing
from tests.conftest import serving_app
from tests.published import white_png
from tests.service.test_registry import PREDICT, put

PNG = {"Content-Type": "image/png"}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """An OTLP receiver."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def find(self, request_id: str) -> Span:
        """The span of a request."""
        (found,) = [span for span in self.spans if attributes(span).get("convscope.request_id") == request_id]
        return found

    def below(self, span: Span) -> dict[str, Span]:
        return {child.name: child for child in self.spans if child.parent_span_id == span.span_id}


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_a_request_and_its_stages_are_spans_below_the_clients(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server.server_port}")
    app = create_app(Settings(models=tmp_path, provider=Provider.CPU), tracing=set_up_tracing())
    before = time.time_ns()
    with serving_app(app) as at, httpx.Client(base_url=at, timeout=20) as client:
        traced = PNG | {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"}
        assert client.post(PREDICT, content=white_png(), headers=traced).status_code == 200
        unsampled = PNG | {"traceparent": f"00-{TRACE}-{PARENT}-00", "X-Request-ID": "unsampled"}
        assert client.post(PREDICT, content=white_png(), headers=unsampled).status_code == 200
        own = client.get("/v1/models/brightness/layers").headers["x-request-id"]
        client.post(PREDICT, content=b"no picture", headers=PNG | {"X-Request-ID": "refused"})
        client.get("/metrics")
    resource = {
        each.key: each.value.string_value for each in collector.requests[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "convscope"

    request = collector.find("traced")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert request.name == "POST /v1/models/{model}/predict"
    assert request.kind == Span.SPAN_KIND_SERVER
    about = attributes(request)
    assert (about["http.response.status_code"], about["convscope.model"], about["convscope.version"]) == (
        200, "brightness", 1,
    )  # fmt: skip
    stages = collector.below(request)
    assert list(stages) == ["decode", "queue", "infer", "encode"]
    moments = [request.start_time_unix_nano]
    for stage in stages.values():
        assert stage.start_time_unix_nano <= stage.end_time_unix_nano
        moments.append(stage.start_time_unix_nano)
    moments.append(request.end_time_unix_nano)
    assert moments == sorted(moments)
    assert before <= moments[0] <= moments[-1] <= time.time_ns()

    looked = collector.find(own)
    assert looked.trace_id.hex() == own  # without an id of the client's, the trace's
    assert set(collector.below(looked)) == {"inspection"}
    refused = collector.find("refused")
    assert attributes(refused)["error.type"] == "unsupported_picture_format"
    assert refused.status.code != Status.STATUS_CODE_ERROR  # the client's mistake
    assert len([span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]) == 3


def test_nobody_who_did_not_ask_pays_for_it() -> None:
    program = (
        "import sys, service.worker as worker; assert worker.set_up_tracing() is None;"
        "print(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as where it isn't installed
    assert set_up_tracing() is None
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in caplog.text
    assert "convscope[otel]" in caplog.text
