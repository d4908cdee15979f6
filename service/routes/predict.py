"""The answer to a picture: `…/predict`."""

from collections.abc import Sequence
from time import perf_counter
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from service import visit
from service.media import JSON, PICTURE_BODY
from service.postprocess import RankedLabel
from service.problems import document_problems
from service.routes.served import Body, Served, Stages
from service.schemas import Predictions
from service.served import ServedVersion

router = APIRouter(tags=["prediction"])

TOP_K = 5
"""Labels in an answer, where the request doesn't say."""


@router.post(
    "/predict",
    openapi_extra=PICTURE_BODY,
    responses={200: {"model": Predictions}, **document_problems(400, 404, 413, 415, 422, 429, 503)},
)
async def predict(
    served: Served,
    pipeline: Stages,
    body: Body,
    top_k: Annotated[int, Query(ge=1, description="how many labels to answer with")] = TOP_K,
) -> Response:
    """The most probable labels of one picture: the request's body itself, or the field `file` of a form."""
    return Response(write_prediction(served, await pipeline.predict(served, body, top_k)), media_type=JSON)


def write_prediction(served: ServedVersion, ranked: Sequence[RankedLabel]) -> bytes:
    """The answer as JSON; see `schemas.Predictions`."""
    began, published = perf_counter(), served.published
    answer = orjson.dumps({"model": published.name, "version": published.version, "predictions": ranked})
    if visit.wanted:
        visit.note_stage("encode", began)
    return answer
