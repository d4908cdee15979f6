"""Says who comes to a service during a soak: what each kind of client sends, how, and which answers it takes."""

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import numpy as np
from PIL import Image

from benchmarks.material import draw_photograph
from service.inspection.attribution.explain import METHODS

_PNG, _JPEG = {"Content-Type": "image/png"}, {"Content-Type": "image/jpeg"}
_TENSORS = {"Accept": "application/vnd.safetensors"}

_LAYERS = ("conv1", "relu1", "conv2", "pool2")
"""Maps, in both versions of `digits`."""

_OVERSIZE = 30 * 2**20
"""Bytes that are announced: more than the service takes."""


@dataclass(frozen=True)
class Ask:
    """A request as any HTTP library sends it."""

    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True)
class Place:
    """Where the service is, and what is needed to ask it."""

    address: str
    session: aiohttp.ClientSession
    """Of that address, with the key."""
    key: str

    async def send(self, ask: Ask) -> int:
        """Send it: the answer's status."""
        async with self.session.request(ask.method, ask.path, data=ask.body, headers=ask.headers) as answer:
            await answer.read()
            return answer.status

    @contextlib.asynccontextmanager
    async def connect(self, path: str, length: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection on which the head of a POST has been sent, for clients that no HTTP library is like."""
        parts = urlsplit(self.address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = {"Host": "x", "X-API-Key": self.key, "Content-Type": "image/png", "Content-Length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        try:
            writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode())
            yield reader, writer
        finally:
            writer.transport.abort()  # no goodbye


Visit = Callable[[Place], Awaitable[int | None]]
"""One request: the answer's status, or None where nobody waited for it."""


@dataclass(frozen=True)
class Visitor:
    """Clients of one kind."""

    kind: str
    visit: Visit
    pause: float
    """Seconds between two requests of each client."""
    accepted: frozenset[int] = frozenset({200})
    clients: int = 1


@dataclass(frozen=True)
class Pictures:
    """What the clients send."""

    digit: bytes
    """A small grey PNG, which `digits` and `fashion` take."""
    jpeg: bytes
    large: bytes
    """A JPEG of 1024 x 768."""
    transparent: bytes
    """A PNG that isn't read in the quickest way."""

    @classmethod
    def draw(cls, digit: bytes) -> "Pictures":
        """Make the others."""
        jpeg, large = _encode(draw_photograph(224, 224, 1), "JPEG"), _encode(draw_photograph(1024, 768, 2), "JPEG")
        return cls(digit, jpeg, large, _encode(draw_photograph(64, 48, 3).convert("RGBA"), "PNG"))


def list_visitors(pictures: Pictures) -> list[Visitor]:
    """All kinds."""
    return [*_list_predicting(pictures), *_list_looking(pictures), *_list_troublesome(pictures)]


def _list_predicting(pictures: Pictures) -> list[Visitor]:
    digit = pictures.digit
    small = [Ask(f"/v1/models/{name}/predict", digit, _PNG) for name in ("digits", "fashion", "digits")]
    large = Ask("/v1/models/objects/predict", pictures.large, _JPEG)
    odd = Ask("/v1/models/digits/predict", pictures.transparent, _PNG)
    pixels = np.asarray(Image.open(io.BytesIO(digit))).ravel().tolist()
    tensor = {"name": "pixels", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": pixels}
    infer = Ask(
        "/v2/models/digits/infer", json.dumps({"inputs": [tensor]}).encode(), {"Content-Type": "application/json"}
    )
    health = [Ask(path, method="GET") for path in ("/v2/health/ready", "/v2/health/live")]
    return [
        Visitor("predict, PNG", _ask(*small), 0.02, clients=4),
        Visitor("predict, JPEG", _ask(Ask("/v1/models/objects/predict", pictures.jpeg, _JPEG)), 0.05, clients=2),
        Visitor("predict, large or odd", _ask(large, odd), 0.2),
        Visitor("predict, an old version", _ask(Ask("/v1/models/digits/versions/1/predict", digit, _PNG)), 0.3),
        Visitor("predict, form", _send_form("/v1/models/digits/predict", digit), 0.2),
        Visitor("v2 infer", _ask(infer), 0.1),
        Visitor("health", _ask(*health), 0.5),
        Visitor("metrics", _ask(Ask("/metrics", method="GET")), 2),
    ]


def _list_looking(pictures: Pictures) -> list[Visitor]:
    digits, objects, digit = "/v1/models/digits", "/v1/models/objects", pictures.digit
    activations = [
        Ask(f"{digits}/activations", digit, _PNG | _TENSORS),
        Ask(f"{digits}/activations?layers={_LAYERS[0]}", digit, _PNG),
        Ask(f"{digits}/activations", digit, _PNG | {"Accept": "image/png"}),
        Ask(f"{objects}/activations?values=false", pictures.jpeg, _JPEG),
    ]
    traces = [Ask(f"{digits}/trace?layer={name}&channel=0&y=1&x=1", digit, _PNG) for name in _LAYERS]
    few = "steps=16&samples=8&channels=16"
    attributions = [
        Ask(f"{objects}/attributions?method={method.replace('+', '%2B')}&{few}", pictures.jpeg, _JPEG)
        for method in METHODS
    ]
    tables = [Ask(f"{digits}{path}", method="GET") for path in ("", "/layers", f"/weights/{_LAYERS[0]}", "/samples")]
    return [
        Visitor("activations", _ask(*activations), 0.15),
        Visitor("trace", _ask(*traces), 0.2),
        Visitor("attributions", _ask(*attributions), 0.5),
        Visitor("dream", _ask(Ask(f"{digits}/dream?layer={_LAYERS[0]}&channel=1&steps=8")), 5),
        Visitor("layers, weights …", _ask(*tables, Ask("/v1/models", method="GET")), 0.2),
    ]


def _list_troublesome(pictures: Pictures) -> list[Visitor]:
    digit, jpeg, predict = pictures.digit, pictures.jpeg, "/v1/models/objects/predict"
    damaged = [b"", b"no picture", digit[:60], jpeg[: len(jpeg) // 3]]
    unknown = [Ask("/v1/models/nothing/predict", digit, _PNG), Ask("/v1/models/digits/versions/999", method="GET")]
    look = "/v1/models/objects/attributions?method=occlusion"
    return [
        Visitor("damaged", _ask(*(Ask(predict, body, _PNG) for body in damaged)), 0.1, frozenset({400, 415, 422})),
        Visitor("unknown", _ask(*unknown), 0.5, frozenset({404})),
        Visitor("oversize", _announce_too_much(predict), 1, frozenset({413})),
        Visitor("slow", _send_slowly("/v1/models/digits/predict", digit), 0.1, clients=4),
        Visitor("dies in its body", _die(predict, jpeg, len(jpeg) // 2), 0.2),
        Visitor("dies waiting", _die(look, jpeg, len(jpeg), wait=0.02), 0.5),
        Visitor("dies in the answer", _die("/v1/models/digits/activations", digit, len(digit), read=100), 0.3),
    ]


def _ask(*asks: Ask) -> Visit:
    """Requests in turn."""
    turn = itertools.cycle(asks)
    return lambda place: place.send(next(turn))


def _send_form(path: str, picture: bytes) -> Visit:
    async def visit(place: Place) -> int:
        form = aiohttp.FormData()
        form.add_field("file", picture, filename="x.png")
        async with place.session.post(path, data=form) as answer:
            await answer.read()
            return answer.status

    return visit


def _announce_too_much(path: str) -> Visit:
    async def visit(place: Place) -> int:
        async with place.connect(path, _OVERSIZE) as (reader, writer):
            writer.write(bytes(2**16))
            return await _read_status(reader)

    return visit


def _send_slowly(path: str, picture: bytes, seconds: float = 4) -> Visit:
    async def visit(place: Place) -> int:
        async with place.connect(path, len(picture)) as (reader, writer):
            for at in range(0, len(picture), 16):
                writer.write(picture[at : at + 16])
                await asyncio.sleep(16 * seconds / len(picture))
            return await _read_status(reader)

    return visit


def _die(path: str, body: bytes, sent: int, *, wait: float = 0, read: int = 0) -> Visit:
    async def visit(place: Place) -> None:
        async with place.connect(path, len(body)) as (reader, writer):
            writer.write(body[:sent])
            await writer.drain()
            await asyncio.sleep(wait)
            if read:
                await reader.readexactly(read)

    return visit


async def _read_status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readuntil(b"\r\n"))[9:12])


def _encode(picture: Image.Image, form: str) -> bytes:
    content = io.BytesIO()
    picture.save(content, form)
    return content.getvalue()
