"""Which pixels decided: `…/attributions`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import Field

from service.decode import Picture, decode
from service.inspection.activations import Inspector, check_budget
from service.inspection.attribution.explain import Attribution, Method, Options, Question, explain
from service.inspection.attribution.overlay import draw, paint, stack
from service.inspection.attribution.placement import place
from service.inspection.attribution.subject import Figure, Map
from service.inspection.render import to_png
from service.media import BINARY, JSON, PICTURE_BODY, PNG, SAFETENSORS, choose_format
from service.pipeline import Pipeline
from service.preprocess import find_view
from service.problems import document_problems
from service.routes.served import Bodies, Served, Stages
from service.schemas import Answer
from service.served import ServedVersion
from service.tensors import to_json, to_safetensors

router = APIRouter(tags=["inspection"])


_DRAWING = 48
"""Bytes of memory that drawing takes for a pixel."""


class AttributionMap(Answer):
    """How much each pixel of the network's input speaks for a class."""

    model: str
    version: int
    method: Method
    class_: int = Field(alias="class", description="position among the model's labels")
    label: str
    layer: str | None = Field(description="whose maps were weighed, where the method does that")
    score: float = Field(description="the class's logit, which the map explains")
    shape: list[int] = Field(description="height and width of the network's input")
    values: list[list[float]] = Field(description="nested lists of `shape`")
    channels: list[list[list[float]]] | None = Field(
        description="the same by colour channel, signed, where the method tells them apart"
    )
    figures: dict[str, Figure] = Field(
        description="the method's own; integrated-gradients: `completeness_error`, the share of the difference of"
        " scores that the map's sum misses"
    )


class AttributionMaps(Answer):
    """The answer to a form with several pictures: a map for each, in their order."""

    maps: list[AttributionMap]


class AttributionQuery(Options):
    """The parameters of the request."""

    method: Method = Field(default="grad-cam", description="how it is found out")
    class_: str | None = Field(
        default=None,
        alias="class",
        description="a label or a number; none: the class that is predicted",
        examples=["7"],
    )
    layer: str | None = Field(
        default=None, description="grad-cam, grad-cam++, score-cam: whose maps; none: the last that has any"
    )
    overlay: bool = Field(default=False, description="PNG only: over the picture")
    size: Literal["own", "network"] = Field(
        default="network", description="PNG only: of the network's input, or of the picture as it was sent"
    )
    scale: bool = Field(default=True, description="PNG only: false leaves title and colour scale out")

    @property
    def question(self) -> Question:
        """What of it is about the network."""
        options = Options.model_validate(self.model_dump(include=set(Options.model_fields)))
        return Question(self.method, self.class_, self.layer, options)


@dataclass(frozen=True)
class _Found:
    body: bytes
    """The encoded picture."""
    attribution: Attribution
    pixels: Picture
    """(h, w, c) uint8: what the network saw."""


@router.post(
    "/attributions",
    openapi_extra=PICTURE_BODY,
    responses={
        200: {"model": AttributionMap | AttributionMaps, "content": {PNG: BINARY, SAFETENSORS: BINARY}},
        **document_problems(400, 404, 406, 413, 415, 422, 429),
    },
)
async def show_attribution(
    served: Served,
    pipeline: Stages,
    bodies: Bodies,
    query: Annotated[AttributionQuery, Query()],
    accept: Annotated[str | None, Header(description="the format of the answer")] = None,
) -> Response:
    """Which pixels of the picture speak for a class, by one of seven methods, at the size of the network's input.

    A form may have several fields `file`. As JSON the answer then has `maps`, one for each; as a PNG they lie one below
    the other; as tensors they are numbered.
    """
    form = choose_format(accept, (JSON, SAFETENSORS, PNG))
    question, labels = query.question, served.published.manifest.labels

    def look(inspector: Inspector, pictures: Sequence[Picture]) -> bytes:
        found = []
        for body, pixels in zip(bodies, pictures, strict=True):
            (attribution,) = explain(inspector, labels, pixels[np.newaxis], question, pipeline.budget)
            found.append(_Found(body, attribution, pixels))
        match form:
            case "image/png":
                return to_png(stack(_draw(pipeline, served, found, query)))
            case "application/vnd.safetensors":
                return _to_tensors(served, found, query)
        return _to_json(served, found, query)

    return Response(await pipeline.inspect(served, bodies, look), media_type=form)


def _draw(pipeline: Pipeline, served: ServedVersion, found: Sequence[_Found], query: AttributionQuery) -> list[Picture]:
    drawn: list[Picture] = []
    for each in found:
        picture = decode(each.body, pipeline.limits) if query.size == "own" else each.pixels
        wanted = _DRAWING * picture[..., 0].size + sum(2 * other.nbytes for other in drawn)
        check_budget(wanted, pipeline.budget, "ask for size=network, or of fewer pictures")
        values = each.attribution.heat.values
        if query.size == "own":
            values = place(values, find_view(picture, served.published.manifest.input), *picture.shape[:2])
        painted = paint(values, picture if query.overlay else None)
        drawn.append(draw(painted, _title(each.attribution, query), values) if query.scale else painted)
    return drawn


def _title(attribution: Attribution, query: AttributionQuery) -> list[str]:
    place_ = f" at {attribution.layer.name}" if attribution.layer else ""
    return [f"{query.method}{place_}", f"for {attribution.target.label!r}, score {attribution.score:.4g}"]


def _describe(served: ServedVersion, attribution: Attribution, query: AttributionQuery) -> dict[str, Any]:
    return {
        "model": served.published.name,
        "version": served.published.version,
        "method": query.method,
        "class": attribution.target.index,
        "label": attribution.target.label,
        "layer": attribution.layer.name if attribution.layer else None,
        "score": attribution.score,
    }


def _to_tensors(served: ServedVersion, found: Sequence[_Found], query: AttributionQuery) -> bytes:
    tensors: dict[str, Map] = {}
    described: dict[str, str] = {}
    for number, each in enumerate(found):
        heat, prefix = each.attribution.heat, "" if len(found) == 1 else f"{number}."
        tensors[f"{prefix}values"] = heat.values
        if heat.channels is not None:
            tensors[f"{prefix}channels"] = heat.channels
        items = {**_describe(served, each.attribution, query), **heat.figures}
        described |= {f"{prefix}{key}": str(value) for key, value in items.items() if value is not None}
    return to_safetensors(tensors, described)


def _to_json(served: ServedVersion, found: Sequence[_Found], query: AttributionQuery) -> bytes:
    maps = []
    for each in found:
        heat = each.attribution.heat
        maps.append({
            **_describe(served, each.attribution, query),
            "shape": heat.values.shape,
            "values": np.ascontiguousarray(heat.values),
            "channels": None if heat.channels is None else np.ascontiguousarray(heat.channels),
            "figures": heat.figures,
        })  # fmt: skip
    return to_json(maps[0] if len(maps) == 1 else {"maps": maps})
