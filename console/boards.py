"""What a zone's board says to whoever stands before it: the place, never a person; words and shapes, never colour alone; no number that is no longer true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import segno

from console.context import House
from console.floors import Floor, load_floor, main_window
from console.formats import Formats
from console.pages.exposure import kind_of, running, shown_as_dose
from console.pages.floor import advice
from console.words import STATUS, Mark, hazard_name, metric_name, state_name, window_name
from domain.errors import NotFound
from domain.hazards import ZoneStatus
from domain.registry import SiteSpec, Zone
from domain.scope import Role, Scope
from domain.times import DAY_US, parse_instant
from domain.verdict import Verdict
from models.rights import Right, rights_of
from storage.records.concerns import Board, BoardSettings

SHIFTS_SHOWN = 3
LOOK_BACK_US = 8 * DAY_US
PICTURES = {"heat": "heat", "noise": "noise", "dust": "dust", "air_quality": "air"}


@dataclass(frozen=True, slots=True)
class HazardSign:
    """A hazard of the place, now."""

    name: str
    picture: str
    status: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """One result of one shift, without a number of persons."""

    name: str
    picture: str
    what: str
    value: str
    between: str
    limit: str
    law: bool
    state: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftResults:
    """A shift of the place: the worst line comes first."""

    date: str
    shift: str
    is_over: bool
    lines: Sequence[ResultLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """All that stands on the board, the wall and the sheet."""

    code: str
    address: str
    site: SiteSpec
    zone: Zone
    status: str
    mark: Mark
    hazards: Sequence[HazardSign]
    what: str
    value: str
    limit: str
    unproven: bool
    missing: Sequence[str]
    advice: str
    since: str
    at: str
    day: str
    simulated: bool
    shifts: Sequence[ShiftResults]
    rights: Sequence[Right]
    settings: BoardSettings
    takes_concerns: bool


def place_of(house: House, code: str) -> tuple[Board, SiteSpec, Zone]:
    """Raises `NotFound` for a code that opens nothing; it says no more than that."""
    board = house.boards.by_code(code)
    held = house.sources.snapshot()
    if board is None or board.zone not in held.zones or board.site not in held.sites:
        raise NotFound("no such board")
    return board, held.sites[board.site], held.zones[board.zone]


def takes_concerns(house: House, site: str) -> bool:
    """Only where the employer does not run this centre, and the worker side can open what is written."""
    return house.context.operator == "administration" and "worker" in house.concerns.keys(site)


def view_of(house: House, formats: Formats, code: str) -> BoardView:
    board, site, zone = place_of(house, code)
    floor = load_floor(house, Scope(user="", role=Role.PROGRAMME, grant=site.id), site.id, zone.id)
    live, now = floor.current(zone.id), floor.now_us
    window = main_window(live) if live and not floor.held(zone.id) else None
    since = floor.since(zone.id)
    return BoardView(
        code=code,
        address=board_address(house, board),
        site=site,
        zone=zone,
        status=floor.status(zone.id).value,
        mark=floor.mark(zone.id),
        hazards=_signs(floor, zone),
        what=window_name(window.metric) if window else "",
        value=formats.measure(window.value, window.unit) if window else "",
        limit=formats.measure(window.action_from, window.unit) if window and window.action_from is not None else "",
        unproven=bool(window and window.status is not ZoneStatus.WITHIN and not window.proven),
        missing=[hazard_name(hazard) for hazard in floor.unmeasured(zone.id)],
        advice=advice(house, floor, zone.id),
        since=formats.moment(since, floor.timezone) if since else "",
        at=formats.clock(now, floor.timezone),
        day=formats.day(now, floor.timezone),
        simulated=floor.simulated(),
        shifts=_results(house, floor, zone, formats),
        rights=rights_of(site.country),
        settings=house.boards.settings(site.id),
        takes_concerns=takes_concerns(house, site.id),
    )


def board_address(house: House, board: Board) -> str:
    return f"{house.context.console_url.rstrip('/')}/w/{board.code}"


def qr(address: str) -> str:
    """Inline SVG without a style of its own; the quiet zone is part of it."""
    return str(segno.make(address, error="q", micro=False).svg_inline(omitsize=True, border=4, light="#fff", dark="#000"))


def picture_of(hazard: str) -> str:
    return PICTURES.get(hazard, "gas")


def _signs(floor: Floor, zone: Zone) -> list[HazardSign]:
    """What the zone is known to have counts as not measured while nothing is known of it."""
    live = floor.current(zone.id)
    statuses = dict.fromkeys(zone.spec.hazards, ZoneStatus.UNKNOWN) | (dict(live.hazards) if live else {})
    for alert in floor.alerts:
        if alert.hazard in floor.held(zone.id) and alert.hazard in statuses:
            statuses[alert.hazard] = ZoneStatus(alert.severity.value)
    return [HazardSign(hazard_name(hazard), picture_of(hazard), status.value, STATUS[status.value]) for hazard, status in statuses.items()]


def _results(house: House, floor: Floor, zone: Zone, formats: Formats) -> list[ShiftResults]:
    """The last shifts of the place, the latest first."""
    held: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in house.stores.recent_verdicts(zone.site, zone.id, floor.now_us - LOOK_BACK_US):
        if verdict.basis != "personal":
            held.setdefault((verdict.shift.date, verdict.shift.name), []).append(verdict)
    latest = sorted(held, key=lambda key: held[key][0].shift.start, reverse=True)[:SHIFTS_SHOWN]
    return [_shift(held[key], floor, formats) for key in latest]


def _shift(verdicts: Sequence[Verdict], floor: Floor, formats: Formats) -> ShiftResults:
    """Of each hazard and metric the worst line."""
    order = ("exceeds", "not_assessable", "indeterminate", "within")
    worst: dict[tuple[str, str], Verdict] = {}
    for verdict in sorted(verdicts, key=lambda one: (order.index(one.state), -(one.value or 0))):
        worst.setdefault((verdict.hazard, verdict.metric), verdict)
    first = verdicts[0].shift
    return ShiftResults(
        date=formats.day(parse_instant(first.start), floor.timezone),
        shift=first.name,
        is_over=not running(verdicts[0], floor.now_us),
        lines=[_line(verdict, floor, formats) for verdict in worst.values()],
    )


def _line(stored: Verdict, floor: Floor, formats: Formats) -> ResultLine:
    verdict = shown_as_dose(stored) if running(stored, floor.now_us) else stored
    limit = verdict.limit
    return ResultLine(
        name=hazard_name(verdict.hazard),
        picture=picture_of(verdict.hazard),
        what=metric_name(verdict.metric),
        value=formats.measure(verdict.value, verdict.unit),
        between=formats.bounded(verdict.low, verdict.high, verdict.unit),
        limit=formats.measure(limit.value, verdict.unit) if limit.value is not None else "",
        law=limit.law,
        state=state_name(verdict.state, verdict.value, limit.value),
        kind=kind_of(verdict),
    )
