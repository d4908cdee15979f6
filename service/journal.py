"""Turns each request that was answered into one line of the log."""

import json
import logging
import time
from datetime import UTC, datetime

import orjson

from service.choices import Form
from service.lines import Lines
from service.visit import PROBES, Visit

log = logging.getLogger("convscope")

_LONGEST = 512
"""Characters of a path, or of what an error says, that are repeated."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

_DIM, _OFF = "\x1b[2m", "\x1b[0m"
_COLOURS = {2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}
"""Of a status, by its first digit."""


class Journal:
    """Where requests are logged."""

    def __init__(
        self, lines: Lines, form: Form, level: int, *, colours: bool = False, all_requests: bool = True
    ) -> None:
        """Log there.

        Args:
            lines: takes them.
            form: JSON or pretty.
            level: of `logging`, below which nothing is logged; a request is INFO, one that the service failed ERROR.
            colours: of a pretty log.
            all_requests: else only those that the service failed.
        """
        self.lines, self.form = lines, form
        self._least = 0 if all_requests and level <= logging.INFO else 500 if level <= logging.ERROR else 1000
        """The status from which on requests are logged."""
        self._write = self._write_json if form is Form.JSON else self._write_pretty
        self._colours = _COLOURS if colours else {}

    def record(self, route: str, visit: Visit) -> None:
        """Log a request.

        Args:
            route: the template of its path.
            visit: what became known of it.
        """
        if visit.status >= self._least and (visit.status >= 400 or route not in PROBES):
            self._write(route, visit)

    def _write_json(self, route: str, visit: Visit) -> None:
        scope = visit.scope
        client = scope["client"]
        row: dict[str, object] = {
            "time": datetime.fromtimestamp(time.time() - (time.perf_counter() - visit.ended), UTC),  # noqa: TID251
            "level": "info" if visit.status < 500 else "error" if visit.status == 500 else "warning",
            "event": "request",
            "request_id": visit.request_id,
            "method": scope["method"],
            "route": route,
            "path": scope["path"][:_LONGEST],
            "status": visit.status,
            "seconds": int((visit.ended - visit.began) * 1e6) / 1e6,
            "received": visit.received,
            "sent": visit.sent,
            "client": client[0] if client else None,
        }
        if visit.model:
            row["model"], row["version"] = visit.model, visit.version
        if visit.trace_id:
            row["trace_id"], row["span_id"] = visit.trace_id, visit.span_id
        if visit.code:
            row["code"], row["detail"] = visit.code, (visit.detail or "")[:_LONGEST]
        try:
            line = orjson.dumps(row, option=_OPTIONS)
        except orjson.JSONEncodeError:  # a path of bytes that are no UTF-8
            line = json.dumps(row, default=str).encode() + b"\n"
        self.lines.write(line)

    def _write_pretty(self, _: str, visit: Visit) -> None:
        scope = visit.scope
        colour = self._colours.get(visit.status // 100, "")
        dim, off = (_DIM, _OFF) if colour else ("", "")
        about = f"  {visit.model} {visit.version}" if visit.model else ""
        failed = f"  {visit.code}: {_printable(visit.detail or '')}" if visit.code else ""
        asked = f"{scope['method']} {_printable(scope['path'])}"
        line = (
            f"{dim}{time.strftime('%H:%M:%S')}{off} {colour}{visit.status}{off} {asked}{dim}{about}{off}"
            f"  {_show_seconds(visit.ended - visit.began)}{colour}{failed}{off}  {dim}{visit.request_id}{off}\n"
        )
        self.lines.write(line.encode("utf-8", "backslashreplace"))


def record_failure(_: str, visit: Visit) -> None:
    """Log a request that the service failed, where there is no journal."""
    if visit.status >= 500:
        log.error("%s: %s", visit.code or visit.status, visit.detail or "no answer")


def _show_seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _printable(text: str) -> str:
    """Without what would move a terminal's cursor or colour its text."""
    text = text[:_LONGEST]
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
