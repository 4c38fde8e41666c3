"""How one result came about, as JSON and CSV: the numbers of its page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from console.api.answers import answer, answers
from console.api.devices import ID_MAX
from console.context import house_of
from console.explain import Explanation, MinuteRow, explain, find, minutes_csv, minutes_of, rows, verdict_csv
from console.security import Reader
from console.shapes import Page
from domain.times import to_rfc3339

router = APIRouter(tags=["zones"])

CSV = "text/csv"
Id = Annotated[int, Path(ge=1, le=ID_MAX)]
Format = Annotated[Literal["json", "csv"] | None, Query(description="csv: as a file; absent: by Accept")]


@router.get("/verdicts/{id}", responses=answers(Explanation, media=(CSV,)))
def verdict(request: Request, id: Id, caller: Reader, format: Format = None) -> Response:
    """One revision of a result with its instruments, calibrations, method, limit's source, gaps, and all revisions with what each changed."""
    house = house_of(request)
    explanation = explain(house, find(house, caller.scope, id))
    if _wants_csv(request, format):
        return _file(verdict_csv(explanation), f"verdict-{id}.csv")
    return answer(explanation)


@router.get("/verdicts/{id}/minutes", responses=answers(Page[dict[str, Any]], media=(CSV,)))
def minutes(request: Request, id: Id, caller: Reader, format: Format = None) -> Response:
    """The minutes behind it as they are on record now, corrected: what is held against the limit, and each instrument's."""
    house = house_of(request)
    found = minutes_of(house, find(house, caller.scope, id))
    if _wants_csv(request, format):
        return _file(minutes_csv(found), f"verdict-{id}-minutes.csv")
    names = list(found.inputs) if found else []
    return answer(Page[dict[str, Any]](items=[_row(row, names) for row in rows(found)]))


def _row(row: MinuteRow, names: list[str]) -> dict[str, Any]:
    return {"time": to_rfc3339(row.start_us), "counted": row.counted, "valid": row.valid, "value": row.value, "channels": dict(zip(names, row.inputs, strict=True))}


def _wants_csv(request: Request, format: str | None) -> bool:
    return format == "csv" if format else CSV in request.headers.get("accept", "")


def _file(text: str, name: str) -> Response:
    return Response(text, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=CSV)
