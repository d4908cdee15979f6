"""The answer to a picture: `…/predict`."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.media import PICTURE_BODY
from service.problems import document_problems
from service.routes.served import Body, Served, Stages
from service.schemas import Prediction, Predictions

router = APIRouter(tags=["prediction"])


@router.post("/predict", openapi_extra=PICTURE_BODY, responses=document_problems(400, 404, 413, 415, 422))
async def predict(
    served: Served,
    pipeline: Stages,
    body: Body,
    top_k: Annotated[int, Query(ge=1, description="how many labels to answer with")] = 5,
) -> Predictions:
    """The most probable labels of one picture: the request's body itself, or the field `file` of a form."""
    ranked = await pipeline.predict(served, body, top_k)
    return Predictions(
        model=served.published.name,
        version=served.published.version,
        predictions=[Prediction(label=item.label, index=item.index, probability=item.probability) for item in ranked],
    )
