"""A zone's board, open to whoever holds its code: no login, no cookie, no script needed, no address kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from console.boards import BoardView, place_of, qr, takes_concerns, view_of
from console.concerns import group_of, shift_of
from console.context import House, house_of
from console.i18n import N_
from console.sealing import TEXT_MAX, Concern, Kind, sealed_concern
from console.security import PUBLIC
from domain.errors import BadInput, NotFound, Refused

router = APIRouter(include_in_schema=False, dependencies=[Depends(PUBLIC)])

KINDS: dict[Kind, str] = {
    "heat": N_("Heat"),
    "smell": N_("Smell or fumes"),
    "noise": N_("Noise"),
    "symptoms": N_("I or others feel unwell"),
    "reprisal": N_("Pressure or punishment for speaking up"),
    "other": N_("Something else about safety or health here"),
}
ELSEWHERE = "elsewhere"
"""Violence, harassment, wages: not stored here, and never shown to the committee."""
EMPTY = N_("Write a few words, or choose what it is about.")
NO_KEY = N_("Concerns cannot be taken here yet: the worker side has no key with which to read them. Use the form on paper.")


@router.get("/w/{code}")
def board(request: Request, code: str) -> HTMLResponse:
    return _drawn(request, "board.html", code)


@router.get("/w/{code}/wall")
def wall(request: Request, code: str) -> HTMLResponse:
    """For a display on the wall: it fetches itself again every half minute, with a script or without."""
    return _drawn(request, "board_wall.html", code)


@router.get("/w/{code}/sheet")
def sheet(request: Request, code: str) -> HTMLResponse:
    """The last shifts on one sheet of paper."""
    return _drawn(request, "board_sheet.html", code)


@router.get("/w/{code}/poster")
def poster(request: Request, code: str) -> HTMLResponse:
    return _drawn(request, "board_poster.html", code)


@router.get("/w/{code}/paper")
def paper(request: Request, code: str) -> HTMLResponse:
    """The form for who would rather write by hand, or has to."""
    return _drawn(request, "board_paper.html", code, kinds=KINDS)


@router.get("/w/{code}/concern")
def concern_form(request: Request, code: str) -> HTMLResponse:
    house = house_of(request)
    _open_to_concerns(house, code)
    return _form(request, code)


@router.post("/w/{code}/concern")
def send_concern(
    request: Request,
    code: str,
    kind: Annotated[str, Form(max_length=16)] = "",
    text: Annotated[str, Form(max_length=10 * TEXT_MAX)] = "",
    inspectorate: Annotated[str, Form(max_length=3)] = "",
) -> HTMLResponse:
    """Sealed at once; what comes back says only that it is kept."""
    house = house_of(request)
    _open_to_concerns(house, code)
    house.concern_limiter.take(request.client.host if request.client else "")
    if kind == ELSEWHERE:
        return _drawn(request, "concern_elsewhere.html", code)
    text = text.strip()
    if kind not in KINDS or len(text) > TEXT_MAX or (kind == "other" and not text):
        return _form(request, code, problem=EMPTY, kind=kind, text=text[:TEXT_MAX], status=422)
    _keep(house, code, kind, text, to_inspectorate=inspectorate == "yes")
    return _drawn(request, "concern_thanks.html", code, to_inspectorate=inspectorate == "yes")


def _keep(house: House, code: str, kind: Kind, text: str, *, to_inspectorate: bool) -> None:
    board, _, zone = place_of(house, code)
    keys, held = house.concerns.keys(board.site), house.sources.snapshot()
    if to_inspectorate and "inspectorate" not in keys:
        raise BadInput("the inspectorate has no key here", field="inspectorate", remedy="send it to the worker side only")
    date, shift = shift_of(held, board.site, house.context.clock.now_us())
    concern = Concern(kind=kind, text=text, zones=group_of(held, zone, shift), date=date, shift=shift)
    house.concerns.add(sealed_concern(board.site, concern, keys["worker"].public_key, keys["inspectorate"].public_key if to_inspectorate else None))


def _open_to_concerns(house: House, code: str) -> None:
    """A factory's own centre takes none, and has no such page."""
    _, site, _ = place_of(house, code)
    if house.context.operator != "administration":
        raise NotFound("a centre that the employer runs takes no concerns: use the form on paper or the telephone")
    if not takes_concerns(house, site.id):
        raise Refused(NO_KEY)


def _form(request: Request, code: str, *, problem: str = "", kind: str = "", text: str = "", status: int = 200) -> HTMLResponse:
    house = house_of(request)
    _, site, _ = place_of(house, code)
    has_inspectorate = "inspectorate" in house.concerns.keys(site.id)
    return _drawn(
        request, "concern_form.html", code, status=status, kinds=KINDS, elsewhere=ELSEWHERE, problem=problem, kind=kind, text=text, has_inspectorate=has_inspectorate, most=TEXT_MAX
    )


def _drawn(request: Request, template: str, code: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Nothing is left on the telephone: the language stands in the address, not in a cookie."""
    house = house_of(request)
    view: BoardView = view_of(house, house.renderer.formats(request, None), code)
    page = house.renderer.page(request, template, None, status=status, board=view, qr=Markup(qr(view.address)), **values)  # noqa: S704 - drawn by us, from our own address
    if "set-cookie" in page.headers:
        del page.headers["set-cookie"]
    return page
