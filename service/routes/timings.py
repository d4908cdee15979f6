"""How long each layer takes: `…/timings`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from service.decode import Picture
from service.inspection.activations import Inspector, check_budget
from service.inspection.layer import Kind
from service.inspection.timings import time_layers
from service.media import JSON, PICTURE_BODY
from service.problems import document_problems
from service.routes.served import Body, Served, Stages
from service.schemas import Answer

router = APIRouter(tags=["inspection"])


class LayerTime(Answer):
    """How long one layer takes."""

    name: str
    kind: Kind
    milliseconds: float = Field(description="median over the runs")


class Timings(Answer):
    """How long every layer takes for one picture: one after the other, on the CPU, nothing fused."""

    model: str
    version: int
    threads: int = Field(description="that onnxruntime computes with; 0: as many as there are cores")
    runs: int = Field(description="that were measured, after one that wasn't")
    layers: list[LayerTime]
    whole_milliseconds: float = Field(description="median of whole runs of the graph as the file has it")
    optimised_milliseconds: float = Field(description="the same as onnxruntime fuses it, which is how it answers")


@router.post(
    "/timings",
    openapi_extra=PICTURE_BODY,
    responses={200: {"model": Timings}, **document_problems(400, 404, 413, 415, 422, 429, 507)},
)
async def show_timings(
    served: Served,
    pipeline: Stages,
    body: Body,
    runs: Annotated[int, Query(description="that the times are the median of", ge=1, le=100)] = 15,
) -> Response:
    """How long each layer takes for a picture, by onnxruntime's own profile of the graph as the file has it."""
    published = served.published

    def look(inspector: Inspector, pixels: Sequence[Picture]) -> str:
        check_budget(inspector.weigh(), pipeline.budget, "this network can't be timed within it")
        found = time_layers(inspector, pixels[0], runs)
        return Timings(
            model=published.name,
            version=published.version,
            threads=found.threads,
            runs=found.runs,
            layers=[
                LayerTime(name=layer.name, kind=layer.kind, milliseconds=found.layers[layer.name])
                for layer in inspector.layers
            ],
            whole_milliseconds=found.whole,
            optimised_milliseconds=found.optimised,
        ).model_dump_json()

    return Response(await pipeline.inspect(served, [body], look), media_type=JSON)
