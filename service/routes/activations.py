"""What the network saw and computed: `…/input` and `…/activations`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from service.contract import PIXELS
from service.decode import Picture
from service.inspection.activations import Activation
from service.inspection.layer import Layer
from service.inspection.render import render_activations, to_png
from service.inspection.statistics import measure
from service.media import BINARY, JSON, NPZ, PICTURE_BODY, PNG, SAFETENSORS, choose_format
from service.pipeline import Inside, Pipeline
from service.problems import document_problems
from service.routes.served import Body, Served, Stages
from service.schemas import Activations, Pixels
from service.tensors import to_json, to_npz, to_safetensors

router = APIRouter(tags=["inspection"])

Accept = Annotated[str | None, Header(description="the format of the answer")]
Layers = Annotated[
    list[str], Query(description="names from the layer table, repeated or separated by commas; none: all")
]
Values = Annotated[bool, Query(description="JSON only: false leaves the values out, the statistics stay")]

_WEIGHTS = {JSON: 6, SAFETENSORS: 2, NPZ: 2, PNG: 3}
"""Memory that values take together with the answer that is made of them, against float32: about 20 digits as JSON."""


def document_formats(model: type, *binary: str) -> dict[int | str, dict[str, Any]]:
    """What a route answers to a picture, as JSON or in other formats, for the OpenAPI document."""
    content = dict.fromkeys(binary, BINARY)
    return {200: {"model": model, "content": content}, **document_problems(400, 404, 406, 413, 415, 422, 429)}


@router.post("/input", openapi_extra=PICTURE_BODY, responses=document_formats(Pixels, PNG, SAFETENSORS, NPZ))
async def show_input(served: Served, pipeline: Stages, body: Body, accept: Accept = None) -> Response:
    """The exact pixels that the network sees of a picture: decoded, turned upright, resized, normalised."""
    form = choose_format(accept, (JSON, PNG, SAFETENSORS, NPZ))
    content = await pipeline.show_input(served, body, lambda pixels: _encode_input(form, served, pixels))
    return Response(content, media_type=form)


@router.post("/activations", openapi_extra=PICTURE_BODY, responses=document_formats(Activations, SAFETENSORS, NPZ, PNG))
async def show_activations(  # noqa: PLR0913, PLR0917 - each is a part of the request
    served: Served,
    pipeline: Stages,
    body: Body,
    layers: Layers = [],  # noqa: B006 - FastAPI copies it
    values: Values = True,
    accept: Accept = None,
) -> Response:
    """What each layer computed for a picture: statistics and values, or tensors by layer name, or a picture of them."""
    form = choose_format(accept, (JSON, SAFETENSORS, NPZ, PNG))
    content = await write_activations(pipeline, served, body, form, split_names(layers), values=values)
    return Response(content, media_type=form)


def split_names(layers: Sequence[str]) -> list[str]:
    """The names that the parameter `layers` holds."""
    return [name for item in layers for name in item.split(",") if name]


async def write_activations(  # noqa: PLR0913 - each is a part of the request
    pipeline: Pipeline, served: Inside, body: bytes, form: str, names: Sequence[str] = (), *, values: bool = True
) -> bytes:
    """What layers compute for a picture, in one of the formats on offer.

    Args:
        pipeline: answers it.
        served: whose layers.
        body: the encoded picture.
        form: the media type of the answer.
        names: of the layers; none: all.
        values: with the values, where it is JSON.

    Raises:
        RequestError: see `Pipeline.activations`.
    """
    weight = _WEIGHTS[form] if values else 1
    return await pipeline.activations(served, body, names, lambda found: _encode(form, served, found, values), weight)


def _encode_input(form: str, served: Inside, pixels: Picture) -> bytes:
    match form:
        case "image/png":
            return to_png(pixels)
        case "application/vnd.safetensors":
            return to_safetensors({PIXELS: pixels}, name_source(served))
        case "application/x-npz":
            return to_npz({PIXELS: pixels})
    return to_json({**served.identity, "shape": pixels.shape, "values": pixels})


def _encode(form: str, served: Inside, activations: Sequence[tuple[Layer, Activation]], values: bool) -> bytes:
    tensors = {layer.name: activation for layer, activation in activations}
    match form:
        case "application/vnd.safetensors":
            return to_safetensors(tensors, name_source(served))
        case "application/x-npz":
            return to_npz(tensors)
        case "image/png":
            return render_activations(activations)
    rows = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "shape": activation.shape,
            "statistics": asdict(measure(activation)),
            "values": activation if values else None,
        }
        for layer, activation in activations
    ]
    return to_json({**served.identity, "layers": rows})


def name_source(served: Inside) -> dict[str, str]:
    """What tensors are of, for the metadata of their file."""
    return {key: str(value) for key, value in served.identity.items()}
