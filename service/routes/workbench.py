"""A kernel of one's own on a picture of one's own: `/v1/workbench`."""

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import Field

from service.body import find_body
from service.decode import decode
from service.inspection.activations import check_budget
from service.inspection.errors import InvalidSteps
from service.inspection.kernels import NAMES, named_kernel
from service.inspection.render import render_maps
from service.inspection.statistics import measure
from service.inspection.steps import describe_steps, read_steps
from service.inspection.workbench import Map, Outcome, lay_out, work
from service.media import BINARY, JSON, NPZ, PNG, SAFETENSORS, choose_format, describe_body
from service.pipeline import Pipeline
from service.problems import document_problems
from service.routes.served import Stages, find_pipeline
from service.schemas import Answer, Workbench
from service.tensors import to_json, to_npz, to_safetensors

router = APIRouter(tags=["inspection"])

_STEPS = "steps"

_LONGEST = 2**20
"""Characters of the steps: weights by the hundred thousand."""

_JSON, _WEIGHTS = 6, 4
"""Memory that values take as JSON, and weights on their way into a graph, against float32."""

_EXAMPLE = '[{"kind": "conv", "kernel": "sobel-x"}, {"kind": "relu"}, {"kind": "max_pool", "size": 5}]'
_SCHEMA, STEP_SCHEMAS = describe_steps("#/components/schemas/{model}")
"""Of the list of steps; and of each kind of step by name, for the components of the OpenAPI document."""

_FORM = describe_body(**{
    _STEPS: {"type": "string", "description": "JSON, as the query's `steps`", "example": _EXAMPLE}
})  # fmt: skip


async def _read_request(
    request: Request, pipeline: Annotated[Pipeline, Depends(find_pipeline)],
    steps: Annotated[str | None, Query(
        description=f"the steps as JSON, one after the other: {_EXAMPLE}", json_schema_extra={
            "contentMediaType": "application/json", "contentSchema": _SCHEMA,
        },
    )] = None,
) -> tuple[bytes, str]:  # fmt: skip
    """The picture and the steps' text, from the query or from the form's field.

    Raises:
        InvalidSteps: there are none, or they are too long.
        RequestError: see `body.Body.form`.
    """
    form = await find_body(request.scope, request.receive).form(pipeline.limits.max_bytes, most=1)
    text = form.fields.get(_STEPS, "") if steps is None else steps
    if not text:
        raise InvalidSteps(f"no steps: put them into the query or the form's field '{_STEPS}', for example {_EXAMPLE}")
    if len(text) > _LONGEST:
        raise InvalidSteps(f"the steps have {len(text):,} characters; the limit is {_LONGEST:,}")
    return form.pictures[0], text


Order = Annotated[tuple[bytes, str], Depends(_read_request)]


class NamedKernel(Answer):
    """A kernel that has a name."""

    name: str
    weights: list[list[float]] = Field(description="rows of numbers")


class Kernels(Answer):
    """The kernels that a convolution on the workbench can be given by name."""

    kernels: list[NamedKernel]


@router.get("/v1/workbench")
async def list_kernels() -> Kernels:
    """The kernels that have a name, with their numbers: a square of weights each."""
    return Kernels(kernels=[NamedKernel(name=name, weights=named_kernel(name).tolist()) for name in NAMES])


@router.post(
    "/v1/workbench",
    openapi_extra=_FORM,
    responses={
        200: {"model": Workbench, "content": dict.fromkeys((SAFETENSORS, NPZ, PNG), BINARY)},
        **document_problems(400, 406, 413, 415, 422, 429),
    },
)
async def do_steps(
    pipeline: Stages,
    order: Order,
    gray: Annotated[bool, Query(description="turn the picture into one channel first")] = False,
    values: Annotated[bool, Query(description="JSON only: false leaves the values out, the statistics stay")] = True,
    accept: Annotated[str | None, Header(description="the format of the answer")] = None,
) -> Response:
    """Do convolutions, activations and poolings to a picture: what each step makes of it, and its shape.

    The picture is taken at its own size, its values from 0 to 1.
    """
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))
    body, text = order

    def answer() -> bytes:
        steps = read_steps(text)
        pixels = decode(body, pipeline.limits)
        channels = 1 if gray else 3
        bench = lay_out(steps, (channels, *pixels.shape[:2]))
        held = (bench.size + channels * pixels[..., 0].size) * (_JSON if form == JSON else 2)
        check_budget(4 * (held + _WEIGHTS * sum(bench.parameters)), pipeline.budget,
                     "send a smaller picture, or fewer or smaller filters")  # fmt: skip
        bench.check_work()
        picture = _scale(pixels, gray)
        return _encode(form, picture, work(bench, steps, picture), values)

    return Response(await pipeline.inspection.run(answer), media_type=form)


def _scale(pixels: np.ndarray[Any, np.dtype[np.uint8]], gray: bool) -> Map:
    """(H, W, 3) uint8 to (C, H, W) float32 in [0, 1]; grey by the weights of ITU-R BT.601, as Pillow has it."""
    planes = pixels.transpose(2, 0, 1).astype(np.float32) / 255
    if gray:
        planes = np.tensordot(np.array([[0.299, 0.587, 0.114]], np.float32), planes, axes=1)
    return np.ascontiguousarray(planes, np.float32)


def _encode(form: str, picture: Map, outcomes: list[Outcome], values: bool) -> bytes:
    names = [f"{number} {outcome.kind}" for number, outcome in enumerate(outcomes)]
    tensors = {name: outcome.maps for name, outcome in zip(names, outcomes, strict=True)}
    match form:
        case "application/vnd.safetensors":
            return to_safetensors(tensors, {})
        case "application/x-npz":
            return to_npz(tensors)
        case "image/png":
            return render_maps(list(tensors.items()))
    rows = [
        {
            "kind": outcome.kind,
            "shape": outcome.maps.shape,
            "parameters": outcome.parameters,
            "statistics": asdict(measure(outcome.maps)),
            "values": outcome.maps if values else None,
        }
        for outcome in outcomes
    ]
    return to_json({"input_shape": picture.shape, "steps": rows})
