"""The filters and biases of a layer: `…/weights/{layer}`."""

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic import Field

from service.inspection.activations import Inspector, check_budget
from service.inspection.filters import render_weights
from service.inspection.layer import Kind, Layer
from service.inspection.statistics import measure
from service.inspection.weights import Weights, read_weights, weigh_weights
from service.media import BINARY, JSON, NPZ, PNG, SAFETENSORS, choose_format
from service.problems import document_problems
from service.routes.served import Served, Stages
from service.schemas import Answer, Statistics
from service.served import ServedVersion
from service.tensors import to_json, to_npz, to_safetensors

router = APIRouter(tags=["inspection"])

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
    layer: Annotated[str, Path(description="a name from the layer table", examples=["conv1"])],
    channel: Annotated[int | None, Query(description="what makes this channel alone, from 0; none: everything")] = None,
    values: Annotated[bool, Query(description="JSON only: false leaves the values out, the statistics stay")] = True,
    accept: Annotated[str | None, Header(description="the format of the answer")] = None,
) -> Response:
    """The filters and the bias of a layer, or a picture of them: in colour where the filters read three channels."""
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))

    def look(inspector: Inspector) -> bytes:
        row = inspector.table.find(layer)
        each = 4 if channel is not None else _BYTES.get(form, 12) if values or form != JSON else 12
        wanted = weigh_weights(inspector.table, row) * each
        check_budget(wanted, pipeline.budget, "ask for one channel (channel=…), or in a binary format")
        weights = read_weights(inspector.table, row, channel)
        return _encode(form, served, row, weights, channel, values=values)

    return Response(await pipeline.examine(served, look), media_type=form)


def _encode(  # noqa: PLR0913 - each is a part of the answer
    form: str, served: ServedVersion, layer: Layer, weights: Weights, channel: int | None, *, values: bool
) -> bytes:
    head: dict[str, object] = {"model": served.published.name, "version": served.published.version}
    match form:
        case "application/vnd.safetensors":
            return to_safetensors(weights, {key: str(value) for key, value in head.items()})
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
    head |= {"layer": layer.name, "kind": layer.kind, "operator": layer.operator, "channel": channel}
    return to_json({**head, "weights": rows})
