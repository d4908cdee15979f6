"""Why a number is what it is: `…/trace`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from service.decode import Picture
from service.inspection.activations import Inspector, check_budget
from service.inspection.arithmetic.number import trace
from service.inspection.arithmetic.reading import weigh
from service.inspection.arithmetic.trace import ServedTrace
from service.media import JSON, PICTURE_BODY
from service.problems import document_problems
from service.routes.served import Body, Served, Stages

router = APIRouter(tags=["inspection"])


@router.post(
    "/trace",
    openapi_extra=PICTURE_BODY,
    responses={200: {"model": ServedTrace}, **document_problems(400, 404, 413, 415, 422, 429)},
)
async def trace_number(  # noqa: PLR0913, PLR0917 - each is a part of the request
    served: Served,
    pipeline: Stages,
    body: Body,
    layer: Annotated[str, Query(description="a name from the layer table", examples=["conv1"])],
    channel: Annotated[int, Query(description="counted from 0", examples=[0])],
    y: Annotated[int | None, Query(description="row, from 0; none where the layer has no rows", examples=[10])] = None,
    x: Annotated[int | None, Query(description="column, likewise", examples=[10])] = None,
    top: Annotated[int, Query(description="products of a dense layer that are told one by one", ge=1, le=10_000)] = 50,
) -> Response:
    """Why one number of a layer's output is what it is: what went in, what was done to it, and where that came from."""
    published = served.published

    def look(inspector: Inspector, pixels: Sequence[Picture]) -> str:
        check_budget(weigh(inspector, layer), pipeline.budget, "ask for a number of a smaller layer")
        found = trace(inspector, pixels[0], layer, channel, y, x, top)
        return ServedTrace(**dict(found), model=published.name, version=published.version).model_dump_json(
            by_alias=True
        )

    return Response(await pipeline.inspect(served, [body], look), media_type=JSON)
