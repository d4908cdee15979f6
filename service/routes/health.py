"""Whether the service lives and can answer: the Open Inference Protocol's `/v2/health/live` and `/v2/health/ready`."""

from fastapi import APIRouter, Response, status

from service.routes.served import Models
from service.schemas import Liveness, Readiness

router = APIRouter(prefix="/v2/health", tags=["health"])


@router.get("/live")
async def live() -> Liveness:
    """The process answers."""
    return Liveness(live=True)


@router.get("/ready", responses={503: {"model": Readiness, "description": "No model is served."}})
async def ready(registry: Models, response: Response) -> Readiness:
    """At least one model is loaded, warmed up and answers."""
    count = len(registry.models)
    if not count:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(ready=bool(count), models=count)
