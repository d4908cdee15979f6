"""Answers plain requests for predictions, activations and inferences ahead of the framework.

What FastAPI does for a request, finding the route, solving dependencies, checking parameters, wrapping the answer,
costs several times what LeNet-5 does. A request that needs none of it is recognised here by its path and answered by
the same functions that its route calls; whatever is out of the ordinary goes on to the route.
"""

import re
from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from http import HTTPStatus
from typing import NamedTuple, TypeVar

from fastapi.datastructures import State
from starlette.types import Receive, Scope, Send

from service.body import find_body
from service.departure import while_connected
from service.errors import ConvscopeError
from service.media import JSON, SAFETENSORS
from service.pipeline import Pipeline
from service.problems import answer_error, answer_fault
from service.registry import Registry
from service.routes.activations import write_activations
from service.routes.predict import TOP_K, write_prediction
from service.routes.v2.infer import answer_sent, list_headers, read_sent
from service.served import ServedVersion

T = TypeVar("T")

_PATH = re.compile(r"/(v1|v2)/models/([^/]+)/(?:versions/([1-9]\d{0,8})/)?(predict|activations|infer)")
_ENDS = ("/predict", "/activations", "/infer")
_TOP_K = re.compile(rb"(?:top_k=([1-9]\d{0,5}))?")
_WANTS_TENSORS = (b"accept", SAFETENSORS.encode())

_LONGEST = 512
"""Characters of a path and its query that may be plain: they are remembered."""

Headers = list[tuple[bytes, bytes]]

_IS_JSON: Headers = [(b"content-type", JSON.encode())]
_IS_TENSORS: Headers = [(b"content-type", SAFETENSORS.encode())]


class Written(NamedTuple):
    """An answer."""

    content: bytes
    headers: Headers
    """What describes it, but for its length."""


class Plain(NamedTuple):
    """What a plain request asks for."""

    model: str
    version: int | None
    """None: the one that answers."""
    answer: Callable[[Pipeline, ServedVersion, Scope, Receive], Coroutine[object, object, Written]]
    """Reads its body, and answers it."""
    header: tuple[bytes, bytes] | None = None
    """That it has to have."""


class Express:
    """Recognises plain requests and answers them; made before the application has its registry and its pipeline."""

    def __init__(self, state: State) -> None:
        """Answer with what the application's state holds when a request comes."""
        self._state = state

    def recognise(self, scope: Scope) -> Plain | None:
        """What a request asks for, if it is plain: its path, query and method are all that the route would look at."""
        path, query = scope["path"], scope["query_string"]
        if not path.endswith(_ENDS) or scope["method"] != "POST" or scope.get("root_path"):
            return None
        if len(path) + len(query) > _LONGEST:
            return None
        plain = _read_address(path, query)
        if plain is None or (plain.header is not None and plain.header not in scope["headers"]):
            return None
        return plain

    async def answer(self, plain: Plain, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request."""
        registry: Registry = self._state.registry
        try:
            served = await registry.obtain(plain.model, plain.version)
            content, described = await plain.answer(self._state.pipeline, served, scope, receive)
        except ConvscopeError as error:
            await answer_error(error)(scope, receive, send)
        except Exception as error:
            await answer_fault(error)(scope, receive, send)
            raise  # to the server's log
        else:
            headers = [(b"content-length", str(len(content)).encode()), *described]
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
            await send({"type": "http.response.body", "body": content})


@lru_cache(maxsize=4096)
def _read_address(path: str, query: bytes) -> Plain | None:
    """What is asked for there, if a plain request may ask for it."""
    route = _PATH.fullmatch(path)
    if route is None:
        return None
    protocol, model, version, asked = route.groups()
    number = int(version) if version else None
    match protocol, asked:
        case "v1", "predict" if top_k := _TOP_K.fullmatch(query):
            return Plain(model, number, partial(_predict, top_k=int(top_k[1] or TOP_K)))
        case "v1", "activations" if not query:
            return Plain(model, number, _show_activations, _WANTS_TENSORS)
        case "v2", "infer":
            return Plain(model, number, _infer)
    return None


async def _predict(pipeline: Pipeline, served: ServedVersion, scope: Scope, receive: Receive, *, top_k: int) -> Written:
    picture = await find_body(scope, receive).picture(pipeline.limits.max_bytes)
    ranked = await _attend(served, receive, pipeline.predict(served, picture, top_k))
    return Written(write_prediction(served, ranked), _IS_JSON)


async def _show_activations(pipeline: Pipeline, served: ServedVersion, scope: Scope, receive: Receive) -> Written:
    picture = await find_body(scope, receive).picture(pipeline.limits.max_bytes)
    work = write_activations(pipeline, served, picture, SAFETENSORS)
    return Written(await _attend(served, receive, work), _IS_TENSORS)


async def _infer(pipeline: Pipeline, served: ServedVersion, scope: Scope, receive: Receive) -> Written:
    sent = await read_sent(scope, receive, pipeline.limits.max_bytes)
    answer = await _attend(served, receive, answer_sent(pipeline, served, sent))
    return Written(answer.content, list_headers(answer))


async def _attend(served: ServedVersion, receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Work; who answers at once needn't look whether anybody is left to hear it."""
    return await (work if served.inline else while_connected(receive, work))
