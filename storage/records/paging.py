"""Cursor paging over a growing id: `{"items", "next"}` of contract 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.errors import BadInput

T = TypeVar("T")

MAX_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page; `next` goes back as `cursor`, None at the end."""

    items: list[T]
    next: str | None


def after(cursor: str | None) -> int | None:
    """The id that a cursor stands for; raises `BadInput` for one that we did not give out."""
    if not cursor:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise BadInput(f"'{cursor[:40]}' is no cursor of ours", field="cursor", remedy="take it from `next` of the page before")
    return int(cursor)


def page_of(items: Sequence[T], ids: Sequence[int], limit: int) -> Page[T]:
    """A page from `limit` + 1 items that were asked for."""
    return Page(items=list(items[:limit]), next=str(ids[limit - 1]) if len(items) > limit else None)
