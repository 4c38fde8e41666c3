"""Which records may make a result milder: calibrations and checks, laboratory results, and a monitoring plan that comes in a registry file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from domain.agreements import LAB_RESULT, Milder, PlanRow, SiteChange, decode_plan
from domain.calibration import channel_of
from domain.lab import LabResult
from domain.registry import CalibrationSpec, Entry, Registry, Zone, digest_of, zone_of

CALIBRATION = "calibration"
RECORDS = (CALIBRATION, LAB_RESULT)
"""Until both sides agree to one of these kinds, the stricter of the results with and without it decides."""
RETIRED = "retired"


def milder_calibration(entry: Entry, before: bytes, zones: Mapping[str, str], agreed: Registry) -> list[Milder]:
    """A record that says that an instrument is right, or shows too much, may make results milder; one that says that it is wrong does not, unless it takes the place of another.

    `zones`: of the channels that have a past.
    """
    now = msgspec.json.decode(entry.body, type=CalibrationSpec) if entry.body else None
    was = msgspec.json.decode(before, type=CalibrationSpec) if before else None
    if was is None and (now is None or not now.passed):
        return []
    held = agreed.latest().calibrations
    channels = dict.fromkeys(channel_of(record) for record in (now, was) if record is not None)
    return [
        Milder(
            kind=entry.kind,
            id=entry.id,
            name=f"{CALIBRATION} {channel}",
            was=_recorded(was or max(held.get(channel, ()), key=lambda record: record.performed_at, default=None)),
            is_now=RETIRED if now is None or channel_of(now) != channel else _recorded(now),
            zone=zones[channel],
            valid_from_us=entry.valid_from_us,
            digest=digest_of(entry.body),
        )
        for channel in channels
        if channel in zones
    ]


def _recorded(record: CalibrationSpec | None) -> str:
    if record is None:
        return ""
    outcome = f"offset {record.offset:g}, gain {record.gain:g}" if record.passed else "failed"
    return f"{record.type} {record.performed_at} ({outcome})"


def milder_plan(entry: Entry, agreed: Registry) -> list[Milder]:
    """What a plan that says of itself that both sides signed it no longer looks after, or looks after less: a file's word is an administrator's."""
    held, now = agreed.at(entry.valid_from_us).plan_in_force(entry.site), decode_plan(entry.id, entry.body) if entry.body else None
    if held is None or (now is not None and not now.in_force):
        return []
    rows = {_key(row, entry.site): row for row in (now.rows if now else [])}
    changed = [(row, rows.get(_key(row, entry.site))) for row in held.rows]
    return [
        Milder(
            kind=entry.kind,
            id=entry.id,
            name=f"monitoring plan {row.hazard}",
            was=_looked_after(row),
            is_now=_looked_after(other) if other else RETIRED,
            zone=zone_of(row.zone, entry.site),
            valid_from_us=entry.valid_from_us,
            digest=digest_of(entry.body),
        )
        for row, other in changed
        if other is None or (other.how, other.every) != (row.how, row.every)
    ]


def _key(row: PlanRow, site: str) -> tuple[str, str]:
    return zone_of(row.zone, site), row.hazard


def _looked_after(row: PlanRow) -> str:
    return f"{row.how.replace('_', ' ')} {row.every}".strip()


def change_by_sample(zone: Zone, id: int, result: LabResult, was: LabResult | None, now_us: int) -> SiteChange | None:
    """Of a laboratory result that takes the place of another that stood by both sides, or bears out a declared mixture; a value that only went up makes nothing milder."""
    declared = any(one.cas == result.agent for one in zone.spec.solvents)
    only_up = was is not None and result.value >= was.value and replace(result, value=was.value, supersedes=was.supersedes) == was
    if only_up or (was is None and not declared):
        return None
    milder = Milder(kind=LAB_RESULT, id=str(id), name=f"lab result {id}", was=_sampled(was), is_now=_sampled(result), zone=zone.id, valid_from_us=result.start_us, digest="")
    return site_change(zone.site, now_us, [milder])


def _sampled(result: LabResult | None) -> str:
    return f"{result.agent} {result.qualifier}{result.value:g} {result.unit}" if result else ""


def site_change(site: str, recorded_us: int, found: list[Milder]) -> SiteChange:
    """The change that both sides have to agree to, named by what it is."""
    digest = hashlib.sha256(msgspec.json.encode([site, recorded_us, found])).hexdigest()
    return SiteChange(id=f"chg-{digest[:16]}", site=site, milder=found)
