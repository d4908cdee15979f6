"""The layer table: `…/layers`."""

from fastapi import APIRouter

from service.problems import document_problems
from service.routes.served import Served, Stages
from service.schemas import Layers, LayerTotals

router = APIRouter(tags=["inspection"])


@router.get("/layers", responses=document_problems(404, 422, 429))
async def list_layers(served: Served, pipeline: Stages) -> Layers:
    """Every layer with its kind, shapes, parameters, multiply-accumulates and receptive field."""
    layers = await pipeline.examine(served, lambda inspector: inspector.layers)
    totals = LayerTotals(parameters=sum(layer.parameters for layer in layers), macs=sum(layer.macs for layer in layers))
    published = served.published
    return Layers(model=published.name, version=published.version, layers=list(layers), totals=totals)
