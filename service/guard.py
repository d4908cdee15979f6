"""Turns requests into those that may pass: holds keys against the rules of their paths, and adds the headers of safety.

An ASGI application before another one. It goes around everything, what is answered ahead of the framework too, so what
it does for a request is counted in microseconds.
"""

from collections.abc import Awaitable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Rule, find_rule
from service.errors import ConvscopeError
from service.keys import Keys
from service.keys import Scope as KeyScope
from service.policies import Headers
from service.problems import answer_error

GRANTED = "convscope.granted"
"""Where the request's scope says what its key is good for: a `keys.Scope`."""

BEGUN = "convscope.begun"
"""In the request's scope since the head of its answer has gone out."""

_BEARER = b"bearer "

_PRIVATE: Headers = ((b"cache-control", b"private"), (b"vary", b"Authorization, X-API-Key"))
"""What was had for a key isn't kept for those who have none."""

_SOON_HERE = 64 * 1024
"""Bytes of a body up to which it is left to come in, though nobody wants it, so that the connection can go on."""

_LONGEST = 512
"""Characters of a path that is remembered."""

_SENT = (
    "Authorization", "X-API-Key", "X-Request-ID", "traceparent", "tracestate", "Inference-Header-Content-Length",
)  # fmt: skip
_SHOWN = ("Retry-After", "WWW-Authenticate", "X-Request-ID", "traceparent", "Inference-Header-Content-Length")
"""Headers that pages of other sites may send, and see, besides those that harm nobody."""


class _Way(NamedTuple):
    """What becomes of requests for a path."""

    app: ASGIApp
    headers: Headers
    """That answers have besides their own."""
    checked: Rule | None
    """To be held against; None: they may pass."""


class Guard:
    """Lets requests pass, or refuses them."""

    def __init__(self, limited: ASGIApp, free: ASGIApp, keys: Keys) -> None:
        """Stand before an application.

        Args:
            limited: answers those that pass and are work, of which there can be too much.
            free: answers the others that pass.
            keys: that are known.
        """
        self._limited, self._free, self._keys = limited, free, keys
        self._find_way = lru_cache(maxsize=4096)(self._choose_way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        if scope["type"] != "http":
            await self._free(scope, receive, send)
            return
        path = find_path(scope) if scope.get("root_path") else scope["path"]
        app, headers, checked = (self._find_way if len(path) <= _LONGEST else self._choose_way)(path)

        def answer(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                scope[BEGUN] = True
                message["headers"] = [*message.get("headers", ()), *headers]
            return send(message)

        if checked is not None:
            try:
                self._check(checked, scope)
            except ConvscopeError as error:
                await refuse(error, scope, receive, answer)
                return
        await app(scope, receive, answer)

    def _choose_way(self, path: str) -> "_Way":
        rule = find_rule(path)
        app = self._limited if rule.is_limited else self._free
        if (self._keys and not rule.is_open) or (rule.scope is KeyScope.ADMIN and rule.is_known):
            return _Way(app, (*rule.headers, *_PRIVATE), rule)
        return _Way(app, rule.headers, None)

    def _check(self, rule: Rule, scope: Scope) -> None:
        """Hold the request's key against the rule.

        Raises:
            KeyNeeded, WrongKey, ScopeNeeded: see `keys.Keys.check`.
        """
        scope[GRANTED] = self._keys.check(find_key(scope["headers"]), rule.scope)


def admit_origins(inner: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """An application that pages of other sites may use, too; around the guard, for refusals are to be read there, too.

    Cookies don't matter here, so nothing goes along that the page itself doesn't send: a key, for one.
    """
    if not origins:
        return inner
    return CORSMiddleware(
        inner, allow_origins=origins, allow_methods=("GET", "HEAD", "POST"), allow_headers=_SENT, expose_headers=_SHOWN
    )


def find_path(scope: Scope) -> str:
    """The path as the application's own router sees it: without what a proxy put before it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


async def refuse(error: ConvscopeError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that nobody reads the body of."""
    response = answer_error(error)
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if scope["method"] not in {"GET", "HEAD"} and not (length.isdigit() and int(length) <= _SOON_HERE):
        response.headers["Connection"] = "close"  # else the client would go on sending, and nobody wants it
    await response(scope, receive, send)


def find_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key in the request's headers; `X-API-Key` first: a proxy may have a use of its own for the other one."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return bytes(value.strip())
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            bearer = bytes(value[len(_BEARER) :].strip())
    return bearer
