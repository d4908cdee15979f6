"""Whether the service lives and can answer: the Open Inference Protocol's `/v2/health/live` and `/v2/health/ready`."""

from fastapi import APIRouter, Request, Response, status

from service.life import Life, Phase
from service.schemas import Liveness, Readiness

router = APIRouter(prefix="/v2/health", tags=["health"])


@router.get("/live")
async def live() -> Liveness:
    """The process answers."""
    return Liveness(live=True)


@router.get("/ready", responses={503: {"model": Readiness, "description": "Loading, draining, or no model is served."}})
async def ready(request: Request, response: Response) -> Readiness:
    """Models are loaded, at least one answers, and the service wasn't told to stop."""
    life: Life = request.app.state.life
    count = 0 if life.phase is Phase.LOADING else len(request.app.state.registry.models)
    is_ready = life.phase is Phase.SERVING and count > 0
    if not is_ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(ready=is_ready, phase=life.phase, models=count)
