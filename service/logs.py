"""Turns all that is logged, here and in the libraries, into lines of one form: JSON, or what people like to read."""

import json
import logging
import os
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.choices import Form, Level
from service.journal import Journal
from service.lines import Lines
from service.settings import Settings
from service.visit import current


def set_up_logs(form: Form, level: Level, *, all_requests: bool, alone: bool) -> Journal:
    """Have all of this process's logs written to its standard error.

    Args:
        form: of the lines.
        level: below which nothing is logged.
        all_requests: log each request; else only those that the service failed.
        alone: no other process writes there.

    Returns:
        Where requests are logged.
    """
    is_terminal, number = _is_terminal(), logging.getLevelNamesMapping()[level.upper()]
    form, lines = choose_form(form), Lines(_find_descriptor(), alone=alone)
    colours = is_terminal and not os.environ.get("NO_COLOR")
    handler = _Handler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), structlog.stdlib.add_log_level, _add_request],
            processors=_for_programs() if form is Form.JSON else _for_people(colours=colours),
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    return Journal(lines, form, number, colours=colours, all_requests=all_requests)


def start_logging(settings: Settings) -> Journal:
    """Do so as the settings say."""
    alone = settings.workers == 1
    return set_up_logs(settings.log_format, settings.log_level, all_requests=settings.access_log, alone=alone)


def choose_form(form: Form) -> Form:
    """For people on a terminal, for programs elsewhere, where nobody chose."""
    if form is Form.AUTO:
        return Form.PRETTY if _is_terminal() else Form.JSON
    return form


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _find_descriptor() -> int:
    """Of the standard error; where the process was started without one, its number may be another file's by now."""
    return os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else sys.stderr.fileno()


class _Handler(logging.Handler):
    """Writes what is logged as lines."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.write(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except Exception:  # noqa: BLE001 - a line that can't be written must not end what it tells of
            self.handleError(record)


def _add_request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Say which request it was for."""
    if (visit := current.get()) is not None:
        event["request_id"] = visit.request_id
    return event


def _for_programs() -> list[Processor]:
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # they may hold secrets
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.TimeStamper(fmt="iso", key="time"),
        structlog.processors.ExceptionRenderer(tracebacks),
        structlog.processors.StackInfoRenderer(),
        _put_in_order,
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _for_people(*, colours: bool) -> list[Processor]:
    console = structlog.dev.ConsoleRenderer(
        colors=colours, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        console,
    ]


def _put_in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What every line has comes first; uvicorn's own colouring doesn't come at all."""
    first = {"time": event.pop("time"), "level": event.pop("level"), "event": event.pop("event")}
    event.pop("color_message", None)
    return {**first, **event}


def _to_json(event: dict[str, Any], **_: object) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # text that is no UTF-8, for one
        return json.dumps(event, default=str, skipkeys=True)
