"""Turns a request's body, its Content-Type in the first line, into an outcome: a form's content or a refusal."""

import asyncio
from collections.abc import Sequence

from starlette.types import Message

from service.body import Form, find_body
from service.errors import RequestError
from tests.fuzz.finding import Finding

_LIMIT = 64 * 2**10
"""Bytes of a picture."""

_MOST = 3
"""Pictures."""


def try_form(data: bytes) -> str:
    """Read it in one piece and in several: it has to come to the same."""
    content_type, _, body = data.partition(b"\n")
    whole = _read(content_type, [body])
    third = max(1, len(body) // 3)
    pieces = [body[at : at + third] for at in range(0, len(body), third)] or [b""]
    if _read(content_type, pieces) != whole:
        raise Finding("in pieces it comes to something else")
    if isinstance(whole, str):
        return whole
    if not 1 <= len(whole.pictures) <= _MOST or sum(map(len, whole.pictures)) > len(body):
        raise Finding(f"{len(whole.pictures)} pictures")
    return "answered"


def _read(content_type: bytes, pieces: Sequence[bytes]) -> Form | str:
    """The form, or the code of the refusal."""
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1} for at, piece in enumerate(pieces)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    body = find_body({"headers": [(b"content-type", content_type)]}, receive)
    try:
        return asyncio.run(body.form(_LIMIT, _MOST))
    except RequestError as error:
        return error.code
