"""Turns an address and a picture, or the first of the model's own samples, into the request that is to be sent."""

import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from service.bench.failures import describe_failure
from service.errors import BenchFailed

_MODEL = re.compile(r"(?P<model>.*/v1/models/[^/]+(/versions/[^/]+)?)/predict")
"""The path of a prediction: the model's own, then what is asked of it."""

_UNKNOWN = "application/octet-stream"

_TOO_MANY = 429


@dataclass(frozen=True)
class Target:
    """A request, the same each time."""

    url: URL
    picture: bytes
    """The body."""
    content_type: str


def parse_address(text: str) -> URL:
    """The address to measure.

    Raises:
        BenchFailed: it isn't one that HTTP requests can be sent to.
    """
    try:
        url = URL(text)
    except ValueError as error:
        raise BenchFailed(f"{text!r} is no address: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise BenchFailed(f"{text!r} is no address: it has to begin with http:// or https:// and a host")
    return url


def read_target(url: URL, path: Path) -> Target:
    """The request with a picture of the user's own.

    Raises:
        BenchFailed: there is no such picture.
    """
    try:
        picture = path.read_bytes()
    except OSError as error:
        raise BenchFailed(f"can't read the picture {path}: {error.strerror or error}") from error
    if not picture:
        raise BenchFailed(f"can't read the picture {path}: it is empty")
    guessed, _ = mimetypes.guess_type(path.name, strict=False)
    # Servers look into the picture itself for its format; that it is one, the header has to say.
    return Target(url, picture, guessed if guessed and guessed.startswith("image/") else _UNKNOWN)


async def fetch_target(session: aiohttp.ClientSession, url: URL) -> Target:
    """The request with the first of the samples that the model was published with.

    Raises:
        BenchFailed: the address isn't a model's, or the server doesn't give the sample.
    """
    found = _MODEL.fullmatch(url.path)
    if not found:
        raise BenchFailed(
            "no picture to send: name one, or bench …/v1/models/NAME/predict, whose own samples are known"
        )
    folder = url.with_path(f"{found['model']}/samples")
    body, _ = await _get(session, folder)
    try:
        file = str(json.loads(body)["samples"][0]["file"])
    except (ValueError, LookupError, TypeError) as error:
        raise BenchFailed(f"no picture to send: {folder} lists no samples; name a picture") from error
    picture, content_type = await _get(session, folder / file)
    return Target(url, picture, content_type)


async def try_out(session: aiohttp.ClientSession, target: Target) -> None:
    """Send the request once, so that a mistake in it is told at once rather than counted for the length of a run.

    Raises:
        BenchFailed: there is nobody, or it is refused for what it is. What may pass (429, 5xx, a broken connection) is
            left to be counted.
    """
    headers = {"Content-Type": target.content_type}
    try:
        async with session.post(target.url, data=target.picture, headers=headers, allow_redirects=False) as response:
            body = await response.read()
    except (aiohttp.ClientConnectorError, TimeoutError) as error:
        raise BenchFailed(f"can't reach {target.url}: {describe_failure(error)}") from error
    except (aiohttp.ClientError, OSError):
        return
    if 300 <= response.status < 500 and response.status != _TOO_MANY:
        raise BenchFailed(_describe_refusal(response, body))


async def _get(session: aiohttp.ClientSession, url: URL) -> tuple[bytes, str]:
    """The body and its content type."""
    try:
        async with session.get(url) as response:
            body = await response.read()
    except (aiohttp.ClientError, OSError) as error:
        raise BenchFailed(f"can't reach {url}: {describe_failure(error)}") from error
    if not response.ok:
        raise BenchFailed(_describe_refusal(response, body))
    return body, response.content_type


def _describe_refusal(response: aiohttp.ClientResponse, body: bytes) -> str:
    """What the server said, in its own words where it has some (RFC 9457)."""
    try:
        reason = str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        reason = response.headers.get("Location") or response.reason or "no reason given"
    return f"{response.url} answers {response.status}: {reason}"
