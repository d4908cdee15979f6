"""Turns errors into RFC 9457 problem documents: the one place where an exception becomes an HTTP answer.

Below `/v2` they are what the Open Inference Protocol has: `{"error": …}`, with our code beside it.
"""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from service.errors import (
    BodyTooLarge,
    ConvscopeError,
    KeyNeeded,
    Loading,
    Stopping,
    TooBusy,
    TooLate,
    TooManyConnections,
    WrongKey,
)
from service.methods import list_methods
from service.schemas import Problem
from service.visit import current

MEDIA_TYPE = "application/problem+json"

JSON = "application/json"

_PROTOCOL = "/v2"

_CODES = {404: "not_found", 405: "method_not_allowed", 422: "invalid_parameter"}


def add_problem_handlers(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem document."""
    app.add_exception_handler(ConvscopeError, _answer_convscope_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_fault)


def document_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the problems that a route may answer with, for its `responses`."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}} for status in statuses}


def document_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the errors that a route may answer with, for its `responses`."""
    schema = {"schema": {"$ref": "#/components/schemas/InferenceError"}}
    return {status: {"description": HTTPStatus(status).phrase, "content": {JSON: schema}} for status in statuses}


class ProblemResponse(Response):
    """A problem, which takes the form that the request's path asks for."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None) -> None:
        if (asked := current.get()) is not None:
            asked.code, asked.detail = problem.code, problem.detail
            problem = problem.model_copy(update={"request_id": asked.request_id})
        content = problem.model_dump_json(exclude_none=True)
        super().__init__(content, problem.status, headers=headers, media_type=MEDIA_TYPE)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path == _PROTOCOL or path.startswith(f"{_PROTOCOL}/"):
            self.body = orjson.dumps({"error": self._problem.detail, "code": self._problem.code})
            self.headers["content-length"] = str(len(self.body))
            self.headers["content-type"] = JSON
        await super().__call__(scope, receive, send)


def _respond(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The HTTP answer for one problem."""
    return ProblemResponse(problem, headers)


async def _answer_convscope_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ConvscopeError)  # noqa: S101 - Starlette's signature is wider than what it calls with
    return answer_error(error)


def answer_error(error: ConvscopeError) -> Response:
    """The HTTP answer to an error that was raised on purpose."""
    problem = Problem(title=error.title, status=error.status, detail=str(error), code=error.code)
    return _respond(problem, _headers(error))


def _headers(error: ConvscopeError) -> dict[str, str]:
    match error:
        case BodyTooLarge():  # without this, the client would go on sending what is left, and nobody wants it
            return {"Connection": "close"}
        case KeyNeeded() | WrongKey():
            return {"WWW-Authenticate": "Bearer"}
        case TooBusy():
            return {"Retry-After": str(error.retry_after)}
        case TooLate() | Loading() | Stopping() | TooManyConnections():
            return {"Retry-After": "1"}
    return {}


async def _answer_invalid_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    details = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return _respond(Problem(title="Invalid parameter", status=422, detail="; ".join(details), code="invalid_parameter"))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    title = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code, title.lower().replace(" ", "_"))
    detail = f"{request.method} {request.url.path}: {title.lower()}; the API is described at /docs"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(list_methods(request.app.routes, request.url.path))
    problem = Problem(title=title, status=error.status_code, detail=detail, code=code)
    return _respond(problem, headers)


async def _answer_fault(_: Request, error: Exception) -> Response:
    return answer_fault(error)


def answer_fault(error: Exception) -> Response:
    """A fault of ours: the client learns that it is one, the log has the traceback (the server re-raises it)."""
    detail = f"the service failed ({type(error).__name__}); its log has the details"
    return _respond(Problem(title="Internal error", status=500, detail=detail, code="internal_error"))
