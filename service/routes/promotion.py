"""Which version answers: `…/promote` and `…/rollback`."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from service.problems import document_problems
from service.registry import ServedModel
from service.routes.served import Models
from service.schemas import Answering

router = APIRouter(prefix="/v1/models/{model}", tags=["versions"])

ModelName = Annotated[str, Path(description="the model's name", examples=["digits"])]

_PROBLEMS = document_problems(404, 422, 503)


class Promotion(BaseModel):
    """Which version is to answer."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(ge=1, le=999_999_999, description="null: the latest, as they are published")


@router.post("/promote", responses={**_PROBLEMS, **document_problems(400)})
async def promote(registry: Models, model: ModelName, promotion: Promotion) -> Answering:
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
