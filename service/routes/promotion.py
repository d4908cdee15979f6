"""Which version answers: `…/promote` and `…/rollback`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.body import find_body
from service.media import JSON
from service.problems import document_problems
from service.registry import ServedModel
from service.routes.served import Models
from service.schemas import Answering

router = APIRouter(prefix="/v1/models/{model}", tags=["versions"])

ModelName = Annotated[str, Path(description="the model's name", examples=["digits"])]

_MOST_BYTES = 64 * 1024
"""Of a body here."""

_PROBLEMS = document_problems(404, 422, 503)


class Promotion(BaseModel):
    """Which version is to answer."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(ge=1, le=999_999_999, description="null: the latest, as they are published")


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {JSON: {"schema": Promotion.model_json_schema()}}}
}


async def _read(request: Request) -> Promotion:
    """The request's document. Read here, because FastAPI reads on for as long as something comes.

    Raises:
        BodyTooLarge, ClientLeft: see `body.Body.picture`.
        RequestValidationError: it is another one, or none.
    """
    body = await find_body(request.scope, request.receive).whole(_MOST_BYTES)
    try:
        return Promotion.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from error


@router.post("/promote", openapi_extra=_BODY, responses={**_PROBLEMS, **document_problems(413)})
async def promote(registry: Models, model: ModelName, promotion: Annotated[Promotion, Depends(_read)]) -> Answering:
    """Have a version answer from now on, also after newer ones are published; or follow the latest again.

    It is kept in the models folder, for every process that shares it and over restarts.
    """
    return _describe(model, await registry.promote(model, promotion.version))


@router.post("/rollback", responses={**_PROBLEMS, **document_problems(409)})
async def roll_back(registry: Models, model: ModelName) -> Answering:
    """Have the version before the one that answers answer from now on, as if it had been promoted."""
    return _describe(model, await registry.roll_back(model))


def _describe(name: str, model: ServedModel) -> Answering:
    return Answering(
        model=name,
        version=model.answering.published.version,
        versions=list(model.versions),
        pinned=model.pinned,
        held=list(model.held),
    )
