"""JSON answers from msgspec shapes, and their schemas for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Response

from console.problems import MEDIA_TYPE, Problem

_shapes: list[Any] = []
PROBLEM_STATUSES = (401, 403, 404, 422)


def answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def answers(*shapes: Any, media: Sequence[str] = ()) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: its shape (or one of several), further media types, and problem details."""
    schemas = [_schema(shape) for shape in shapes]
    content = {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}, **{name: {"schema": {"type": "string"}} for name in media}}
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": "problem details", "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}} for status in PROBLEM_STATUSES
    }
    return {200: {"description": "done", "content": content}, **problems}


def body_of(shape: Any) -> dict[str, Any]:
    """`openapi_extra=` of a route whose body we decode ourselves."""
    return {"requestBody": {"content": {"application/json": {"schema": _schema(shape)}}, "required": False}}


def _schema(shape: Any) -> Any:
    _shapes.append(shape)
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document with our shapes among its components."""
    if app.openapi_schema is None:
        from fastapi.openapi.utils import get_openapi  # noqa: PLC0415 - only this needs it

        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, components = msgspec.json.schema_components([*_shapes, Problem], ref_template=_REF)
        document.setdefault("components", {}).setdefault("schemas", {}).update(components)
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
        app.openapi_schema = document
    return app.openapi_schema


_REF = "#/components/schemas/{name}"
