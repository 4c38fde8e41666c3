"""Which values of a registry file may make a result less strict than what held before. Doubt goes to the stricter side: a change that may go either way is named too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from domain.agreements import Milder, SiteChange
from domain.ids import zone_id
from domain.milder_records import RETIRED, milder_calibration, milder_plan, site_change
from domain.registry import ChannelSpec, Entry, Instrument, Registry, ShiftSpec, SiteSpec, Workers, ZoneSpec, digest_of

_DAY_MIN = 24 * 60
_CLASSES = ("trend", "screening", "compliance")
_BASES = ("area", "static_breathing_zone", "personal")


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    was: object = ""
    is_now: object = ""
    zone: str = ""


def change_by(registry: Registry, site: str, added: Sequence[Entry]) -> SiteChange | None:
    """What entries make less strict than what both sides have let stand; a site's first import has no past."""
    agreed = registry.undisputed()
    held = {moment: _held(agreed, moment) for moment in {entry.valid_from_us for entry in added}}
    zones = {one.id: zone_id(one.site, _decoded(one.body, ChannelSpec).zone) for one in agreed.entries if one.kind == "channel" and one.body}
    found: list[Milder] = []
    for entry in added:
        before = held[entry.valid_from_us].get((entry.kind, entry.site, entry.id), b"")
        if entry.kind == "calibration":
            found += milder_calibration(entry, before, zones, agreed)
        elif entry.kind == "monitoring_plan":
            found += milder_plan(entry, agreed)
        else:
            found += milder_by(entry, before)
    return site_change(site, added[0].recorded_us, found) if found else None


def _held(registry: Registry, at_us: int) -> dict[tuple[str, str, str], bytes]:
    return {(entry.kind, entry.site, entry.id): entry.body for entry in registry.entries if entry.valid_from_us <= at_us}


def milder_by(entry: Entry, before: bytes) -> list[Milder]:
    """What the entry makes less strict, given the body of the same thing that held before it; nothing without a past."""
    if not before:
        return []
    return [
        Milder(
            kind=entry.kind,
            id=entry.id,
            name=one.name,
            was=_text(one.was),
            is_now=_text(one.is_now),
            zone=one.zone,
            valid_from_us=entry.valid_from_us,
            digest=digest_of(entry.body),
        )
        for one in _compared(entry, before)
    ]


def _compared(entry: Entry, before: bytes) -> Iterator[_Found]:
    if entry.kind == "site" and entry.body:
        yield from _site(_decoded(before, SiteSpec), _decoded(entry.body, SiteSpec))
    elif entry.kind == "shifts" and entry.body:
        yield from _shifts(entry.site, _decoded(before, list[ShiftSpec]), _decoded(entry.body, list[ShiftSpec]))
    elif entry.kind == "zone":
        was = _decoded(before, ZoneSpec)
        found = _zone(was, _decoded(entry.body, ZoneSpec)) if entry.body else iter([_Found(RETIRED)])
        yield from (_Found(one.name, one.was, one.is_now, entry.id) for one in found)
    elif entry.kind == "channel":
        was_channel = _decoded(before, ChannelSpec)
        found = _channel(was_channel, _decoded(entry.body, ChannelSpec)) if entry.body else iter([_Found(RETIRED)])
        yield from (_Found(one.name, one.was, one.is_now, zone_id(entry.site, was_channel.zone)) for one in found)


def _site(was: SiteSpec, now: SiteSpec) -> Iterator[_Found]:
    if dropped := [profile for profile in was.profiles if profile not in now.profiles]:
        yield _Found("profiles", ", ".join(was.profiles), ", ".join(now.profiles) or f"without {', '.join(dropped)}")
    if was.timezone != now.timezone:
        yield _Found("timezone", was.timezone, now.timezone)
    if now.height_m is not None and now.height_m != was.height_m:
        yield _Found("altitude_m", was.height_m, now.height_m)


def _shifts(site: str, before: list[ShiftSpec], after: list[ShiftSpec]) -> Iterator[_Found]:
    by_name: dict[str, list[ShiftSpec]] = {}
    for shift in after:
        by_name.setdefault(shift.name, []).append(shift)
    for was in before:
        same = by_name.get(was.name, [])
        now = next((one for one in same if one.zones == was.zones), same[0] if len(same) == 1 else None)
        zone = zone_id(site, was.zones[0]) if len(was.zones) == 1 else ""
        if now is None:
            yield _Found(f"shift {was.name}", f"{was.start}-{was.stop}", RETIRED, zone)
            continue
        yield from (_Found(f"shift {was.name} {one.name}", one.was, one.is_now, zone) for one in _shift(was, now))


def _shift(was: ShiftSpec, now: ShiftSpec) -> Iterator[_Found]:
    (start, stop), (new_start, new_stop) = _span(was), _span(now)
    if new_start > start or new_stop < stop:
        yield _Found("time", f"{was.start}-{was.stop}", f"{now.start}-{now.stop}")
    if not set(was.days) <= set(now.days):
        yield _Found("days", " ".join(was.days), " ".join(now.days))
    if now.zones and not (was.zones and set(was.zones) <= set(now.zones)):
        yield _Found("zones", " ".join(was.zones), " ".join(now.zones))
    if not _break_minutes(now) <= _break_minutes(was):
        yield _Found("breaks", _breaks(was), _breaks(now))


def _span(shift: ShiftSpec) -> tuple[int, int]:
    start, stop = _minutes(shift.start), _minutes(shift.stop)
    return start, stop if stop > start else stop + _DAY_MIN


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _break_minutes(shift: ShiftSpec) -> set[int]:
    found: set[int] = set()
    for first, last in ((_minutes(first), _minutes(last)) for first, last in shift.breaks):
        found.update(minute % _DAY_MIN for minute in range(first, last if last > first else last + _DAY_MIN))
    return found


def _breaks(shift: ShiftSpec) -> str:
    return " ".join(f"{first}-{last}" for first, last in shift.breaks) or "none"


def _zone(was: ZoneSpec, now: ZoneSpec) -> Iterator[_Found]:
    """A first work rate makes assessable what was not, so that it may end as within: it counts too. Which of two ensembles is lighter, a table says that is not here."""
    if now.metabolic_rate_w is not None and now.metabolic_rate_w < (math.inf if was.metabolic_rate_w is None else was.metabolic_rate_w):
        yield _Found("metabolic_rate_w", was.metabolic_rate_w, now.metabolic_rate_w)
    for name in ("metabolic_rate_measured", "empty_in_breaks"):
        if getattr(now, name) and not getattr(was, name):
            yield _Found(name, False, True)
    for name in ("clothing", "rest_zone"):
        if getattr(now, name) != getattr(was, name):
            yield _Found(name, getattr(was, name), getattr(now, name))
    if now.acclimatised == "yes" != was.acclimatised:
        yield _Found("acclimatised", was.acclimatised, now.acclimatised)
    if was.workers is not None and _fewer(now.workers, was.workers):
        yield _Found("workers")
    if (now.newcomers or 0) < (was.newcomers or 0):
        yield _Found("newcomers")
    if (now.protector_attenuation_db or 0.0) > (was.protector_attenuation_db or 0.0):
        yield _Found("protector_attenuation_db", was.protector_attenuation_db, now.protector_attenuation_db)
    if dropped := [hazard for hazard in was.hazards if hazard not in now.hazards]:
        yield _Found("hazards", ", ".join(was.hazards), f"without {', '.join(dropped)}")
    if now.solvents and now.solvents != was.solvents:
        yield _Found("solvents", ", ".join(one.cas for one in was.solvents) or None, ", ".join(one.cas for one in now.solvents))
    for quantity, value in now.worst_case.items():
        if value < was.worst_case.get(quantity, math.inf):
            yield _Found(f"worst_case {quantity}", was.worst_case.get(quantity), value)


def _fewer(now: Workers | None, was: Workers) -> bool:
    return now is None or now.women < was.women or now.men < was.men or (now.newcomers or 0) < (was.newcomers or 0)


def _channel(was: ChannelSpec, now: ChannelSpec) -> Iterator[_Found]:
    if now.zone != was.zone:
        yield _Found("zone", was.zone, now.zone)
    if _BASES.index(now.basis) > _BASES.index(was.basis):
        yield _Found("basis", was.basis, now.basis)
    if added := [one for one in now.agreed_by if one not in was.agreed_by]:
        yield _Found("agreed_by", ", ".join(was.agreed_by), ", ".join(added))
    if now.unit != was.unit:
        yield _Found("unit", was.unit, now.unit)
    if now.interval_s > was.interval_s:
        yield _Found("interval_s", was.interval_s, now.interval_s)
    for name in ("height_m", "distance_to_source_m"):
        if getattr(now, name) != getattr(was, name) and getattr(was, name) is not None:
            yield _Found(name, getattr(was, name), getattr(now, name))
    yield from _instrument(was.instrument, now.instrument)


def _instrument(was: Instrument | None, now: Instrument | None) -> Iterator[_Found]:
    if now is None:
        return
    if _CLASSES.index(now.grade) > (_CLASSES.index(was.grade) if was else 0):
        yield _Found("instrument class", was.grade if was else None, now.grade)
    if was is None:
        return
    if now.uncertainty is not None and (was.uncertainty is None or now.uncertainty < was.uncertainty):
        yield _Found("instrument uncertainty", was.uncertainty, now.uncertainty)
    if now.globe_diameter_mm != was.globe_diameter_mm:
        yield _Found("globe_diameter_mm", was.globe_diameter_mm, now.globe_diameter_mm)
    if now.range_high is not None and now.range_high < (math.inf if was.range_high is None else was.range_high):
        yield _Found("range_high", was.range_high, now.range_high)


def _decoded(body: bytes, kind: type[Any]) -> Any:
    return msgspec.json.decode(body, type=kind)


def _text(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
