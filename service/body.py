"""Turns a request's body, as it comes in, into the bytes of its pictures and what else its form says."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive, Scope

from service.errors import BodyTooLarge, ClientLeft, NoPicture, TooBusy, UnsupportedMediaType

FIELD = "file"
"""The form's field that holds a picture."""

_FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may have beyond its pictures: boundaries, headers, other fields."""

_SMALL = 256 * 1024
"""Bytes of a form up to which reading it takes the event loop less than a few milliseconds."""

_MOST_PARTS = 64
"""Of a form."""

_MULTIPART = b"multipart/form-data"


class Arrivals:
    """The bodies that are coming in, in pieces; all in one event loop."""

    def __init__(self, most_bytes: int) -> None:
        """Hold that many bytes of them at most: who sends slowly doesn't fill the memory, nor do many such."""
        self.bytes, self.most_bytes = 0, most_bytes

    @contextmanager
    def arriving(self) -> Iterator["_Arriving"]:
        """Take one in."""
        body = _Arriving(self)
        try:
            yield body
        finally:
            self.bytes -= len(body.pieces)


class _Arriving:
    """A body of which there is a part."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self.pieces = bytearray()

    def add(self, piece: bytes) -> None:
        """Put it behind the others.

        Raises:
            TooBusy: together with the others it is too much.
        """
        self.pieces += piece
        self._arrivals.bytes += len(piece)
        if self._arrivals.bytes > self._arrivals.most_bytes:
            raise TooBusy(
                f"bodies of {self._arrivals.most_bytes:,} bytes together are coming in, all that may; try again later"
            )


arrivals = Arrivals(512 * 2**20)


@dataclass
class Form:
    """What a request brings."""

    pictures: list[bytes] = field(default_factory=list)
    """Encoded; at least one."""
    fields: dict[str, str] = field(default_factory=dict)
    """What else the form says, by name."""


@dataclass(frozen=True)
class Body:
    """A body that has not been read yet."""

    content_type: bytes
    """As the client spelt it; empty: there was none."""
    announced: int | None
    """Bytes that are to come, as far as the client says."""
    receive: Receive

    async def picture(self, max_bytes: int) -> bytes:
        """The encoded picture: the body itself, or the field `file` of its form.

        Raises:
            UnsupportedMediaType: the body is neither a picture nor a form.
            BodyTooLarge: refused as soon as the limit is passed, not after the rest has come.
            NoPicture: a form that can't be read, has no such field or several.
            ClientLeft: the connection was closed before all of it had come.
        """
        if self.content_type.startswith((b"image/", b"application/octet-stream")):
            return await self._read(max_bytes)
        return (await self.form(max_bytes, most=1)).pictures[0]

    async def form(self, max_bytes: int, most: int) -> Form:
        """The encoded pictures, at least one, and what else the form says.

        Args:
            max_bytes: of all pictures together.
            most: pictures.

        Raises:
            UnsupportedMediaType, BodyTooLarge, NoPicture, ClientLeft: as `picture`.
        """
        kind, _, _ = self.content_type.partition(b";")
        kind = kind.strip().lower()
        if kind.startswith(b"image/") or kind == b"application/octet-stream":
            return Form([await self._read(max_bytes)])
        if kind != _MULTIPART:
            raise UnsupportedMediaType(
                f"the Content-Type is {kind.decode('latin-1') or 'missing'}: send the picture itself as image/png,"
                f" image/jpeg …, or multipart/form-data with the field '{FIELD}'"
            )
        body = await self._read(max_bytes + _FORM_OVERHEAD)
        if len(body) <= _SMALL:
            form = _parse(self.content_type, body)
        else:
            form = await asyncio.to_thread(_parse, self.content_type, body)
        if not form.pictures:
            raise NoPicture(f"the form has no file in the field '{FIELD}'")
        if len(form.pictures) > most:
            raise NoPicture(
                f"the form has {len(form.pictures)} files in the field '{FIELD}'; at most {most} can be taken"
            )
        return form

    async def whole(self, max_bytes: int) -> bytes:
        """All of it, whatever it is.

        Raises:
            BodyTooLarge, ClientLeft: as `picture`.
        """
        return await self._read(max_bytes)

    async def skip(self) -> None:
        """Take a body that nothing is done with: only after it can it be noticed that the client goes away.

        Raises:
            BodyTooLarge, ClientLeft: as `picture`.
        """
        await self._read(_FORM_OVERHEAD)

    async def _read(self, max_bytes: int) -> bytes:
        if self.announced is not None and self.announced > max_bytes:
            raise BodyTooLarge(f"the body has {self.announced:,} bytes; the limit is {max_bytes:,}")
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message.get("body", b"")  # the usual case: it came in one piece, and needn't be copied
            _check(len(whole), max_bytes)
            return whole
        with arrivals.arriving() as body:
            while True:
                if message["type"] != "http.request":
                    raise ClientLeft("the connection was closed before the whole body had come")
                body.add(message.get("body", b""))
                _check(len(body.pieces), max_bytes)
                if not message.get("more_body"):
                    return bytes(body.pieces)
                message = await self.receive()


def find_body(scope: Scope, receive: Receive) -> Body:
    """The body of an ASGI request, still to be read."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    return Body(headers.get(b"content-type", b""), int(length) if length.isdigit() else None, receive)


def _check(received: int, max_bytes: int) -> None:
    if received > max_bytes:
        raise BodyTooLarge(f"the body has more than {max_bytes:,} bytes, the limit")


class _Part:
    """One part of a form while it is read."""

    def __init__(self) -> None:
        self.header = bytearray()
        self.headers: dict[bytes, bytes] = {}
        self.value = bytearray()
        self.content = bytearray()

    def end_header(self) -> None:
        """A field's name and value are complete."""
        self.headers[bytes(self.header).lower()] = bytes(self.value)
        self.header.clear()
        self.value.clear()


def _parse(content_type: bytes, body: bytes) -> Form:
    """Read a form that has come in whole.

    Source: RFC 7578.

    Raises:
        NoPicture: it isn't one.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise NoPicture("the form can't be read: its Content-Type names no boundary")
    parts: list[_Part] = []
    ends: list[bool] = []

    def begin() -> None:
        if len(parts) == _MOST_PARTS:
            raise NoPicture(f"the form has more than {_MOST_PARTS} parts")
        parts.append(_Part())

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": lambda data, start, end: parts[-1].header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: parts[-1].value.extend(data[start:end]),
                "on_header_end": lambda: parts[-1].end_header(),  # noqa: PLW0108 - the last one then
                "on_part_data": lambda data, start, end: parts[-1].content.extend(data[start:end]),
                "on_end": lambda: ends.append(True),
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise NoPicture(f"the form can't be read: {error}") from error
    if not ends:
        raise NoPicture("the form can't be read: it ends before its last boundary")
    return _sort(parts)


def _sort(parts: list[_Part]) -> Form:
    form = Form()
    for part in parts:
        _, options = parse_options_header(part.headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            form.fields[name] = part.content.decode("utf-8", "replace")
        elif name == FIELD:
            form.pictures.append(bytes(part.content))
    return form
