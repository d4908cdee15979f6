"""Turns the protocol's calls into answers: one method each, of the same functions that REST calls."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import grpc

from service.admission import Limits
from service.errors import ConvscopeError, TooBusy, TooLate
from service.grpc.convert import read_request, write_answer
from service.grpc.messages import MESSAGES, SERVICE
from service.guard import find_key
from service.keys import Keys, Scope
from service.life import Life, Phase
from service.pipeline import Pipeline
from service.protocol.infer import infer
from service.protocol.metadata import describe_model, describe_server
from service.protocol.repository import check_load, list_index
from service.registry import Registry
from service.served import ServedVersion
from service.versions import read_number
from service.visit import Visiting, current

log = logging.getLogger("convscope")

Message = Any
"""Of a class that `messages` makes."""

Answer = Callable[[Message, Scope], Awaitable[Message]]
"""Of a message, and what its sender may do."""

_CODES: dict[int, grpc.StatusCode] = {
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
"""What an error's status is called here; other 4xx are INVALID_ARGUMENT, other 5xx INTERNAL."""

_OPEN = ("ServerLive", "ServerReady")
"""Calls that never need a key."""

_OF_ADMINS = ("RepositoryModelLoad", "RepositoryModelUnload")
"""Calls that always need one with the scope `admin`."""


class Servicer:
    """Answers calls."""

    def __init__(  # noqa: PLR0913, PLR0917 - each a part of the service
        self,
        life: Life,
        registry: Registry,
        pipeline: Pipeline,
        keys: Keys,
        limits: Limits,
        visiting: Visiting,
    ) -> None:
        """Answer of what is served.

        Args:
            life: whether calls are wanted.
            registry: the models being served.
            pipeline: the way of a picture through one.
            keys: that are known.
            limits: of all calls together, as of all requests.
            visiting: goes around each call.
        """
        self._visiting = visiting
        self._life = life
        self._registry = registry
        self._pipeline = pipeline
        self._keys = keys
        self._limits = limits
        self._calls = 0
        """That are being answered, of those that are work."""

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server is given."""
        answers: Mapping[str, Answer] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                self._guarding(name, answer),
                request_deserializer=MESSAGES[f"{name}Request"].FromString,
                response_serializer=MESSAGES[f"{name}Response"].SerializeToString,
            )
            for name, answer in answers.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _guarding(self, name: str, answer: Answer) -> Callable[[Message, grpc.aio.ServicerContext], Awaitable[Message]]:
        """A call's way to its answer, past the keys and the limits, and an error's to its status."""
        needed = Scope.ADMIN if name in _OF_ADMINS else Scope.PREDICT
        is_limited = name not in _OPEN and name not in _OF_ADMINS

        async def call(request: Message, context: grpc.aio.ServicerContext) -> Message:
            with self._visiting(_describe(name, context), _read_headers(context)) as visit:
                visit.route, visit.received = visit.scope["path"], request.ByteSize()
                context.set_trailing_metadata((("x-request-id", visit.request_id),))
                answer = await work(request, context)
                visit.status, visit.sent = HTTPStatus.OK, answer.ByteSize()
                return answer

        async def work(request: Message, context: grpc.aio.ServicerContext) -> Message:
            try:
                granted = needed if name in _OPEN else self._keys.check(_find_key(context), needed)
                if not is_limited:
                    return await answer(request, granted)
                with self._place():
                    async with asyncio.timeout(self._limits.seconds):
                        return await answer(request, granted)
            except TimeoutError:
                told = (
                    f"no answer within {self._limits.seconds:g} s (CONVSCOPE_REQUEST_SECONDS); ask for less at a time"
                )
                await _refuse(context, TooLate(told))
            except ConvscopeError as error:
                await _refuse(context, error)
            except Exception as error:
                log.exception("a call over gRPC failed")
                detail = f"the service failed ({type(error).__name__}); its log has the details"
                await _refuse(context, ConvscopeError(detail))

        return call

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places that there are for calls at a time; see `admission`."""
        if self._calls >= self._limits.requests:
            raise TooBusy(f"{self._calls} calls are being answered, all that may be; try again later")
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def _live(self, _: Message, __: Scope) -> Message:
        return MESSAGES["ServerLiveResponse"](live=True)

    async def _ready(self, _: Message, __: Scope) -> Message:
        is_ready = self._life.phase is Phase.SERVING and bool(self._registry.models)
        return MESSAGES["ServerReadyResponse"](ready=is_ready)

    async def _model_ready(self, request: Message, __: Scope) -> Message:
        await self._find(request.name, request.version)
        return MESSAGES["ModelReadyResponse"](ready=True)

    async def _metadata(self, _: Message, __: Scope) -> Message:
        return MESSAGES["ServerMetadataResponse"](**describe_server())

    async def _model_metadata(self, request: Message, __: Scope) -> Message:
        served = await self._find(request.name, request.version)
        return MESSAGES["ModelMetadataResponse"](**describe_model(self._registry, served))

    async def _infer(self, request: Message, granted: Scope) -> Message:
        served = await self._find(request.model_name, request.model_version)
        answer = await infer(self._pipeline, served, read_request(request), granted)
        return await self._pipeline.encode(lambda: write_answer(answer), answer.size)

    async def _index(self, request: Message, __: Scope) -> Message:
        return MESSAGES["RepositoryIndexResponse"](models=list_index(self._registry, only_ready=request.ready))

    async def _load(self, request: Message, __: Scope) -> Message:
        check_load(request.parameters)
        await self._registry.load(_named(request))
        return MESSAGES["RepositoryModelLoadResponse"]()

    async def _unload(self, request: Message, __: Scope) -> Message:
        await self._registry.unload(_named(request))
        return MESSAGES["RepositoryModelUnloadResponse"]()

    async def _find(self, name: str, version: str) -> ServedVersion:
        return await self._registry.obtain(name, read_number(version) if version else None)


def _named(request: Message) -> str:
    """The model; KServe's own numbering of the fields has it in the place of the repository."""
    return request.model_name or request.repository_name  # type: ignore[no-any-return]  # both are strings


def _describe(name: str, context: grpc.aio.ServicerContext) -> Mapping[str, Any]:
    """A call as if it were a request of HTTP, which it is below."""
    address, _, port = context.peer().partition(":")[2].rpartition(":")
    return {"path": f"/{SERVICE}/{name}", "method": "POST", "scheme": "grpc", "client": (address, port)}


def _read_headers(context: grpc.aio.ServicerContext) -> dict[bytes, bytes]:
    """A call's metadata."""
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in context.invocation_metadata()
    }


def _find_key(context: grpc.aio.ServicerContext) -> bytes | None:
    """The key in a call's metadata, as in a request's headers."""
    return find_key(_read_headers(context).items())


async def _refuse(context: grpc.aio.ServicerContext, error: ConvscopeError) -> None:
    is_ours = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    other = grpc.StatusCode.INTERNAL if is_ours else grpc.StatusCode.INVALID_ARGUMENT
    trailing = [("code", error.code)]
    if (asked := current.get()) is not None:
        asked.status, asked.code, asked.detail = error.status, error.code, str(error)
        trailing.append(("x-request-id", asked.request_id))
    if isinstance(error, TooBusy):
        trailing.append(("retry-after", str(error.retry_after)))
    await context.abort(_CODES.get(error.status, other), str(error), tuple(trailing))
