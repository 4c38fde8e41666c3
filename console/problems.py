"""Errors as problem details (RFC 9457) for programs and as a plain page for people; what went wrong inside is logged, never shown."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from domain.errors import BadInput, Conflict, NotFound, NotReady, OshwatchError, Refused

MEDIA_TYPE = "application/problem+json"
API = "/api/"
TITLES = {
    400: "Bad request",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    422: "Invalid parameter",
    429: "Too many requests",
    500: "Internal error",
    501: "Not implemented",
    503: "Not ready",
}

log = logging.getLogger(__name__)


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter that is wrong."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `type` stays about:blank: the title is that of the status."""

    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldProblem] = []


class NotLoggedIn(OshwatchError):
    """No valid session or token came with the request."""


class TooMany(OshwatchError):
    """Wait before the next try."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


def problem(status: int, detail: str, *, instance: str = "", errors: list[FieldProblem] | None = None, headers: dict[str, str] | None = None) -> Response:
    body = Problem(title=TITLES.get(status, "Error"), status=status, detail=detail, instance=instance, errors=errors or [])
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def status_of(error: OshwatchError) -> int:
    if isinstance(error, NotLoggedIn):
        return 401
    if isinstance(error, TooMany):
        return 429
    if isinstance(error, BadInput):
        return 422
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Refused):
        return 403
    if isinstance(error, Conflict):
        return 409
    return 503 if isinstance(error, NotReady) else 500


def headers_of(error: OshwatchError) -> dict[str, str]:
    if isinstance(error, NotLoggedIn):
        return {"WWW-Authenticate": 'Bearer realm="oshwatch"'}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": "5"} if isinstance(error, NotReady) else {}


def wants_page(request: Request) -> bool:
    """Whether a person is looking: everything outside the API, but probes."""
    return not request.url.path.startswith(API) and request.url.path not in ("/healthz", "/readyz", "/metrics")


def install(app: FastAPI, page: Any) -> None:
    """`page(request, status, detail)` draws the error page."""

    def answer(request: Request, status: int, detail: str, errors: list[FieldProblem] | None = None, headers: dict[str, str] | None = None) -> Response:
        if wants_page(request):
            drawn: Response = page(request, status, detail)
            drawn.headers.update(headers or {})
            return drawn
        return problem(status, detail, instance=request.url.path, errors=errors, headers=headers)

    def on_house_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, OshwatchError)
        errors = [FieldProblem(field=error.field, detail=error.message)] if isinstance(error, BadInput) and error.field else None
        if status_of(error) >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error)
        return answer(request, status_of(error), str(error), errors, headers_of(error))

    def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [FieldProblem(field=str(item["loc"][-1]) if item["loc"] else "body", detail=str(item["msg"])) for item in error.errors()]
        return answer(request, 422, "; ".join(f"{item.field}: {item.detail}" for item in errors), errors)

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, error.status_code, str(error.detail), headers=dict(error.headers or {}))

    def on_bug(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(request, 500, "something went wrong here; the log of the console says what")

    app.add_exception_handler(OshwatchError, on_house_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)
