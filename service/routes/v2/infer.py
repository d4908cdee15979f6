"""The answer to tensors: `/v2/models/{model}/infer`."""

from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope

from service.body import find_body
from service.errors import UnsupportedMediaType
from service.guard import GRANTED
from service.keys import Scope as KeyScope
from service.media import BINARY, JSON
from service.pipeline import Pipeline
from service.problems import document_errors
from service.protocol.document import WrittenAnswer, describe_request, read_request, write_answer
from service.protocol.errors import MalformedRequest
from service.protocol.infer import infer
from service.routes.served import Served, Stages
from service.routes.v2.schemas import InferenceAnswer
from service.served import ServedVersion

router = APIRouter(tags=["open inference protocol"])

HEAD_LENGTH = "Inference-Header-Content-Length"
"""The header that says how long the JSON document is, where tensors follow it as bytes."""

OCTETS = "application/octet-stream"

_HEAD_LENGTH = HEAD_LENGTH.lower().encode()

_MOST_DIGITS = 12
"""Of a length."""

_SCHEMA, REQUEST_SCHEMAS = describe_request("#/components/schemas/{model}")
"""Of a request; and of its parts by name, for the components of the OpenAPI document."""

_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {JSON: {"schema": _SCHEMA}, OCTETS: BINARY}},
    "parameters": [
        {
            "name": HEAD_LENGTH,
            "in": "header",
            "description": "bytes of the JSON document, where tensors follow it as bytes",
            "schema": {"type": "integer", "minimum": 0},
        }
    ],
}


class Sent(NamedTuple):
    """What came in."""

    body: bytes
    head: int | None
    """Bytes of its JSON document; None: it is nothing else."""
    granted: KeyScope
    """What its sender may do."""


@router.post(
    "/infer",
    openapi_extra=_BODY,
    responses={
        200: {"model": InferenceAnswer, "content": {OCTETS: BINARY}},
        **document_errors(400, 404, 413, 415, 422, 429, 503),
    },
)
async def infer_tensors(request: Request, served: Served, pipeline: Stages) -> Response:
    """What the network makes of pixels, or of encoded pictures: scores, labels, or what any of its layers computes."""
    sent = await read_sent(request.scope, request.receive, pipeline.limits.max_bytes)
    answer = await answer_sent(pipeline, served, sent)
    return Response(answer.content, headers={name.decode(): value.decode() for name, value in list_headers(answer)})


async def read_sent(scope: Scope, receive: Receive, max_bytes: int) -> Sent:
    """The body of a request, and where its JSON document ends.

    Raises:
        BodyTooLarge: refused as soon as the limit is passed.
        ClientLeft: the connection was closed before all of it had come.
        UnsupportedMediaType: it is compressed.
        MalformedRequest: the header that says where is no number.
    """
    head = None
    for name, value in scope["headers"]:
        if name == _HEAD_LENGTH:
            if not value.isdigit() or len(value) > _MOST_DIGITS:
                raise MalformedRequest(f"{HEAD_LENGTH} is {value.decode('latin-1')!r}; it has to be a number of bytes")
            head = int(value)
        elif name == b"content-encoding" and value != b"identity":
            raise UnsupportedMediaType(f"the body is encoded as {value.decode('latin-1')!r}: send it uncompressed")
    return Sent(await find_body(scope, receive).whole(max_bytes), head, scope.get(GRANTED, KeyScope.INSPECT))


async def answer_sent(pipeline: Pipeline, served: ServedVersion, sent: Sent) -> WrittenAnswer:
    """Read a request, answer it, write the answer.

    Raises:
        RequestError: see `protocol.infer`.
        TooLate: it waited for too long.
    """
    document = len(sent.body) if sent.head is None else sent.head
    spec = served.published.manifest.input
    lists = pipeline.limits.max_pictures * (1 + spec.height * (1 + spec.width))  # of nested ones
    request = await pipeline.read(lambda: read_request(sent.body, sent.head, lists), document)
    answer = await infer(pipeline, served, request, sent.granted)
    return await pipeline.encode(lambda: write_answer(answer), answer.size)


def list_headers(answer: WrittenAnswer) -> list[tuple[bytes, bytes]]:
    """What describes the body of an answer."""
    if answer.head is None:
        return [(b"content-type", JSON.encode())]
    return [(b"content-type", OCTETS.encode()), (_HEAD_LENGTH, str(answer.head).encode())]
