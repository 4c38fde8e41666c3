"""Lab results of a zone, beside its sensors."""

from __future__ import annotations

import msgspec

from console.context import House
from console.i18n import N_
from console.records.bodies import text
from console.records.shapes import LabResultBody, LabResultJson
from console.records.zones import own_word
from console.security import Caller
from console.shapes import Page
from domain.lab import FLOW_MAY_DIFFER_PCT, LabResult, check_lab_result
from domain.milder_records import change_by_sample
from domain.registry import Entry, Registry
from domain.scope import Scope
from domain.times import to_rfc3339
from storage.records.lab_results import Get, StoredLabResult

FLOW = N_("The flow before and after differs by more than 5 %.")
NO_BLANK = N_("No field blank is on record.")
NO_ACCREDITATION = N_("The laboratory's accreditation is not on record.")


def add_lab_result(house: House, caller: Caller, zone_id: str, body: LabResultBody) -> LabResultJson:
    """Raises `BadInput` for what cannot be; a result is never changed, only superseded."""
    zone = house.sources.zone(caller.scope, zone_id)
    now_us = house.context.clock.now_us()
    result = LabResult(**{name: getattr(body, name) for name in LabResult.__struct_fields__})
    check_lab_result(result, now_us)
    stored = house.stores.lab_results.add(
        zone.site,
        zone.id,
        result,
        author=caller.user.name,
        reason=text(body.reason, "reason"),
        now_us=now_us,
        entries=lambda registry, stored, get: _change(registry, stored, get, caller),
    )
    house.sources.look_again()
    house.people.record(caller.user.name, "lab result entered", str(stored.id), zone.id)
    return lab_json(stored)


def _change(registry: Registry, stored: StoredLabResult, get: Get, caller: Caller) -> list[Entry]:
    """What the other side has to agree to, where the result may make others milder."""
    zone = registry.latest().zones.get(stored.zone)
    change = None if zone is None else change_by_sample(zone, stored.id, stored.result, _agreed_before(registry, stored, get), stored.recorded_us)
    if change is None:
        return []
    body = msgspec.json.encode(msgspec.structs.replace(change, signatures=own_word(caller, stored.recorded_us, stored.reason)))
    return [
        Entry(
            site=stored.site,
            kind="change",
            id=change.id,
            valid_from_us=stored.result.start_us,
            recorded_us=stored.recorded_us,
            author=stored.author,
            reason=stored.reason,
            body=body,
        )
    ]


def _agreed_before(registry: Registry, stored: StoredLabResult, get: Get) -> LabResult | None:
    """The result that it corrects; where that waits for a side itself, the one before."""
    left_out, before = registry.undisputed().without_samples, stored.result.supersedes
    while before is not None:
        found = get(before)
        if found is None or before not in left_out:
            return found.result if found else None
        before = found.result.supersedes
    return None


def lab_results_of(house: House, scope: Scope, zone_id: str, *, limit: int, cursor: str | None) -> Page[LabResultJson]:
    zone = house.sources.zone(scope, zone_id)
    page = house.stores.lab_results.of_zone(zone.id, limit=limit, cursor=cursor)
    return Page[LabResultJson](items=[lab_json(stored) for stored in page.items], next=page.next)


def lab_json(stored: StoredLabResult) -> LabResultJson:
    result = stored.result
    return LabResultJson(
        id=stored.id,
        zone=stored.zone,
        result=result,
        volume_l=None if result.volume_l is None else round(result.volume_l, 3),
        flow_differs_pct=None if result.flow_differs_pct is None else round(result.flow_differs_pct, 2),
        doubtful=doubts(result),
        superseded_by=stored.superseded_by,
        author=stored.author,
        reason=stored.reason,
        recorded_at=to_rfc3339(stored.recorded_us),
    )


def doubts(result: LabResult) -> list[str]:
    """What a reader should know of how it was taken."""
    found = [FLOW] if (result.flow_differs_pct or 0.0) > FLOW_MAY_DIFFER_PCT else []
    found += [NO_BLANK] if result.blank is None else []
    return found + ([NO_ACCREDITATION] if not result.accreditation else [])
