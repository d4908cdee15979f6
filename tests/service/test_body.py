"""Bodies arrive whole, in pieces, as forms, damaged, too large or not at all."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message

from service.body import Arrivals, Body, Form, find_body
from service.errors import BodyTooLarge, ClientLeft, NoPicture, TooBusy, UnsupportedMediaType

BOUNDARY = "frontier"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def body(content_type: str, pieces: Sequence[bytes], *, leaves: bool = False, announced: int | None = None) -> Body:
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": leaves or at < len(pieces) - 1}
        for at, piece in enumerate(pieces)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    headers = [(b"content-type", content_type.encode())]
    if announced is not None:
        headers.append((b"content-length", str(announced).encode()))
    return find_body({"headers": headers}, receive)


def read(content_type: str, *pieces: bytes, max_bytes: int = 100_000) -> bytes:
    return asyncio.run(body(content_type, pieces).picture(max_bytes))


def read_form(*pieces: bytes, most: int = 2) -> Form:
    return asyncio.run(body(FORM, pieces).form(100_000, most))


def test_a_picture_in_one_piece_is_not_copied() -> None:
    picture = bytes(range(200))
    assert read("image/png", picture) is picture


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_are_joined(size: int) -> None:
    content = bytes(range(256)) * 9
    assert (
        read("application/octet-stream", *(content[at : at + size] for at in range(0, len(content), size))) == content
    )


@pytest.mark.parametrize("size", [1, 13, 5000])
def test_a_form_may_be_cut_anywhere(size: int) -> None:
    picture = b"\r\n--front" + bytes(range(256)) + b"\r\n"
    content = part("file", picture, "a.png") + part("steps", "käse".encode()) + part("file", b"second", "b.png") + END
    form = read_form(*(content[at : at + size] for at in range(0, len(content), size)))
    assert form.pictures == [picture, b"second"]
    assert form.fields == {"steps": "käse"}


def test_the_picture_of_a_form_is_its_file() -> None:
    assert read(FORM, part("other", b"text") + part("file", b"pixels", "x") + END) == b"pixels"


@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        (FORM, part("other", b"x", "x.png") + END, "no file in the field 'file'"),
        (FORM, part("file", b"not a file") + END, "no file in the field 'file'"),
        (FORM, part("file", b"x", "a") * 2 + END, "2 files in the field 'file'; at most 1"),
        (FORM, part("file", b"x", "a"), "ends before its last boundary"),
        (FORM, b"", "ends before its last boundary"),
        (FORM, b"nothing of the kind", "can't be read"),
        (FORM, part("file", b"x", "a") * 65 + END, "more than 64 parts"),
        ("multipart/form-data", part("file", b"x", "a") + END, "no boundary"),
        (f"multipart/form-data; boundary={'b' * 300}", part("file", b"x", "a") + END, "Boundary length 300"),
    ],
)
def test_what_is_wrong_with_a_form_is_said(content_type: str, content: bytes, message: str) -> None:
    with pytest.raises(NoPicture, match=message):
        read(content_type, content)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "images/png"])
def test_other_kinds_are_refused_before_they_are_read(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=content_type or "missing"):
        read(content_type, b"x")


def test_kinds_are_told_apart_whatever_their_case() -> None:
    assert read("Image/PNG", b"x") == b"x"
    assert asyncio.run(body("Application/Octet-Stream; a=b", [b"x"]).form(10, 1)).pictures == [b"x"]


def test_a_body_over_the_limit_is_refused_when_it_is_announced_and_when_it_comes() -> None:
    with pytest.raises(BodyTooLarge, match=r"1,000 bytes; the limit is 10"):
        asyncio.run(body("image/png", [], announced=1000).picture(10))
    with pytest.raises(BodyTooLarge, match="more than 10 bytes"):
        read("image/png", b"x" * 11, max_bytes=10)
    with pytest.raises(BodyTooLarge, match="more than 10 bytes"):
        read("image/png", *[b"xx"] * 6, max_bytes=10)


@pytest.mark.parametrize("pieces", [[], [b"half"]])
def test_a_client_that_leaves_before_all_has_come(pieces: list[bytes]) -> None:
    with pytest.raises(ClientLeft):
        asyncio.run(body("image/png", pieces, leaves=True).picture(100))


def test_bodies_that_come_slowly_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.body.arrivals", arrivals := Arrivals(1000))

    async def check() -> None:
        rest = asyncio.Event()

        async def receive() -> Message:
            if begun and not rest.is_set():
                await rest.wait()
            begun.append(True)
            return {"type": "http.request", "body": bytes(600), "more_body": not rest.is_set()}

        begun: list[bool] = []
        first = asyncio.ensure_future(find_body({"headers": [(b"content-type", b"image/png")]}, receive).picture(5000))
        await asyncio.sleep(0)
        assert arrivals.bytes == 600
        with pytest.raises(TooBusy, match="1,000 bytes together are coming in"):
            await body("image/png", [bytes(300), bytes(300)], leaves=True).picture(5000)
        assert arrivals.bytes == 600
        monkeypatch.setattr(arrivals, "most_bytes", 2000)
        rest.set()
        assert len(await first) == 1200
        assert arrivals.bytes == 0

    asyncio.run(check())
