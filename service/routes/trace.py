"""Why a number is what it is: `…/trace`."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.decode import Picture
from service.inspection.activations import Inspector, check_budget
from service.inspection.arithmetic.number import trace
from service.inspection.arithmetic.reading import weigh
from service.inspection.arithmetic.trace import ServedTrace, Trace
from service.media import PICTURE_BODY
from service.problems import document_problems
from service.routes.served import Body, Served, Stages

router = APIRouter(tags=["inspection"])


@router.post("/trace", openapi_extra=PICTURE_BODY, responses=document_problems(400, 404, 413, 415, 422, 429))
async def trace_number(  # noqa: PLR0913, PLR0917 - each is a part of the request
    served: Served,
    pipeline: Stages,
    body: Body,
    layer: Annotated[str, Query(description="a name from the layer table", examples=["conv1"])],
    channel: Annotated[int, Query(description="counted from 0", examples=[0])],
    y: Annotated[int | None, Query(description="row, from 0; none where the layer has no rows", examples=[10])] = None,
    x: Annotated[int | None, Query(description="column, likewise", examples=[10])] = None,
    top: Annotated[int, Query(description="products of a dense layer that are told one by one", ge=1, le=10_000)] = 50,
) -> ServedTrace:
    """Why one number of a layer's output is what it is: what went in, what was done to it, and where that came from."""

    def look(inspector: Inspector, pixels: Picture) -> Trace:
        check_budget(weigh(inspector, layer), pipeline.budget, "ask for a number of a smaller layer")
        return trace(inspector, pixels, layer, channel, y, x, top)

    found = await pipeline.inspect(served, body, look)
    published = served.published
    return ServedTrace(**dict(found), model=published.name, version=published.version)
