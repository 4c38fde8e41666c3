"""Which ended shifts have to be computed, and why: they just ended, data came late, a registry change has a past date, or nobody looked when they ended."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from assess import texts
from assess.concerned import Concerned
from assess.minutes import MinuteCache
from assess.plan import shifts_of, span_of
from domain.agreements import SiteChange
from domain.calibration import channel_of, performed_us
from domain.ids import zone_id
from domain.lab import LabResult
from domain.overtime import Overtime
from domain.registry import CalibrationSpec, Entry, Registry, Zone, digest_of
from domain.shifts import Shift
from domain.times import DAY_US, MINUTE_US, to_datetime
from storage.records.assessed import AssessedRepository, AssessedShift
from storage.records.lab_results import StoredLabResult
from storage.records.touched import Touched, TouchedRepository
from storage.records.verdicts import StoredVerdict, VerdictRepository
from storage.timeseries.port import TimeSeries

FINAL_AFTER_US = 2 * MINUTE_US
MISSED_BACK_US = 3 * DAY_US
STALE_BACK_US = 400 * DAY_US
"""How far back a change with a past date makes revisions: a year's shifts and some."""
DOUBT_BACK_US = 35 * DAY_US
"""How far back a failed check reaches where none passed before it, and how long an entered result is looked at again after a start."""
BUDGET_S = 1.0
"""Evidence never keeps protection waiting for longer, but for the shifts that were begun with."""
AT_ONCE = 8
"""Shifts that share their arrays: a tenth of a second."""

Calibrations = Mapping[str, Sequence[CalibrationSpec]]


@dataclass(frozen=True, slots=True)
class Task:
    """One ended shift of one zone, to be computed from the store."""

    zone: str
    shift: Shift


@dataclass(slots=True)
class _Reasons:
    """Why an ended shift is computed (again), and the touched rows that wait for it."""

    whys: list[str] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)


class Revisions:
    """A queue in memory of what the databases say is to be done: it is found again after a kill."""

    def __init__(self, timeseries: TimeSeries, verdicts: VerdictRepository, touched: TouchedRepository, assessed: AssessedRepository) -> None:
        self._timeseries, self._verdicts, self._touched, self._assessed = timeseries, verdicts, touched, assessed
        self._ended: list[Task] = []
        self._later: dict[Task, int] = {}  # computed, and once more when what held before is over
        self._due: dict[Task, _Reasons] = {}
        self._rows: set[int] = set()  # touched rows taken and not cleared yet
        self.taken = 0

    @property
    def waiting(self) -> int:
        return len(self._due)

    def ended(self, zone: str, shift: Shift) -> None:
        """This shift is over; it is computed once its last minutes are in."""
        self._ended.append(Task(zone, shift))

    def resume(self, registry: Registry) -> None:
        """What waited to be compared once more when the process ended."""
        self._later |= {Task(one.zone, _shift_of(registry, one)): one.again_us for one in self._assessed.waiting() if one.again_us is not None}

    def computed(self, task: Task, settled_us: int, now_us: int) -> AssessedShift:
        """What is noted of a shift that is computed. One that was longer before a change that is not agreed is computed once more when that time is over."""
        again_us = settled_us if settled_us + FINAL_AFTER_US > now_us else None
        if again_us is not None:
            self._later[task] = again_us
        shift = task.shift
        return AssessedShift(
            zone=task.zone, shift_date=shift.date.isoformat(), shift_name=shift.name, start_us=shift.start_us, stop_us=shift.stop_us, computed_us=now_us, again_us=again_us
        )

    def run(self, do: Callable[[Sequence[tuple[Task, str]]], object], now_us: int) -> None:
        """Compute what is due, some shifts at once, for as long as the floor can wait for its next look; the rest is done at the next ones. Touched rows are cleared once nothing waits for them."""
        for task in [task for task in self._ended if task.shift.stop_us + FINAL_AFTER_US <= now_us]:
            self._ask(task.zone, task.shift, texts.WHY_ENDED)
            self._ended.remove(task)
        for task, settled_us in list(self._later.items()):
            if settled_us + FINAL_AFTER_US <= now_us:
                del self._later[task]
                self._ask(task.zone, task.shift, texts.WHY_ENDED)
        until = time.monotonic() + BUDGET_S
        due = [(task, "; ".join(reasons.whys)) for task, reasons in self._due.items()]
        for first in range(0, len(due), AT_ONCE):
            some = due[first : first + AT_ONCE]
            do(some)
            for task, _ in some:
                del self._due[task]
            if time.monotonic() > until:
                break
        done = self._rows - {row for reasons in self._due.values() for row in reasons.rows}
        self._touched.clear(sorted(done))
        self._rows -= done

    def mark_stale(self, registry: Registry, entries: Sequence[Entry], calibrations: Calibrations, now_us: int) -> None:
        """Ended shifts that a change with a past date falls into, unless they were computed after it was entered."""
        dated = [(entry, _from_us(registry, entry, calibrations)) for entry in entries]
        past = [(entry, from_us) for entry, from_us in dated if from_us < now_us]
        if not past:
            return
        since = max(min(from_us for _, from_us in past), now_us - STALE_BACK_US)
        concerned, by_zone = Concerned(registry), defaultdict[str, list[tuple[Entry, int]]](list)
        for entry, from_us in past:
            for zone in concerned.zones(entry):
                by_zone[zone].append((entry, from_us))
        for computed in self._assessed.between(by_zone, since, now_us):
            whys = [_what(entry) for entry, from_us in by_zone[computed.zone] if from_us < computed.stop_us and entry.recorded_us > computed.computed_us]
            if whys:
                shift = _shift_of(registry, computed)
                for what in whys:
                    self._ask(computed.zone, shift, texts.WHY_REGISTRY.format(what=what))
        for entry, _ in past:
            self._mark_worked(registry, entry, now_us)

    def _mark_worked(self, registry: Registry, entry: Entry, now_us: int) -> None:
        """Overtime on a day without a planned shift makes one that has no result yet."""
        if entry.kind != "overtime" or not entry.body:
            return
        record = msgspec.json.decode(entry.body, type=Overtime)
        zone = registry.at(record.start_us).zones.get(record.zone)
        for shift in shifts_of(registry, zone, record.start_us, record.stop_us) if zone else ():
            ended = shift.stop_us + FINAL_AFTER_US <= now_us and shift.stop_us > now_us - DOUBT_BACK_US
            if (shift.date.isoformat(), shift.name) == (record.date, record.shift) and ended and not self._knows(record.zone, shift, entry.recorded_us):
                self._ask(record.zone, shift, texts.WHY_REGISTRY.format(what=_what(entry)))

    def mark_missed(self, registry: Registry, now_us: int) -> None:
        """Shifts that ended while nobody looked: those with data, and all of a zone that was assessed before."""
        since = now_us - MISSED_BACK_US
        stored = self._verdicts.latest(start_us=since - DAY_US)
        final = {_shift_key(one) for one in stored if one.final}
        known: dict[str, int] = {}
        for one in stored:
            known[one.verdict.zone] = min(known.get(one.verdict.zone, one.shift_start_us), one.shift_start_us)
        for zone in registry.at(now_us).zones.values():
            for shift in shifts_of(registry, zone, since, now_us):
                if shift.stop_us > now_us or (zone.id, shift.date.isoformat(), shift.name) in final:
                    continue
                if known.get(zone.id, now_us) > shift.start_us and not self._has_minutes(registry, zone.id, shift):
                    continue
                if shift.stop_us + FINAL_AFTER_US > now_us:
                    self.ended(zone.id, shift)  # its last minutes may still come
                else:
                    self._ask(zone.id, shift, texts.WHY_MISSED)

    def _has_minutes(self, registry: Registry, zone: str, shift: Shift) -> bool:
        span = span_of(registry, zone, shift, shift.start_us, len(shift.minutes))
        return span is not None and bool(self._timeseries.read_minutes(sorted(span.channels), shift.start_us, shift.stop_us))

    def take_touched(self, registry: Registry, cache: MinuteCache, now_us: int) -> set[str]:
        """Late data: a running shift is read again from there, an ended one is asked for a revision. Returns the zones concerned."""
        found = set()
        rows = self._touched.take(self._rows)
        self._rows.update(row.id for row in rows)
        for row in rows:
            self.taken += 1
            cache.touch(row.channel, row.start_us)
            for zone in _zones_of(registry, row):
                found.add(zone.id)
                self._mark_late(registry, zone, row, now_us)
        return found

    def _mark_late(self, registry: Registry, zone: Zone, row: Touched, now_us: int) -> None:
        site = registry.at(row.start_us).sites.get(zone.site) or registry.at(now_us).sites.get(zone.site)
        if site is None:
            return
        clock = [to_datetime(time_us).astimezone(ZoneInfo(site.timezone)).strftime("%H:%M") for time_us in (row.start_us, row.stop_us, row.arrived_us)]
        why = texts.WHY_LATE.format(channel=row.channel, start=clock[0], stop=clock[1], arrived=clock[2])
        for shift in shifts_of(registry, zone, row.start_us, row.stop_us):
            if shift.stop_us + FINAL_AFTER_US <= now_us:
                self._ask(zone.id, shift, why, row.id)

    def take_samples(self, registry: Registry, entered: Sequence[tuple[StoredLabResult, LabResult | None]], now_us: int) -> set[str]:
        """Laboratory results that were entered: an ended shift that they, or what they correct, are of is asked for, unless it was computed since. Returns the zones concerned."""
        found = set()
        for stored, corrected in ((stored, corrected) for stored, corrected in entered if stored.recorded_us > now_us - DOUBT_BACK_US):
            why = texts.WHY_LAB.format(id=stored.id, author=stored.author)
            for result in (stored.result, *([corrected] if corrected else [])):
                zone = registry.at(result.start_us).zones.get(stored.zone) or registry.latest().zones.get(stored.zone)
                if zone is None:
                    continue
                found.add(zone.id)
                for shift in shifts_of(registry, zone, result.start_us, result.stop_us):
                    if shift.stop_us + FINAL_AFTER_US <= now_us and not self._knows(zone.id, shift, stored.recorded_us):
                        self._ask(zone.id, shift, why)
        return found

    def _knows(self, zone: str, shift: Shift, recorded_us: int) -> bool:
        """Whether the shift was computed after that."""
        held = self._verdicts.latest(zones=[zone], date=shift.date.isoformat(), shift=shift.name)
        return any(stored.final and stored.computed_us > recorded_us for stored in held)

    def _ask(self, zone: str, shift: Shift, why: str, row: int | None = None) -> None:
        reasons = self._due.setdefault(Task(zone, shift), _Reasons())
        if why not in reasons.whys:
            reasons.whys.append(why)
        if row is not None:
            reasons.rows.add(row)


def _shift_of(registry: Registry, computed: AssessedShift) -> Shift:
    """The shift as the plan has it; where the plan has changed since, as it was computed."""
    zone = registry.at(computed.start_us).zones.get(computed.zone)
    planned = shifts_of(registry, zone, computed.start_us, computed.stop_us) if zone else []
    for shift in planned:
        if (shift.date.isoformat(), shift.name) == (computed.shift_date, computed.shift_name):
            return shift
    return Shift(date=date.fromisoformat(computed.shift_date), name=computed.shift_name, start_us=computed.start_us, stop_us=computed.stop_us)


def identity(entry: Entry) -> tuple[str, str, str, int, int]:
    return entry.site, entry.kind, entry.id, entry.valid_from_us, entry.recorded_us


def _what(entry: Entry) -> str:
    return f"{entry.kind} {entry.id} by {entry.author}" + (f" ({entry.reason})" if entry.reason else "")


def _from_us(registry: Registry, entry: Entry, calibrations: Mapping[str, Sequence[CalibrationSpec]]) -> int:
    """From when on a change can alter results: a calibration reaches back to the one before it, which it may put in doubt."""
    if entry.kind == "change" and entry.body:
        return min([entry.valid_from_us, *(_from_us(registry, one, calibrations) for one in _calibrations_in(registry, entry))])
    if entry.kind != "calibration" or not entry.body:
        return entry.valid_from_us
    record = msgspec.json.decode(entry.body, type=CalibrationSpec)
    site = registry.latest().sites.get(entry.site)
    if site is None:
        return entry.valid_from_us
    timezone = ZoneInfo(site.timezone)
    done_us = performed_us(record, timezone)
    before = [other_us for other in calibrations.get(channel_of(record), ()) if (other_us := performed_us(other, timezone)) < done_us]
    return max(before, default=done_us if record.passed else done_us - DOUBT_BACK_US)


def _calibrations_in(registry: Registry, entry: Entry) -> list[Entry]:
    """The records that a change is about."""
    named = {(one.id, one.digest) for one in msgspec.json.decode(entry.body, type=SiteChange).milder if one.kind == "calibration"}
    return [one for one in registry.entries if one.kind == "calibration" and (one.id, digest_of(one.body)) in named] if named else []


def _shift_key(stored: StoredVerdict) -> tuple[str, str, str]:
    return stored.verdict.zone, stored.verdict.shift.date, stored.verdict.shift.name


def _zones_of(registry: Registry, row: Touched) -> list[Zone]:
    """Zones that the channel stood in during the span, and those whose people rest there."""
    found: dict[str, Zone] = {}
    for held in map(registry.at, [row.start_us, *registry.changes_between(row.start_us, row.stop_us)]):
        channel = held.channels.get(row.channel)
        if channel is not None and channel.zone in held.zones:
            found[channel.zone] = held.zones[channel.zone]
            found.update({zone.id: zone for zone in held.zones_of(channel.site) if zone.spec.rest_zone and zone_id(zone.site, zone.spec.rest_zone) == channel.zone})
    return list(found.values())
