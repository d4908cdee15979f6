"""The filters and biases of a layer: `…/weights/{layer}`."""

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from service.inspection.activations import Inspector, check_budget
from service.inspection.filters import render_weights
from service.inspection.layer import Kind, Layer
from service.inspection.statistics import measure
from service.inspection.weights import Weights, read_weights, weigh_weights
from service.media import BINARY, JSON, NPZ, PNG, SAFETENSORS, choose_format
from service.pipeline import Inside, Pipeline
from service.problems import document_problems
from service.routes.activations import Accept, Values, name_source
from service.routes.served import Served, Stages
from service.schemas import Answer, Statistics
from service.tensors import to_json, to_npz, to_safetensors

router = APIRouter(tags=["inspection"])

LayerName = Annotated[str, Path(description="a name from the layer table", examples=["conv1"])]
Channel = Annotated[int | None, Query(description="what makes this channel alone, from 0; none: everything")]

_BYTES = {JSON: 40, PNG: 16}
"""Memory that a number takes on its way into an answer, about; 12 in the binary formats."""


class LayerWeight(Answer):
    """One array of a layer's weights."""

    name: str = Field(description="what it is: weight, bias, scale, mean, variance, slope or constant")
    shape: list[int] = Field(description="weight: filters first; of a transposed convolution, the channels read first")
    statistics: Statistics
    values: Any = Field(description="nested lists of `shape`; null when values=false")


class LayerWeights(Answer):
    """What a layer has learnt."""

    model: str
    version: int
    layer: str
    kind: Kind
    operator: str
    channel: int | None = Field(description="the one that was asked for; null: all")
    weights: list[LayerWeight]


@router.get(
    "/weights/{layer:path}",
    responses={
        200: {"model": LayerWeights, "content": dict.fromkeys((SAFETENSORS, NPZ, PNG), BINARY)},
        **document_problems(404, 406, 413, 422, 429),
    },
)
async def show_weights(  # noqa: PLR0913, PLR0917 - each is a part of the request
    served: Served,
    pipeline: Stages,
    layer: LayerName,
    channel: Channel = None,
    values: Values = True,
    accept: Accept = None,
) -> Response:
    """The filters and the bias of a layer, or a picture of them: in colour where the filters read three channels."""
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))
    return Response(await write_weights(pipeline, served, layer, channel, form, values=values), media_type=form)


async def write_weights(  # noqa: PLR0913 - each is a part of the request
    pipeline: Pipeline, served: Inside, layer: str, channel: int | None, form: str, *, values: bool
) -> bytes:
    """What a layer has learnt, in one of the formats on offer.

    Args:
        pipeline: answers it.
        served: whose layer.
        layer: its name.
        channel: that is asked for alone; None: all.
        form: the media type of the answer.
        values: with the values, where it is JSON.

    Raises:
        RequestError: see `read_weights`, or it is too much for one request.
    """

    def look(inspector: Inspector) -> bytes:
        row = inspector.table.find(layer)
        each = 4 if channel is not None else _BYTES.get(form, 12) if values or form != JSON else 12
        wanted = weigh_weights(inspector.table, row) * each
        check_budget(wanted, pipeline.budget, "ask for one channel (channel=…), or in a binary format")
        weights = read_weights(inspector.table, row, channel)
        return _encode(form, served, row, weights, channel, values=values)

    return await pipeline.examine(served, look)


def _encode(  # noqa: PLR0913 - each is a part of the answer
    form: str, served: Inside, layer: Layer, weights: Weights, channel: int | None, *, values: bool
) -> bytes:
    match form:
        case "application/vnd.safetensors":
            return to_safetensors(weights, name_source(served))
        case "application/x-npz":
            return to_npz(weights)
        case "image/png":
            only = "" if channel is None else f"   channel {channel}"
            return render_weights(f"{layer.name}{only}   {layer.kind}", weights)
    rows = [
        {
            "name": name,
            "shape": array.shape,
            "statistics": asdict(measure(np.asarray(array, np.float32))),
            "values": np.ascontiguousarray(array, np.float32) if values else None,
        }
        for name, array in weights.items()
    ]
    told = {"layer": layer.name, "kind": layer.kind, "operator": layer.operator, "channel": channel}
    return to_json({**served.identity, **told, "weights": rows})
