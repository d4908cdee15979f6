"""Turns an Accept header into one of the formats on offer, and says how pictures come in."""

from collections.abc import Sequence
from typing import Any

import mimeparse

from service.body import FIELD
from service.errors import NotAcceptable

JSON = "application/json"
SAFETENSORS = "application/vnd.safetensors"
NPZ = "application/x-npz"
PNG = "image/png"

_BYTES = {"type": "string", "format": "binary"}
BINARY: dict[str, Any] = {"schema": _BYTES}
"""The OpenAPI description of an answer, or of a body, that is no text."""


PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": BINARY}, "description": "The picture."}}
"""The OpenAPI description of an answer that is a picture's file, as it was published."""


def describe_body(**fields: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of a picture in a body, for a route's `openapi_extra`.

    Args:
        fields: JSON schemas of what else a form may say, by name.
    """
    properties = {FIELD: _BYTES | {"description": "the picture"}, **fields}
    form = {"schema": {"type": "object", "required": [FIELD], "properties": properties}}
    return {"requestBody": {"required": True, "content": {"image/*": BINARY, "multipart/form-data": form}}}


PICTURE_BODY = describe_body()
"""A picture and no more."""


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
