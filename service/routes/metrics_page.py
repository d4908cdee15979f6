"""What the service counts, for Prometheus: `/metrics`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from service.exposition import describe_versions, write_exposition
from service.metrics import Metrics
from service.routes.served import Models

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus's format"}},
)
async def metrics(
    request: Request, registry: Models, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """What all processes of the service counted, as Prometheus reads it; OpenMetrics where it is asked for."""
    own: Metrics = request.app.state.metrics
    request.app.edge.settle()  # what was answered before
    versions = describe_versions(registry)
    content, media_type = await asyncio.to_thread(write_exposition, own, versions, accept)  # however busy the pools are
    return Response(content, headers={"Content-Type": media_type, "Cache-Control": "no-store"})
