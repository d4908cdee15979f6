"""Turns visits into OpenTelemetry spans: one for the request, and below it one for each of its stages.

Stages only note when they began and ended; spans are made of that when the request is over. So nothing of OpenTelemetry
is in the way of a request, and where nobody asked for traces, nothing of it is imported.
"""

import logging
import os
from collections.abc import Mapping
from importlib.metadata import version
from time import perf_counter, time_ns
from typing import TYPE_CHECKING

from service import visit as visits
from service.visit import PROBES, Visit

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

log = logging.getLogger("convscope")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_PATIENCE = 2000
"""Milliseconds that the end of the process waits for the collector."""


class Tracing:
    """Where spans are made."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Make them with a provider, which samples and exports them."""
        from opentelemetry import propagate, trace  # noqa: PLC0415 - only where traces are asked for

        visits.wanted = True
        self._api, self._extract = trace, propagate.extract
        self._provider = provider
        self._tracer = provider.get_tracer("convscope", version("convscope"))
        self._shift = 0
        """Nanoseconds from the performance counter to the time of day, which may be set anew at any time."""

    def begin(self, headers: Mapping[bytes, bytes], visit: Visit) -> None:
        """Begin a request's span.

        Args:
            headers: of the request.
            visit: its id is the trace's from now on, unless the client chose one.
        """
        if visit.scope["path"] in PROBES:
            return
        self._shift = time_ns() - round(perf_counter() * 1e9)
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        kind, parent = self._api.SpanKind.SERVER, self._extract(carrier)
        span = self._tracer.start_span(visit.scope["method"], parent, kind, start_time=self._when(visit.began))
        context = span.get_span_context()
        visit.trace_id, visit.span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        if b"x-request-id" not in headers:
            visit.request_id = visit.trace_id
        if span.is_recording():
            visit.stages = []
        visit.span = span

    def end(self, route: str, visit: Visit) -> None:
        """End a request's span.

        Args:
            route: the template of the path.
            visit: what became known of the request.
        """
        if visit.span is None:
            return
        span: Span = visit.span
        if visit.stages is not None:
            context = self._api.set_span_in_context(span)
            for stage in visit.stages:
                child = self._tracer.start_span(stage.name, context, start_time=self._when(stage.began))
                if stage.pictures > 1:
                    child.set_attribute("convscope.batch.size", stage.pictures)
                child.end(self._when(stage.ended))
            span.update_name(f"{visit.scope['method']} {route}")
            span.set_attributes(_describe(route, visit))
            if visit.status >= 500:
                span.set_status(self._api.StatusCode.ERROR, visit.detail)
        span.end(self._when(visit.ended))

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.force_flush(_PATIENCE)
        self._provider.shutdown()

    def _when(self, moment: float) -> int:
        """Nanoseconds since 1970."""
        return self._shift + round(moment * 1e9)


def set_up_tracing() -> Tracing | None:
    """What the environment asks for, by OpenTelemetry's own variables; None where that is nothing, or can't be had."""
    asked = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if asked is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        log.warning("no traces: %s asks for them, but %s is missing: install convscope[otel]", asked, error.name)
        return None
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "convscope"}))
    resource = resource.merge(Resource({"service.version": version("convscope")}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _describe(route: str, visit: Visit) -> dict[str, str | int]:
    """Source: OpenTelemetry's semantic conventions for HTTP spans."""
    scope = visit.scope
    about: dict[str, str | int] = {
        "http.request.method": scope["method"],
        "http.response.status_code": visit.status,
        "http.route": route,
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "convscope.request_id": visit.request_id,
    }
    if scope["client"]:
        about["client.address"] = scope["client"][0]
    if visit.model:
        about |= {"convscope.model": visit.model, "convscope.version": visit.version}
    if visit.code:
        about["error.type"] = visit.code
    return about
