"""The registry file of contract 5: text in, a checked `SiteFile` out. What the types cannot say is checked here, and every error names file, line and field."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import BadInput
from domain.ids import ID_RULE, channel_id, is_id
from domain.processes import PROCESSES
from domain.quantities import QUANTITIES, is_cas, quantity_of
from domain.registry import DAYS, AgentSpec, CalibrationSpec, ChannelSpec, ShiftSpec, SiteFile, SiteSpec, Solvent, ZoneSpec
from domain.shifts import local_instant
from domain.times import parse_instant
from domain.yamltext import line_of, parse_yaml

SCHEMA_ID = "site.schema.json"

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_COUNTRY = re.compile(r"[A-Z]{2}")
MOST_ATTENUATION_DB = 50.0
"""More than plugs and muffs together give: bone conduction bypasses them."""
_DAY_MIN, _WEEK_MIN = 24 * 60, 7 * 24 * 60
_PLAIN_HAZARDS = frozenset({"heat", "noise", "dust", "air_quality"})

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Problem:
    path: Path
    message: str
    remedy: str


def parse_site_file(text: str, source: str) -> SiteFile:
    """A registry file that may be imported; raises `BadInput` for the first thing that is wrong with it."""
    file = parse_yaml(text, SiteFile, source=source)
    check_site_file(file, text, source)
    return file


def check_site_file(file: SiteFile, text: str, source: str) -> None:
    """Raises `BadInput` for the first thing in the file that its types allow and the house does not."""
    for problem in _problems(file):
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path).lstrip(".")
        raise BadInput(problem.message, source=source, line=line_of(text, *problem.path), field=field, remedy=problem.remedy)


def instant_of(text: str, timezone: str, *, field: str) -> int:
    """A date is 00:00 local of the site; anything else a time with an offset, or `BadInput`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return parse_instant(text, field=field)
    return local_instant(day, "00:00", ZoneInfo(timezone))


def site_schema() -> str:
    """The file's JSON Schema, derived from its types."""
    schema = msgspec.json.schema(SiteFile)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, "title": "Oshwatch registry file: one site"}
    return msgspec.json.format(msgspec.json.encode({**head, **schema}), indent=2).decode() + "\n"


def _problems(file: SiteFile) -> Iterator[_Problem]:
    yield from _site(file.site)
    yield from _dates(file)
    zones = [zone.id for zone in file.zones]
    yield from _twice("zones", zones)
    for number, zone in enumerate(file.zones):
        yield from _zone(("zones", number), zone)
        if zone.rest_zone and (zone.rest_zone not in zones or zone.rest_zone == zone.id):
            yield _Problem(
                ("zones", number, "rest_zone"), f"no other zone '{zone.rest_zone}' in this file", "leave it out where rest is taken at the place of work; " + _known(zones)
            )
    for number, shift in enumerate(file.shifts):
        yield from _shift(("shifts", number), shift, zones)
    yield from _overlaps(file.shifts, zones)
    yield from _twice("agents", [agent.id for agent in file.agents])
    for number, agent in enumerate(file.agents):
        yield from _agent(("agents", number), agent, zones)
    yield from _twice("calibrations", [calibration.id for calibration in file.calibrations])
    channels = {channel_id(agent.id, channel.placement, channel.quantity) for agent in file.agents for channel in agent.channels}
    for number, calibration in enumerate(file.calibrations):
        yield from _calibration(("calibrations", number), calibration, channels, file.site.timezone)


def _site(site: SiteSpec) -> Iterator[_Problem]:
    yield from _id(("site", "id"), site.id)
    yield from _named(("site", "name"), site.name)
    if not _is_time_zone(site.timezone):
        yield _Problem(("site", "timezone"), f"no time zone '{site.timezone}'", "an IANA name such as Asia/Ho_Chi_Minh")
    if not _COUNTRY.fullmatch(site.country):
        yield _Problem(("site", "country"), f"'{site.country}' is no country code", "two capital letters (ISO 3166), such as VN")
    if not 1 <= site.committee_rule.quorum_each <= 50:
        yield _Problem(("site", "committee", "quorum_each"), "is no number of persons of each side", "1 to 50")
    for number, profile in enumerate(site.profiles):
        yield from _id(("site", "profiles", number), profile)
    yield from _place(site)


def _place(site: SiteSpec) -> Iterator[_Problem]:
    degrees = {"latitude": (site.latitude, 90.0), "longitude": (site.longitude, 180.0)}
    for name, (value, most) in degrees.items():
        if not isinstance(value, msgspec.UnsetType) and not -most <= value <= most:
            yield _Problem(("site", name), f"{value:g} cannot be", f"degrees, -{most:g} to {most:g}; south and west are negative")
    if site.height_m is not None and not -500.0 <= site.height_m <= 5_000.0:
        yield _Problem(("site", "altitude_m"), f"{site.height_m:g} cannot be", "metres above the sea, -500 to 5000")
    missing = [name for name, (value, _) in degrees.items() if isinstance(value, msgspec.UnsetType)]
    if len(missing) == 1:
        yield _Problem(("site", missing[0]), "is missing", "give latitude and longitude, or neither")


def _dates(file: SiteFile) -> Iterator[_Problem]:
    for name, text in (("valid_from", file.valid_from), ("until", file.until)):
        if text is not None:
            yield from _moment((name,), text, file.site.timezone)
    if file.valid_from is not None and file.until is not None:
        first, end = (instant_of(text, file.site.timezone, field="") for text in (file.valid_from, file.until))
        if end <= first:
            yield _Problem(("until",), "is not after valid_from", "give the first date on which the things named no longer hold")


def _zone(path: Path, zone: ZoneSpec) -> Iterator[_Problem]:
    yield from _id((*path, "id"), zone.id)
    yield from _named((*path, "name"), zone.name)
    yield from _positive((*path, "metabolic_rate_w"), zone.metabolic_rate_w)
    for sex in ("women", "men"):
        if zone.workers is not None and getattr(zone.workers, sex) < 0:
            yield _Problem((*path, "workers", sex), "is less than nobody", "a whole number, 0 or more")
    if min(zone.newcomers or 0, (zone.workers.newcomers or 0) if zone.workers else 0) < 0:
        yield _Problem((*path, "newcomers"), "is less than nobody", "a whole number, 0 or more")
    if zone.protector_attenuation_db is not None and not 0 <= zone.protector_attenuation_db <= MOST_ATTENUATION_DB:
        yield _Problem((*path, "protector_attenuation_db"), f"{zone.protector_attenuation_db:g} cannot be", f"decibels, 0 to {MOST_ATTENUATION_DB:g}, as worn")
    if zone.process and zone.process not in PROCESSES:
        yield _Problem((*path, "process"), f"no process '{zone.process}'", "known: " + ", ".join(PROCESSES))
    for number, hazard in enumerate(zone.hazards):
        if not _is_hazard(hazard):
            yield _Problem((*path, "hazards", number), f"no hazard '{hazard}'", "heat, noise, dust, air_quality, gas:QUANTITY or chemical:CAS")
    yield from _solvents((*path, "solvents"), zone.solvents)
    for quantity, value in zone.worst_case.items():
        if quantity_of(quantity) is None:
            yield _Problem((*path, "worst_case", quantity), f"no quantity '{quantity}'", _known_quantities())
        if not math.isfinite(value):
            yield _Problem((*path, "worst_case", quantity), "is not a finite number", "the worst value that both sides agreed on")
    yield from _plan((*path, "plan"), zone.plan)


def _solvents(path: Path, solvents: Sequence[Solvent]) -> Iterator[_Problem]:
    for number, one in enumerate(solvents):
        if not is_cas(one.cas):
            yield _Problem((*path, number, "cas"), f"'{one.cas}' is no CAS number that checks", "as on the safety data sheet")
        for name in ("response_factor", "ionisation_ev"):
            yield from _positive((*path, number, name), getattr(one, name))
        if not 0 <= one.least_share <= one.most_share <= 1:
            yield _Problem((*path, number, "most_share"), "shares are not from 0 to 1, the least not over the most", "shares of the mixture's moles, 0 to 1")
    if len({one.cas for one in solvents}) < len(solvents):
        yield _Problem(path, "names a substance twice", "one entry a substance")
    if solvents and (sum(one.least_share for one in solvents) > 1 + 1e-9 or sum(one.most_share for one in solvents) < 1 - 1e-9):
        yield _Problem(path, "the shares cannot add up to 1", "raise the most or lower the least share of some substance")


def _plan(path: Path, plan: Sequence[float]) -> Iterator[_Problem]:
    if not plan:
        return
    remedy = "[x, y, width, height] in percent of the floor plan"
    if len(plan) != 4:
        yield _Problem(path, f"has {len(plan)} numbers, not 4", remedy)
        return
    x, y, width, height = plan
    if not (x >= 0 and y >= 0 and width > 0 and height > 0 and x + width <= 100 and y + height <= 100):
        yield _Problem(path, "does not lie on the floor plan", remedy)


def _shift(path: Path, shift: ShiftSpec, zones: Sequence[str]) -> Iterator[_Problem]:
    yield from _named((*path, "name"), shift.name)
    clocks: list[tuple[Path, str]] = [((*path, "start"), shift.start), ((*path, "stop"), shift.stop)]
    clocks += [((*path, "breaks", number, end), clock) for number, pair in enumerate(shift.breaks) for end, clock in enumerate(pair)]
    wrong = [(where, clock) for where, clock in clocks if not _CLOCK.fullmatch(clock)]
    for where, clock in wrong:
        yield _Problem(where, f"'{clock}' is no time of day", 'HH:MM in quotes, such as "07:00"')
    if not shift.days:
        yield _Problem((*path, "days"), "is empty", "leave it out for every day")
    for number, pair in enumerate(shift.breaks):
        if not wrong and not _is_inside(shift, pair):
            yield _Problem((*path, "breaks", number), f"{pair[0]} to {pair[1]} is not inside the shift", f"between {shift.start} and {shift.stop}")
    for number, zone in enumerate(shift.zones):
        if zone not in zones:
            yield _Problem((*path, "zones", number), f"no zone '{zone}' in this file", _known(zones))


def _overlaps(shifts: Sequence[ShiftSpec], zones: Sequence[str]) -> Iterator[_Problem]:
    """Shifts may overlap in different zones only (contract 4)."""
    for number, shift in enumerate(shifts):
        for earlier in shifts[:number]:
            common = [zone for zone in zones or [""] if all(not each.zones or zone in each.zones for each in (shift, earlier))]
            if not common:
                continue
            if shift.name == earlier.name:
                yield _Problem(("shifts", number, "name"), f"'{shift.name}' is there twice for the same zone", "give each shift of a zone its own name")
            elif _meet(shift, earlier):
                yield _Problem(("shifts", number), f"'{shift.name}' overlaps '{earlier.name}'", "shifts may overlap in different zones only: give them `zones:`")


def _meet(first: ShiftSpec, second: ShiftSpec) -> bool:
    return any(
        start < other_stop + shift_by and other_start + shift_by < stop
        for start, stop in _week(first)
        for other_start, other_stop in _week(second)
        for shift_by in (-_WEEK_MIN, 0, _WEEK_MIN)
    )


def _week(shift: ShiftSpec) -> list[tuple[int, int]]:
    """Its spans in minutes from Monday 00:00."""
    start, stop = _span(shift)
    return [(DAYS.index(day) * _DAY_MIN + start, DAYS.index(day) * _DAY_MIN + stop) for day in shift.days]


def _span(shift: ShiftSpec) -> tuple[int, int]:
    start, stop = _minutes(shift.start), _minutes(shift.stop)
    return start, stop if stop > start else stop + _DAY_MIN


def _is_inside(shift: ShiftSpec, pair: tuple[str, str]) -> bool:
    start, stop = _span(shift)
    first, last = (clock + _DAY_MIN if clock < start else clock for clock in map(_minutes, pair))
    return start <= first < last <= stop


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _agent(path: Path, agent: AgentSpec, zones: Sequence[str]) -> Iterator[_Problem]:
    yield from _id((*path, "id"), agent.id)
    seen: set[tuple[str, str]] = set()
    for number, channel in enumerate(agent.channels):
        where = (*path, "channels", number)
        yield from _channel(where, channel, zones)
        if (channel.placement, channel.quantity) in seen:
            yield _Problem(where, f"{channel.placement}/{channel.quantity} is there twice", "one channel for each placement and quantity")
        seen.add((channel.placement, channel.quantity))


def _channel(path: Path, channel: ChannelSpec, zones: Sequence[str]) -> Iterator[_Problem]:
    yield from _id((*path, "placement"), channel.placement)
    quantity = quantity_of(channel.quantity)
    if quantity is None:
        yield _Problem((*path, "quantity"), f"no quantity '{channel.quantity}'", _known_quantities())
    elif quantity_of(channel.quantity, channel.unit) is None or (channel.quantity in QUANTITIES and channel.unit not in ("", quantity.unit)):
        yield _Problem((*path, "unit"), f"'{channel.unit}' is not the unit of {channel.quantity}", f"leave it out, or write {quantity.unit}")
    if channel.zone not in zones:
        yield _Problem((*path, "zone"), f"no zone '{channel.zone}' in this file", _known(zones))
    for name in ("interval_s", "height_m", "distance_to_source_m"):
        yield from _positive((*path, name), getattr(channel, name))
    if channel.instrument is not None:
        instrument, where = channel.instrument, (*path, "instrument")
        yield from _positive((*where, "uncertainty"), instrument.uncertainty)
        yield from _positive((*where, "globe_diameter_mm"), instrument.globe_diameter_mm)
        if instrument.range_low is not None and instrument.range_high is not None and not instrument.range_low < instrument.range_high:
            yield _Problem((*where, "range_high"), "is not above range_low", "the ends of the instrument's measuring range")


def _calibration(path: Path, calibration: CalibrationSpec, channels: Iterable[str], timezone: str) -> Iterator[_Problem]:
    yield from _id((*path, "id"), calibration.id)
    if calibration.channel not in channels:
        yield _Problem((*path, "channel"), f"no channel '{calibration.channel}' in this file", "agent.placement.quantity, as under `agents:`")
    yield from _moment((*path, "performed_at"), calibration.performed_at, timezone)
    if calibration.next_due is not None:
        yield from _moment((*path, "next_due"), calibration.next_due, timezone)
    yield from _positive((*path, "gain"), calibration.gain)
    if not math.isfinite(calibration.offset):
        yield _Problem((*path, "offset"), "is not a finite number", "in the channel's unit")


def _id(path: Path, id: str) -> Iterator[_Problem]:
    if not is_id(id):
        yield _Problem(path, f"'{id}' is no id", ID_RULE)


def _named(path: Path, name: str) -> Iterator[_Problem]:
    if not 1 <= len(name.strip()) <= 64:
        yield _Problem(path, "is empty" if not name.strip() else "is too long", "1 to 64 characters")


def _positive(path: Path, value: float | None) -> Iterator[_Problem]:
    if value is not None and not 0 < value < math.inf:
        yield _Problem(path, f"{value:g} is not over 0", "a number greater than 0")


def _moment(path: Path, text: str, timezone: str) -> Iterator[_Problem]:
    try:
        instant_of(text, timezone, field="")
    except BadInput as error:
        yield _Problem(path, error.message, "a date such as 2026-11-01, or a time with an offset")


def _twice(name: str, ids: Sequence[str]) -> Iterator[_Problem]:
    for id, times in Counter(ids).items():
        if times > 1:
            again = len(ids) - 1 - list(reversed(ids)).index(id)
            yield _Problem((name, again, "id"), f"'{id}' is there twice", "each id once")


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a directory's name, a path out of the database, a name that is not there
        return False
    return True


def _is_hazard(hazard: str) -> bool:
    kind, _, of = hazard.partition(":")
    if kind == "gas":
        return of in QUANTITIES
    return is_cas(of) if kind == "chemical" else hazard in _PLAIN_HAZARDS


def _known_quantities() -> str:
    return "concentration:CAS or one of " + ", ".join(QUANTITIES)


def _known(zones: Sequence[str]) -> str:
    return "known: " + ", ".join(zones) if zones else "list it under `zones:`"
