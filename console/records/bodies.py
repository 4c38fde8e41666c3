"""Bodies of requests, decoded into a shape; what is wrong is named by its field."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends, Request

from domain.errors import BadInput
from domain.jsontext import from_json

Shape = TypeVar("Shape")

BODY_MAX = 256 * 1024
TEXT_MAX = 2000
_AT = re.compile(r"(?P<what>.*?) - at `\$(?P<path>[^`]*)`", re.DOTALL)
_FIELD = re.compile(r"field `(\w+)`")


async def _raw(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_MAX:
            raise BadInput(f"longer than {BODY_MAX} bytes", field="body", remedy="send less at once")
    return raw


Body = Annotated[bytes, Depends(_raw)]


async def _fields(request: Request) -> dict[str, str]:
    """A form's fields, blanks left out: what is not filled in is not said."""
    form = await request.form(max_fields=12_000)
    return {name: value for name, value in form.items() if isinstance(value, str) and value.strip()}


Fields = Annotated[dict[str, str], Depends(_fields)]


def filled(fields: dict[str, str], shape: type[Shape]) -> Shape:
    """A form's texts as the shape that the REST interface takes; `custody` is a list by lines."""
    values: dict[str, object] = dict(fields)
    if "custody" in values:
        values["custody"] = [line.strip() for line in fields["custody"].splitlines() if line.strip()]
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None


def decoded(raw: bytes, shape: type[Shape]) -> Shape:
    try:
        return from_json(raw or b"{}", shape)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None
    except msgspec.DecodeError as error:
        raise BadInput(str(error), field="body", remedy="send JSON") from None


def _named(message: str) -> BadInput:
    """`Expected `int`, got `str` - at `$.women`` → field women."""
    at = _AT.fullmatch(message)
    path, what = (at["path"].lstrip("."), at["what"]) if at else ("", message)
    named = _FIELD.search(what)
    field = ".".join(part for part in (path, named[1] if named else "") if part)
    return BadInput(what, field=field or "body", remedy="see /api/v1/openapi.json")


def text(value: str, field: str) -> str:
    """Trimmed; raises `BadInput` when it is too long to be a sentence or two."""
    if len(value) > TEXT_MAX:
        raise BadInput("is too long", field=field, remedy=f"at most {TEXT_MAX} characters")
    return value.strip()
