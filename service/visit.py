"""Holds what becomes known of a request while it is answered, for its line in the log, its figures and its trace.

Whoever works for a request finds its visit in the context; where there is none (a test, a warm-up), nothing is noted.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, NamedTuple

PROBES = {"/metrics", "/v2/health/live", "/v2/health/ready"}
"""Paths that machines ask every few seconds: told of only when that fails."""

wanted = False
"""Somebody wants to know the stages of requests; else nobody need note them."""


class Stage(NamedTuple):
    """A part of the work for a request."""

    name: str
    began: float
    """Of the performance counter, in seconds, as `ended`."""
    ended: float
    pictures: int = 1
    """That were worked on together."""


class Visit:
    """One request; what nobody sets stays as it is here."""

    request_id: str
    scope: Mapping[str, Any]
    """Of ASGI, or what there is of it: path, method, client, scheme."""
    route: str = ""
    """The template of the path; empty: it is to be looked up."""
    began: float
    """Of the performance counter, in seconds, as `ended`."""
    ended: float
    length: bytes | None = None
    """Of the body, as the client announced it."""
    received: int = -1
    """Bytes of the body; -1: all that was announced."""
    sent: int = 0
    """Bytes of the answer's body."""
    status: int = 0
    """0: there is no answer yet."""
    model: str = ""
    """Empty: it isn't about one that is served."""
    version: int = 0
    code: str | None = None
    """Of the error that was answered with."""
    detail: str | None = None
    """What that error said."""
    trace_id: str = ""
    """Empty: it isn't traced."""
    span_id: str = ""
    span: Any = None
    """OpenTelemetry's, where there is one."""
    stages: list[Stage] | None = None
    """None: nobody wants to know them."""


Visiting = Callable[[Mapping[str, Any], Mapping[bytes, bytes]], AbstractContextManager[Visit]]
"""Makes a visit, of a scope and headers, of what is done meanwhile: for those who answer something else than HTTP."""

current: ContextVar[Visit | None] = ContextVar("visit", default=None)
"""The request that is being worked for."""


def find_stages() -> list[Stage] | None:
    """Where to note the stages of the request; None where nobody wants to know them."""
    visit = current.get()
    return None if visit is None else visit.stages


def note_stage(name: str, began: float) -> None:
    """Note a stage that has just ended.

    Args:
        name: of the stage.
        began: when; of the performance counter, in seconds.
    """
    if (stages := find_stages()) is not None:
        stages.append(Stage(name, began, perf_counter()))
