"""How a result came about: its inputs, its minutes, its gaps and its revisions, from the same stores and by the same code as the result itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from assess.contested import stands_without
from assess.laboratory import sample_of
from assess.limits import GENERAL_DUTY
from assess.minutes import read_series
from assess.outcome import ZoneShift
from assess.plan import SETTLE_US, Placement, Span, shifts_of, span_of
from console.context import House
from console.methods import accuracy_of, method_of
from console.records.labs import lab_json
from console.records.shapes import LabResultJson
from domain.calibration import state_of
from domain.errors import NotFound
from domain.ids import channel_parts
from domain.registry import CalibrationSpec, Channel, ChannelSpec
from domain.scope import Scope
from domain.shifts import Shift
from domain.times import MINUTE_US, minute_of, to_rfc3339
from domain.verdict import CalibrationState, Verdict
from models.arrays import Array, Mask
from models.limits import load_profiles
from models.limits.profile import GeneralDuty, Limit, Mixture
from storage.records.verdicts import StoredVerdict

COMPARED = ("value", "low", "high", "state", "coverage", "grade", "calibration", "contested", "limit", "workers", "assumptions")
"""What is said to have changed between two revisions."""


class InputJson(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument that a result rests on, and what is known of it."""

    channel: str
    quantity: str
    placement: str
    instrument: str
    serial: str
    grade: str
    height_m: float | None
    distance_to_source_m: float | None
    agreed_by: list[str]
    calibration_state: CalibrationState
    calibration: CalibrationSpec | None


class AccuracyJson(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    source: str


class GapJson(msgspec.Struct, frozen=True, kw_only=True):
    agent: str
    start: str
    stop: str
    cause: str
    text: str


class ChangeJson(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    before: Any
    after: Any


class RevisionJson(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    revision: int
    final: bool
    computed_at: str
    why: str
    value: float | None
    low: float | None
    high: float | None
    state: str
    changes: list[ChangeJson]


class LimitSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the limit is written; `seen`: where its text was read, empty when it was not."""

    profile: str
    name: str
    title: str
    edition: str
    clause: str
    seen: str
    formula: str | None
    note: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a result with all that it rests on; minutes are at `/verdicts/{id}/minutes`."""

    id: int
    verdict: Verdict
    final: bool
    why: str
    method: str
    method_source: str
    limit_source: LimitSource | None
    inputs: list[InputJson]
    accuracy: list[AccuracyJson]  # what estimates and plain instruments do to the number
    sample: LabResultJson | None  # of a result that rests on a laboratory; of a set the first
    samples: list[LabResultJson]
    gaps: list[GapJson]
    revisions: list[RevisionJson]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """The minutes of a result as they are on record now: what is held against the limit, and the readings behind it, corrected."""

    start_us: int
    value: Array | None
    counted: Mask
    valid: Mask
    inputs: dict[str, Array]  # by channel


def find(house: House, scope: Scope, id: int) -> StoredVerdict:
    """One revision; what is not in the caller's scope does not exist."""
    stored = house.stores.verdict(id)
    if stored is None or stored.verdict.site not in house.sources.site_ids(scope):
        raise NotFound(f"no verdict '{id}'")
    return stored


def explain(house: House, stored: StoredVerdict) -> Explanation:
    verdict, method = stored.verdict, method_of(stored.verdict.method)
    samples = _samples(house, verdict)
    return Explanation(
        id=stored.id,
        verdict=verdict,
        final=stored.final,
        why=stored.why,
        method=method.words,
        method_source=method.source,
        limit_source=limit_source(verdict),
        inputs=[_input(house, stored, channel.id) for channel in verdict.channels],
        accuracy=[AccuracyJson(text=one.words, source=one.source) for one in accuracy_of(verdict.reasons)],
        sample=samples[0] if samples else None,
        samples=samples,
        gaps=gaps_of(house, stored),
        revisions=revisions_of(house.stores.revisions(verdict.key)),
    )


def _samples(house: House, verdict: Verdict) -> list[LabResultJson]:
    """The laboratory results that it rests on."""
    ids = [id for channel in verdict.channels if (id := sample_of(channel.id)) is not None]
    stored = [house.stores.lab_results.get(id) for id in ids]
    return [lab_json(one) for one in stored if one is not None and one.zone == verdict.zone]


def limit_source(verdict: Verdict) -> LimitSource | None:
    """None for a result that no limit is for."""
    profile = load_profiles().get(verdict.limit.profile)
    if profile is None:
        return None
    entries: list[Limit | Mixture | GeneralDuty] = [*profile.limits, *profile.mixtures, *profile.general_duties]
    entry = next((one for one in entries if profile.clause_of(one) == verdict.limit.clause and getattr(one, "id", GENERAL_DUTY) == verdict.limit.id), None)
    source = profile.sources[entry.source] if entry is not None else None
    limit = entry if isinstance(entry, Limit) else None
    return LimitSource(
        profile=profile.id,
        name=profile.name,
        title=source.title if source else verdict.limit.clause,
        edition=source.edition if source else "",
        clause=entry.clause if entry is not None else verdict.limit.clause,
        seen=source.seen if source else "",
        formula=limit.formula if limit else None,
        note=limit.note if limit else "",
    )


def revisions_of(found: Sequence[StoredVerdict]) -> list[RevisionJson]:
    """The oldest first, each with what it changed."""
    before: list[StoredVerdict | None] = [None, *found[:-1]]
    return [_revision(stored, earlier) for earlier, stored in zip(before, found, strict=True)]


def gaps_of(house: House, stored: StoredVerdict) -> list[GapJson]:
    """Declared spans without samples of the devices that the result rests on."""
    agents = sorted({channel.id.partition(".")[0] for channel in stored.verdict.channels})
    found = house.stores.gaps.between(agents, stored.shift_start_us, stored.shift_stop_us) if agents else []
    return [GapJson(agent=gap.agent, start=to_rfc3339(gap.start_us), stop=to_rfc3339(gap.stop_us), cause=gap.cause, text=gap.text) for gap in found]


def minutes_of(house: House, stored: StoredVerdict) -> Minutes | None:
    """None where the result rests on no instrument, or the zone is not there any more."""
    span = _span(house, stored)
    placement = next((one for one in span.placements if one.label == stored.verdict.placement), None) if span else None
    if span is None or placement is None or not stored.verdict.channels:
        return None
    ids = [channel.id for channel in stored.verdict.channels if channel.id in span.channels]
    series = read_series(house.context.timeseries, ids, span.start_us, span.minutes)
    work = ZoneShift(span=span, series=series, calibrations=_calibrations(house, stored), final=stored.final)
    value, valid = _main(work, placement, stored.verdict, ids)
    inputs = {id: held.value for id in ids if (held := work.measure(placement, channel_parts(id)[2])) is not None}
    return Minutes(start_us=span.start_us, value=value, counted=span.counted, valid=valid, inputs=inputs)


def minutes_csv(minutes: Minutes | None) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    names = list(minutes.inputs) if minutes else []
    writer.writerow(["time", "counted", "valid", "value", *names])
    for row in rows(minutes):
        writer.writerow([to_rfc3339(row.start_us), int(row.counted), int(row.valid), _cell(row.value), *map(_cell, row.inputs)])
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    start_us: int
    counted: bool
    valid: bool
    value: float | None
    inputs: list[float | None]


def rows(minutes: Minutes | None) -> Iterator[MinuteRow]:
    for index in range(len(minutes.counted)) if minutes else ():
        assert minutes is not None
        yield MinuteRow(
            start_us=minutes.start_us + index * MINUTE_US,
            counted=bool(minutes.counted[index]),
            valid=bool(minutes.valid[index]),
            value=_number(minutes.value[index]) if minutes.value is not None else None,
            inputs=[_number(values[index]) for values in minutes.inputs.values()],
        )


def verdict_csv(explanation: Explanation) -> str:
    """Field and value a line; parts of a field by dots."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["field", "value"])
    writer.writerows(_flat("", msgspec.to_builtins(explanation)))
    return out.getvalue()


def _flat(path: str, value: object) -> Iterator[tuple[str, object]]:
    pairs: Iterable[tuple[object, object]]
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    else:
        yield path, "" if value is None else value
        return
    for name, part in pairs:
        yield from _flat(f"{path}.{name}" if path else str(name), part)


def _span(house: House, stored: StoredVerdict) -> Span | None:
    registry, zone = house.sources.registry(), stored.verdict.zone
    start_us = minute_of(stored.shift_start_us)
    stop_us = stored.shift_stop_us if stored.final else min(stored.shift_stop_us, minute_of(stored.computed_us - SETTLE_US))
    return span_of(registry, zone, _shift(house, stored), start_us, max(1, (stop_us - start_us) // MINUTE_US))


def _shift(house: House, stored: StoredVerdict) -> Shift | None:
    registry, verdict = house.sources.registry(), stored.verdict
    zone = registry.at(stored.shift_start_us).zones.get(verdict.zone)
    planned = shifts_of(registry, zone, stored.shift_start_us, stored.shift_stop_us) if zone else []
    return next((shift for shift in planned if (shift.date.isoformat(), shift.name) == (verdict.shift.date, verdict.shift.name)), None)


def _main(work: ZoneShift, placement: Placement, verdict: Verdict, ids: Sequence[str]) -> tuple[Array | None, Mask]:
    """What is held against the limit, minute by minute; nothing for a sum over several substances."""
    nothing = np.zeros(work.span.minutes, dtype=bool)
    if verdict.hazard == "heat":
        wbgt = work.wbgt(placement)
        return (wbgt.value + work.span.clothing_k, wbgt.valid) if wbgt else (None, nothing)
    quantities = {channel_parts(id)[2] for id in ids}
    held = [found for quantity in sorted(quantities) if (found := work.measure(placement, quantity)) is not None]
    if not held:
        return None, nothing
    return (held[0].value if len(held) == 1 else None), np.logical_and.reduce([one.valid for one in held])


def _calibrations(house: House, stored: StoredVerdict) -> dict[str, list[CalibrationSpec]]:
    """Those that the result was made by."""
    registry = house.sources.registry()
    return (registry.undisputed() if stands_without(stored.verdict) else registry).calibrations


def _input(house: House, stored: StoredVerdict, id: str) -> InputJson:
    spec, site = _spec(house, stored, id), stored.verdict.site
    named = next(channel for channel in stored.verdict.channels if channel.id == id)
    records = _calibrations(house, stored).get(id, [])
    instrument = spec.instrument if spec else None
    return InputJson(
        channel=id,
        quantity=channel_parts(id)[2],
        placement=channel_parts(id)[1],
        instrument=named.instrument,
        serial=named.serial,
        grade=instrument.grade if instrument else "trend" if sample_of(id) is None else stored.verdict.grade,
        height_m=spec.height_m if spec else None,
        distance_to_source_m=spec.distance_to_source_m if spec else None,
        agreed_by=list(spec.agreed_by) if spec else [],
        calibration_state=state_of(records, house.sources.timezone(site), stored.shift_start_us, stored.shift_stop_us) if sample_of(id) is None else stored.verdict.calibration,
        calibration=next((record for record in records if record.id == named.calibration_id), None),
    )


def _spec(house: House, stored: StoredVerdict, id: str) -> ChannelSpec | None:
    """As it stood during the shift."""
    registry = house.sources.registry()
    held: Channel | None = registry.at(stored.shift_stop_us).channels.get(id) or registry.at(stored.shift_start_us).channels.get(id)
    return held.spec if held else None


def _revision(stored: StoredVerdict, before: StoredVerdict | None) -> RevisionJson:
    verdict = stored.verdict
    changes = []
    for name in COMPARED if before is not None else ():
        old, new = getattr(before.verdict, name) if before else None, getattr(verdict, name)
        if old != new:
            changes.append(ChangeJson(field=name, before=old, after=new))
    return RevisionJson(
        id=stored.id,
        revision=verdict.revision,
        final=stored.final,
        computed_at=to_rfc3339(stored.computed_us),
        why=stored.why,
        value=verdict.value,
        low=verdict.low,
        high=verdict.high,
        state=verdict.state,
        changes=changes,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)
