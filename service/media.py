"""Turns a request's body into the bytes of a picture, and its Accept header into one of the formats on offer."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import mimeparse
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import BodyTooLarge, NoPicture, NotAcceptable, UnsupportedMediaType

JSON = "application/json"
SAFETENSORS = "application/vnd.safetensors"
NPZ = "application/x-npz"
PNG = "image/png"

FIELD = "file"
"""The form's field that holds the picture."""

_FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may have beyond its picture: boundaries and headers."""

PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary", "description": "the picture"}},
                }
            },
        },
    }
}
"""The OpenAPI description of a picture in a body, for a route's `openapi_extra`."""


async def read_picture(request: Request, max_bytes: int) -> bytes:
    """The encoded picture of a request: its body, or the field `file` of its form.

    Raises:
        UnsupportedMediaType: the body is neither a picture nor a form.
        BodyTooLarge: refused as soon as the limit is passed, not after the rest has come.
        NoPicture: a form without the field.
    """
    (picture,), _ = await _read_body(request, max_bytes, most=1)
    return picture


async def read_pictures(request: Request, max_bytes: int, most: int) -> list[bytes]:
    """The encoded pictures of a request: its body, or all the fields `file` of its form.

    Args:
        request: not yet read.
        max_bytes: of all pictures together.
        most: pictures.

    Raises:
        UnsupportedMediaType, BodyTooLarge, NoPicture: as `read_picture`.
    """
    pictures, _ = await _read_body(request, max_bytes, most)
    return pictures


async def read_picture_and_fields(request: Request, max_bytes: int) -> tuple[bytes, dict[str, str]]:
    """The encoded picture of a request, and what else its form says.

    Raises:
        UnsupportedMediaType, BodyTooLarge, NoPicture: as `read_picture`.
    """
    (picture,), fields = await _read_body(request, max_bytes, most=1)
    return picture, fields


def choose_format(accept: str | None, offers: Sequence[str]) -> str:
    """The format that the client likes best; the first on offer where it has no preference.

    Source: RFC 9110, section 12.5.1.

    Raises:
        NotAcceptable: it takes none of them.
    """
    if not accept or accept.strip() == "*/*":
        return offers[0]
    try:
        # mimeparse prefers the last of equals, we the first.
        best = mimeparse.best_match(list(reversed(offers)), accept)
    except (mimeparse.MimeTypeParseException, ValueError) as error:
        raise NotAcceptable(f"the Accept header {accept!r} can't be read") from error
    if not best:
        raise NotAcceptable(f"Accept is {accept!r}; on offer are {', '.join(offers)}")
    return str(best)


async def _read_body(request: Request, max_bytes: int, most: int) -> tuple[list[bytes], dict[str, str]]:
    """Pictures, at least one, and what else a form says."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [b"".join([chunk async for chunk in _limited(request, max_bytes)])], {}
    if kind == "multipart/form-data":
        return await _read_form(request, max_bytes, most)
    raise UnsupportedMediaType(
        f"the Content-Type is {kind or 'missing'}: send the picture itself as image/png, image/jpeg …,"
        f" or multipart/form-data with the field '{FIELD}'"
    )


async def _read_form(request: Request, max_bytes: int, most: int) -> tuple[list[bytes], dict[str, str]]:
    limited = _limited(request, max_bytes + _FORM_OVERHEAD)
    parser = MultiPartParser(request.headers, limited, max_files=most, max_fields=8)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise NoPicture(f"the form can't be read: {getattr(error, 'message', 'it has no boundary')}") from error
    try:
        files = [value for value in form.getlist(FIELD) if isinstance(value, UploadFile)]
        if not files:
            raise NoPicture(f"the form has no file in the field '{FIELD}'")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return [await file.read() for file in files], fields
    finally:
        await form.close()


async def _limited(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes in.

    Raises:
        BodyTooLarge: it announces, or turns out to have, more than `max_bytes`.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise BodyTooLarge(f"the body has {int(announced):,} bytes; the limit is {max_bytes:,}")
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise BodyTooLarge(f"the body has more than {max_bytes:,} bytes, the limit")
        yield chunk
