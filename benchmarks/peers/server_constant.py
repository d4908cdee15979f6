"""Turns any body into the same answer, as long as a prediction of LeNet-5's: what a Starlette route costs at least.

uvicorn server_constant:app --workers N; POST /predict, the body is read and not looked at.
"""

import json

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

ANSWER = json.dumps(
    {
        "model": "constant",
        "version": 1,
        "predictions": [{"label": f"class_{n}", "index": n, "probability": 0.10186784824728966} for n in range(5)],
    },
    separators=(",", ":"),
).encode()


async def predict(request):
    await request.body()
    return Response(ANSWER, media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
