"""The models folder: `/v2/repository/…`, the protocol's model repository extension."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from typing_extensions import TypedDict

from service.body import find_body
from service.media import JSON
from service.problems import document_errors
from service.protocol.repository import (
    IndexEntry,
    check_load,
    list_index,
    read_document,
    read_parameters,
    wants_only_ready,
)
from service.routes.served import Models

router = APIRouter(prefix="/v2/repository", tags=["open inference protocol"])

_MOST_BYTES = 64 * 1024
"""Of a body here."""

_NAME = Path(description="the model's name", examples=["digits"])


class Loaded(TypedDict):
    """A model is served again."""

    name: str
    load: bool


class Unloaded(TypedDict):
    """A model is served no more."""

    name: str
    unload: bool


def _body(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {JSON: {"schema": {"type": "object", "properties": properties}}}}}


async def _read(request: Request) -> dict[str, Any]:
    """The JSON document of a request, whatever its Content-Type says; empty where there is no body."""
    return read_document(await find_body(request.scope, request.receive).whole(_MOST_BYTES))


Document = Annotated[dict[str, Any], Depends(_read)]


@router.post("/index", openapi_extra=_body(ready={"type": "boolean"}), responses=document_errors(400, 413))
async def show_index(registry: Models, document: Document) -> list[IndexEntry]:
    """All versions of all models, with the reason where one isn't served; `ready`: only those that are."""
    return list_index(registry, only_ready=wants_only_ready(document))


@router.post(
    "/models/{model}/load",
    openapi_extra=_body(parameters={"type": "object"}),
    responses=document_errors(400, 404, 413, 500, 503),
)
async def load_model(registry: Models, model: Annotated[str, _NAME], document: Document) -> Loaded:
    """Look at a model's folder again, and serve it, though it was unloaded."""
    check_load(read_parameters(document))
    await registry.load(model)
    return Loaded(name=model, load=True)


@router.post(
    "/models/{model}/unload",
    openapi_extra=_body(parameters={"type": "object"}),
    responses=document_errors(400, 404, 413, 503),
)
async def unload_model(registry: Models, model: Annotated[str, _NAME], document: Document) -> Unloaded:
    """Serve a model no more, until it is loaded again; requests in flight are answered."""
    read_parameters(document)  # none of them means anything here
    await registry.unload(model)
    return Unloaded(name=model, unload=True)
