"""Turns the path of a request into what it is about: a served version, and the pipeline that answers for it."""

from typing import Annotated

from fastapi import Depends, Path, Request

from service.body import find_body
from service.intake import Intake
from service.pipeline import Pipeline
from service.registry import Registry
from service.served import ServedVersion
from service.versions import read_number

_MOST_PICTURES = 16
"""In one form, where a route takes several."""


async def find_registry(request: Request) -> Registry:
    """All models being served."""
    registry: Registry = request.app.state.registry
    return registry


async def find_pipeline(request: Request) -> Pipeline:
    """The way of a picture through a version."""
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline


async def find_intake(request: Request) -> Intake:
    """The way of a corrected picture to the disk."""
    intake: Intake = request.app.state.intake
    return intake


async def find_version(
    request: Request,
    registry: Annotated[Registry, Depends(find_registry)],
    model: Annotated[str, Path(description="the model's name", examples=["digits"])],
) -> ServedVersion:
    """The version that the path names, or the latest where it names none.

    Raises:
        UnknownModel, UnknownVersion: it isn't served.
    """
    version: str | None = request.path_params.get("version")
    return await registry.obtain(model, None if version is None else read_number(version))


async def document_version(
    version: Annotated[int, Path(description="the version's number", examples=[1], ge=1)],
) -> None:
    """Tell the OpenAPI schema of the path's version; `find_version` reads it, for both forms of a path."""


async def find_picture(request: Request, pipeline: Annotated[Pipeline, Depends(find_pipeline)]) -> bytes:
    """The encoded picture of the request.

    Raises:
        RequestError: see `body.Body.picture`.
    """
    return await find_body(request.scope, request.receive).picture(pipeline.limits.max_bytes)


async def find_pictures(request: Request, pipeline: Annotated[Pipeline, Depends(find_pipeline)]) -> list[bytes]:
    """The encoded pictures of the request.

    Raises:
        RequestError: see `body.Body.form`.
    """
    return (await find_body(request.scope, request.receive).form(pipeline.limits.max_bytes, _MOST_PICTURES)).pictures


Models = Annotated[Registry, Depends(find_registry)]
Stages = Annotated[Pipeline, Depends(find_pipeline)]
Served = Annotated[ServedVersion, Depends(find_version)]
Body = Annotated[bytes, Depends(find_picture)]
Corrections = Annotated[Intake, Depends(find_intake)]
Bodies = Annotated[list[bytes], Depends(find_pictures)]
