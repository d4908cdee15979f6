"""What is served: `/v1/models` and `/v1/models/{model}`."""

from fastapi import APIRouter

from service.contract import EXEMPLARS_FILE, EXEMPLARS_FOLDER, REPORT_FILE
from service.intake import Intake
from service.problems import document_problems
from service.registry import Registry
from service.routes.served import Corrections, Models, Served
from service.schemas import ModelDescription, RefusedVersion
from service.schemas import Models as ModelsAnswer
from service.served import ServedVersion

models_router = APIRouter(tags=["models"])
model_router = APIRouter(tags=["models"])


@models_router.get("/v1/models")
async def list_models(registry: Models, intake: Corrections) -> ModelsAnswer:
    """All served models, each in the version that answers, and the versions that can't be served."""
    return ModelsAnswer(
        provider=registry.runtime.provider,
        models=[describe(registry, model.answering, intake) for model in registry.models.values()],
        refused=[
            RefusedVersion(
                name=refusal.name, version=refusal.version, code=refusal.error.code, detail=str(refusal.error)
            )
            for refusal in registry.refusals
        ],
    )


@model_router.get("", responses=document_problems(404, 422))
async def describe_model(registry: Models, served: Served, intake: Corrections) -> ModelDescription:
    """One model: its labels, input, figures, and how it was made."""
    return describe(registry, served, intake)


def describe(registry: Registry, served: ServedVersion, intake: Intake) -> ModelDescription:
    """What the API tells of a version."""
    published, manifest = served.published, served.published.manifest
    return ModelDescription(
        name=manifest.name,
        version=published.version,
        versions=list(registry.models[manifest.name].versions),
        pinned=registry.models[manifest.name].pinned,
        held=list(registry.models[manifest.name].held),
        description=manifest.description,
        labels=list(manifest.labels),
        input=manifest.input,
        head=manifest.head,
        parameters=manifest.onnx.parameters,
        metrics=manifest.metrics,
        provider=served.runtime.provider,
        threads=served.threads,
        inline=served.inline,
        seconds=served.cost.seconds,
        created=manifest.created.isoformat(),
        dataset=manifest.dataset,
        training=manifest.training,
        imported=manifest.imported,
        parity=published.evidence.parity,
        test=published.evidence.test,
        quantization=published.evidence.quantization,
        int8=published.int8 is not None,
        film=list(manifest.film),
        samples=len(published.evidence.samples),
        report=(published.folder / REPORT_FILE).is_file(),
        exemplars=(published.folder / EXEMPLARS_FOLDER / EXEMPLARS_FILE).is_file(),
        feedback=intake.is_open,
    )
