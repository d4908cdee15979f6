"""What the server is, and what its models take and give: `/v2`, `/v2/models/{model}` and `…/ready`."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from service.problems import document_errors
from service.protocol.metadata import ModelMetadata, ServerMetadata, describe_model, describe_server
from service.routes.served import Models, Served

server_router = APIRouter(tags=["open inference protocol"])
model_router = APIRouter(tags=["open inference protocol"])


class ModelReadiness(TypedDict):
    """Whether a model answers."""

    name: str
    ready: bool


@server_router.get("/v2/", include_in_schema=False)
@server_router.get("/v2")
async def show_server() -> ServerMetadata:
    """The server's name, version and the extensions of the protocol that it knows."""
    return describe_server()


@model_router.get("", responses=document_errors(404, 422))
async def show_model(registry: Models, served: Served) -> ModelMetadata:
    """The tensors that a model takes and gives."""
    return describe_model(registry, served)


@model_router.get("/ready", responses=document_errors(404, 422))
async def show_readiness(served: Served) -> ModelReadiness:
    """Whether a model, or a version of it, answers: 404 where it doesn't."""
    return ModelReadiness(name=served.published.name, ready=True)
