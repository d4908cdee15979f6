"""A version at points of its training: `…/film/{step}/predict`, `…/activations` and `…/weights/{layer}`."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from service.decode import Picture
from service.film import Films, ShownFrame
from service.inspection.activations import Inspector
from service.media import BINARY, JSON, NPZ, PICTURE_BODY, PNG, SAFETENSORS, choose_format
from service.postprocess import RankedLabel, rank
from service.problems import document_problems
from service.routes.activations import Accept, Layers, Values, document_formats, split_names, write_activations
from service.routes.predict import TOP_K
from service.routes.served import Body, Served, Stages
from service.routes.weights import Channel, LayerName, LayerWeights, write_weights
from service.schemas import Activations, Predictions

router = APIRouter(prefix="/film/{step}", tags=["inspection"])

_STEP = Field(description="batches learnt until then")


class FramePredictions(Predictions):
    """The most probable labels, as they were at one point of the training."""

    step: int = _STEP


class FrameActivations(Activations):
    """What every asked-for layer computed, as it was at one point of the training."""

    step: int = _STEP


class FrameWeights(LayerWeights):
    """What a layer had learnt at one point of the training."""

    step: int = _STEP


async def find_frame(
    request: Request,
    served: Served,
    step: Annotated[int, Path(description="one of the steps in the model's `film`", examples=[94], ge=0)],
) -> ShownFrame:
    """The point of the training that the path names.

    Raises:
        NoFilm, UnknownFrame: it isn't there.
    """
    films: Films = request.app.state.films
    return films.find(served, step)


Shown = Annotated[ShownFrame, Depends(find_frame)]


@router.post(
    "/predict",
    openapi_extra=PICTURE_BODY,
    responses={200: {"model": FramePredictions}, **document_problems(400, 404, 413, 415, 422, 429)},
)
async def predict_at_frame(
    frame: Shown,
    pipeline: Stages,
    body: Body,
    top_k: Annotated[int, Query(ge=1, description="how many labels to answer with")] = TOP_K,
) -> Response:
    """What the network would have answered to a picture at that point of its training."""

    def look(_: Inspector, pixels: Sequence[Picture]) -> list[RankedLabel]:
        (probabilities,) = frame.engine().classify(np.stack(pixels))
        return rank(probabilities, frame.published.manifest.labels, top_k)

    ranked = await pipeline.inspect(frame, [body], look)
    return Response(orjson.dumps({**frame.identity, "predictions": ranked}), media_type=JSON)


@router.post(
    "/activations", openapi_extra=PICTURE_BODY, responses=document_formats(FrameActivations, SAFETENSORS, NPZ, PNG)
)
async def show_activations_at_frame(  # noqa: PLR0913, PLR0917 - each is a part of the request
    frame: Shown,
    pipeline: Stages,
    body: Body,
    layers: Layers = [],  # noqa: B006 - FastAPI copies it
    values: Values = True,
    accept: Accept = None,
) -> Response:
    """What each layer would have computed for a picture at that point of the training."""
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))
    content = await write_activations(pipeline, frame, body, form, split_names(layers), values=values)
    return Response(content, media_type=form)


@router.get(
    "/weights/{layer:path}",
    responses={
        200: {"model": FrameWeights, "content": dict.fromkeys((SAFETENSORS, NPZ, PNG), BINARY)},
        **document_problems(404, 406, 413, 422, 429),
    },
)
async def show_weights_at_frame(  # noqa: PLR0913, PLR0917 - each is a part of the request
    frame: Shown,
    pipeline: Stages,
    layer: LayerName,
    channel: Channel = None,
    values: Values = True,
    accept: Accept = None,
) -> Response:
    """The filters and the bias that a layer had learnt by that point of the training."""
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))
    return Response(await write_weights(pipeline, frame, layer, channel, form, values=values), media_type=form)
