"""Answers plain requests for predictions and activations ahead of the framework.

What FastAPI does for a request, finding the route, solving dependencies, checking parameters, wrapping the answer,
costs several times what LeNet-5 does. A request that needs none of it is recognised here by its path and answered by
the same functions that its route calls; whatever is out of the ordinary goes on to the route.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import NamedTuple, TypeVar

from fastapi.datastructures import State
from starlette.types import Receive, Scope, Send

from service.body import find_body, wait_for_departure
from service.errors import ClientLeft, ConvscopeError
from service.media import JSON, SAFETENSORS
from service.pipeline import Pipeline
from service.problems import answer_error, answer_fault
from service.registry import Registry
from service.routes.activations import write_activations
from service.routes.predict import TOP_K, write_prediction
from service.served import ServedVersion

T = TypeVar("T")

_PATH = re.compile(r"/v1/models/([^/]+)/(?:versions/([1-9]\d{0,8})/)?(predict|activations)")
_TOP_K = re.compile(rb"(?:top_k=([1-9]\d{0,5}))?")
_WANTS_TENSORS = (b"accept", SAFETENSORS.encode())


class Plain(NamedTuple):
    """What a plain request asks for."""

    model: str
    version: int | None
    """None: the latest."""
    answer: Callable[[Pipeline, ServedVersion, bytes], Coroutine[object, object, bytes]]
    """Makes the content of the answer, of the encoded picture."""
    content_type: str


class Express:
    """Recognises plain requests and answers them; made before the application has its registry and its pipeline."""

    def __init__(self, state: State) -> None:
        """Answer with what the application's state holds when a request comes."""
        self._state = state

    def recognise(self, scope: Scope) -> Plain | None:
        """What a request asks for, if it is plain: its path, query and method are all that the route would look at."""
        path: str = scope["path"]
        if not path.endswith(("/predict", "/activations")) or scope["method"] != "POST" or scope.get("root_path"):
            return None
        route = _PATH.fullmatch(path)
        if route is None:
            return None
        model, version, asked = route.groups()
        number = int(version) if version else None
        if asked == "predict" and (query := _TOP_K.fullmatch(scope["query_string"])):
            return Plain(model, number, partial(_predict, top_k=int(query[1] or TOP_K)), JSON)
        if asked == "activations" and not scope["query_string"] and _WANTS_TENSORS in scope["headers"]:
            return Plain(model, number, _show_activations, SAFETENSORS)
        return None

    async def answer(self, plain: Plain, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request."""
        try:
            content = await self._make(plain, scope, receive)
        except ConvscopeError as error:
            await answer_error(error)(scope, receive, send)
        except Exception as error:
            await answer_fault(error)(scope, receive, send)
            raise  # to the server's log
        else:
            headers = [
                (b"content-length", str(len(content)).encode()), (b"content-type", plain.content_type.encode())
            ]  # fmt: skip
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
            await send({"type": "http.response.body", "body": content})

    async def _make(self, plain: Plain, scope: Scope, receive: Receive) -> bytes:
        registry: Registry = self._state.registry
        pipeline: Pipeline = self._state.pipeline
        served = await registry.obtain(plain.model, plain.version)
        picture = await find_body(scope, receive).picture(pipeline.limits.max_bytes)
        work = plain.answer(pipeline, served, picture)
        # Who answers at once needn't look whether anybody is left to hear it.
        return await (work if served.inline else _while_connected(receive, work))


async def _predict(pipeline: Pipeline, served: ServedVersion, picture: bytes, top_k: int) -> bytes:
    return write_prediction(served, await pipeline.predict(served, picture, top_k))


async def _show_activations(pipeline: Pipeline, served: ServedVersion, picture: bytes) -> bytes:
    return await write_activations(pipeline, served, picture, SAFETENSORS)


async def _while_connected(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Work for as long as the client waits for it.

    Raises:
        ClientLeft: it doesn't any more; the work was cancelled.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(wait_for_departure(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft("the connection was closed before there was an answer")
        return working.result()
    finally:
        for task in (working, leaving):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
