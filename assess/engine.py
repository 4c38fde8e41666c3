"""The running assessment: each tick the live state of every zone, each minute the verdicts of the running shifts, and new revisions when late data or the registry ask for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Engine

from assess import texts
from assess.evaluate import ZoneShift, verdicts_of
from assess.live import LiveZone
from assess.live_air import fill_air_windows
from assess.live_window import Now
from assess.minutes import MinuteCache, Series, read_series
from assess.plan import Span, shifts_of, span_of
from assess.protect import live_zone
from domain.calibration import channel_of, performed_us
from domain.clock import Clock
from domain.reading import Reading
from domain.registry import CalibrationSpec, Entry, Registry, Zone
from domain.shifts import Shift
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, minute_of, to_datetime
from storage.records.registry import RegistryRepository
from storage.records.touched import Touched, TouchedRepository
from storage.records.verdicts import StoredVerdict, VerdictRepository
from storage.records.zone_states import ZoneStateRow, ZoneStatesRepository
from storage.timeseries.port import TimeSeries

SETTLE_US = 15 * SECOND_US
"""A minute is taken to be on record this long after its end: ingest closes it after 5 s, the uplink may take a few."""
FINAL_AFTER_US = 2 * MINUTE_US
OUTSIDE_MIN = 60
"""What is looked at outside a shift."""
MISSED_BACK_US = 3 * DAY_US
STALE_BACK_US = 35 * DAY_US
RECORD_BACK_US = 30 * DAY_US
"""How far back the highest minute on record is looked for."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """What was last computed of one zone."""

    shift: Shift | None = None
    asked_us: int = -(2**62)  # when the shift was looked up
    span: Span | None = None
    work: ZoneShift | None = None


@dataclass(slots=True)
class Counters:
    """What the assessment did since it started; for health and metrics."""

    ticks: int = 0
    verdicts: int = 0
    revisions: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """One ended shift of one zone, to be computed from the store."""

    zone: str
    shift: Shift


@dataclass(slots=True)
class _Due:
    """Ended shifts and why they are computed (again)."""

    why: dict[_Task, list[str]] = field(default_factory=dict)

    def add(self, zone: str, shift: Shift, why: str) -> None:
        reasons = self.why.setdefault(_Task(zone, shift), [])
        if why not in reasons:
            reasons.append(why)


class Assessor:
    """Used by one thread; it keeps nothing that the stores do not have, so it may be killed at any time."""

    def __init__(self, timeseries: TimeSeries, engine: Engine, clock: Clock) -> None:
        self._timeseries, self._clock = timeseries, clock
        self._registry_of = RegistryRepository(engine)
        self._verdicts = VerdictRepository(engine)
        self._touched = TouchedRepository(engine)
        self._states = ZoneStatesRepository(engine)
        self._cache = MinuteCache(timeseries)
        self._registry: Registry | None = None
        self._calibrations: dict[str, list[CalibrationSpec]] = {}
        self._watches: dict[str, _Watch] = {}
        self._counting: dict[str, Reading] = {}
        self._records: dict[tuple[str, int], float | None] = {}
        self._ended: dict[str, list[Shift]] = {}
        self.counters = Counters()

    def tick(self, now_us: int | None = None) -> list[LiveZone]:
        """One look at every zone; raises `NotReady` when a store does not answer, and loses nothing by it."""
        now = self._clock.now_us() if now_us is None else now_us
        due = _Due()
        registry = self._follow_registry(now, due)
        zones = sorted(registry.at(now).zones.values(), key=lambda zone: zone.id)
        rows = self._take_touched(registry, now, due)
        changed = self._look_up_shifts(registry, zones, now)
        self._advance(registry, zones, now, {zone for _, zone in rows} | changed)
        self._finish(registry, now, due)
        self._touched.clear(sorted({row.id for row, _ in rows}))
        live = self._live(zones, now)
        self._states.save_many([_state_row(zone) for zone in live])
        self.counters.ticks += 1
        return live

    def assess_shift(self, zone: str, shift: Shift, *, why: str, now_us: int) -> int:
        """Compute one ended shift of one zone from the store and keep it as final; returns how many verdicts it has."""
        registry = self._registry_of.load()
        self._set_calibrations(registry)
        return self._final(registry, _Task(zone, shift), why, now_us)

    # --- what changed

    def _follow_registry(self, now_us: int, due: _Due) -> Registry:
        registry = self._registry_of.load()
        if registry is self._registry:
            return registry
        before = set() if self._registry is None else {_identity(entry) for entry in self._registry.entries}
        first = self._registry is None
        self._set_calibrations(registry)
        for watch in self._watches.values():
            watch.asked_us, watch.span = -(2**62), None
        fresh = [entry for entry in registry.entries if _identity(entry) not in before]
        self._mark_stale(registry, fresh, now_us, due)
        if first:
            self._mark_missed(registry, now_us, due)
        self._registry = registry
        return registry

    def _set_calibrations(self, registry: Registry) -> None:
        found: dict[str, list[CalibrationSpec]] = {}
        for records in registry.latest().calibrations.values():
            for record in records:
                found.setdefault(channel_of(record), []).append(record)
        self._calibrations = found

    def _mark_stale(self, registry: Registry, entries: Sequence[Entry], now_us: int, due: _Due) -> None:
        """Ended shifts that a change with a past date falls into, unless they were computed after it was entered."""
        dated = [(entry, _from_us(registry, entry, self._calibrations)) for entry in entries]
        past = [(entry, from_us) for entry, from_us in dated if from_us < now_us]
        if not past:
            return
        since = max(min(from_us for _, from_us in past), now_us - STALE_BACK_US)
        for stored in self._verdicts.latest(start_us=since, stop_us=now_us):
            whys = [_what(entry) for entry, from_us in past if entry.site == stored.verdict.site and from_us < stored.shift_stop_us and entry.recorded_us > stored.computed_us]
            if stored.final and whys:
                shift = self._shift_of(registry, stored)
                for what in whys:
                    due.add(stored.verdict.zone, shift, texts.WHY_REGISTRY.format(what=what))

    def _mark_missed(self, registry: Registry, now_us: int, due: _Due) -> None:
        """Shifts that ended while nobody looked: those with data, and all of a zone that was assessed before."""
        since = now_us - MISSED_BACK_US
        stored = self._verdicts.latest(start_us=since - DAY_US)
        final = {_shift_key(one) for one in stored if one.final}
        known: dict[str, int] = {}
        for one in stored:
            known[one.verdict.zone] = min(known.get(one.verdict.zone, one.shift_start_us), one.shift_start_us)
        for zone in registry.at(now_us).zones.values():
            for shift in shifts_of(registry, zone, since, now_us):
                if shift.stop_us + FINAL_AFTER_US > now_us or (zone.id, shift.date.isoformat(), shift.name) in final:
                    continue
                if known.get(zone.id, now_us) <= shift.start_us or self._has_minutes(registry, zone.id, shift):
                    due.add(zone.id, shift, texts.WHY_MISSED)

    def _has_minutes(self, registry: Registry, zone: str, shift: Shift) -> bool:
        span = span_of(registry, zone, shift, shift.start_us, len(shift.minutes))
        return span is not None and bool(self._timeseries.read_minutes(sorted(span.channels), shift.start_us, shift.stop_us))

    def _take_touched(self, registry: Registry, now_us: int, due: _Due) -> list[tuple[Touched, str]]:
        """Late data: the running shift is read again from there, an ended one gets a revision."""
        found: list[tuple[Touched, str]] = []
        for row in self._touched.take():
            self._cache.touch(row.channel, row.start_us)
            for zone in _zones_of(registry, row) or [""]:
                found.append((row, zone))
                if zone:
                    self._mark_late(registry, zone, row, now_us, due)
        self.counters.touched += len({row.id for row, _ in found})
        return found

    def _mark_late(self, registry: Registry, zone_id: str, row: Touched, now_us: int, due: _Due) -> None:
        zone = registry.at(row.start_us).zones.get(zone_id) or registry.at(row.stop_us).zones.get(zone_id) or registry.at(now_us).zones.get(zone_id)
        if zone is None or zone.site not in registry.at(now_us).sites:
            return
        timezone = registry.at(now_us).timezone(zone.site)
        why = texts.WHY_LATE.format(
            channel=row.channel, start=_local(row.start_us, timezone, "%H:%M"), stop=_local(row.stop_us, timezone, "%H:%M"), arrived=_local(row.arrived_us, timezone, "%H:%M")
        )
        for shift in shifts_of(registry, zone, row.start_us, row.stop_us):
            if shift.stop_us + FINAL_AFTER_US <= now_us:
                due.add(zone_id, shift, why)

    # --- the running shift

    def _look_up_shifts(self, registry: Registry, zones: Sequence[Zone], now_us: int) -> set[str]:
        """Zones whose shift began or ended; one that ended is finished a little later."""
        changed = set()
        for zone in zones:
            watch = self._watches.setdefault(zone.id, _Watch())
            if now_us // MINUTE_US == watch.asked_us // MINUTE_US:
                continue
            running = next((shift for shift in shifts_of(registry, zone, now_us, now_us + 1) if shift.holds(now_us)), None)
            if running != watch.shift:
                changed.add(zone.id)
                if watch.shift is not None and watch.shift.stop_us <= now_us:
                    self._ended.setdefault(zone.id, []).append(watch.shift)
            watch.shift, watch.asked_us = running, now_us
        self._let_go(registry, {zone.id for zone in zones}, now_us)
        return changed

    def _let_go(self, registry: Registry, zones: set[str], now_us: int) -> None:
        """A zone that is retired keeps its shift until that has ended."""
        for zone in [zone for zone, watch in self._watches.items() if zone not in zones and (watch.shift is None or watch.shift.stop_us <= now_us)]:
            shift = self._watches.pop(zone).shift
            if shift is not None:
                self._ended.setdefault(zone, []).append(shift)

    def _advance(self, registry: Registry, zones: Sequence[Zone], now_us: int, again: set[str]) -> None:
        """Read what is new and compute the zones for which a minute has passed."""
        stale = []
        for zone in zones:
            watch, (start_us, minutes) = self._watches[zone.id], _reach(self._watches[zone.id].shift, now_us)
            if watch.span is None or zone.id in again or (watch.span.start_us, watch.span.minutes, watch.span.shift) != (start_us, minutes, watch.shift):
                watch.span = span_of(registry, zone.id, watch.shift, start_us, minutes)
                stale.append(watch)
        if not stale:
            return
        series = self._cache.series(_wanted([span for zone in zones if (span := self._watches[zone.id].span) is not None]), now_us)
        found = []
        for watch in stale:
            watch.work = None if watch.span is None else self._work(watch.span, series)
        fill_air_windows([watch.work for watch in stale if watch.work is not None])
        for watch in stale:
            if watch.work is not None and watch.work.span.shift is not None and watch.work.span.minutes:
                found += verdicts_of(watch.work)
        if found:
            self._verdicts.save_many(found, final=False, why=texts.WHY_RUNNING, computed_us=now_us, new_revision=False)
            self.counters.verdicts += len(found)

    def _work(self, span: Span, series: Mapping[str, Series]) -> ZoneShift:
        own = {channel: series[channel].part(span.start_us, span.minutes) for channel in span.channels}
        return ZoneShift(span=span, series=own, calibrations=self._calibrations, final=False, record_high=_RecordHigh(self, span.start_us))

    def record_high(self, channel: str, before_us: int) -> float | None:
        """The highest valid minute of a channel in the weeks before."""
        key = (channel, before_us)
        if key not in self._records:
            if len(self._records) > 10_000:
                self._records.clear()
            minutes = self._timeseries.read_minutes([channel], before_us - RECORD_BACK_US, before_us).get(channel, [])
            self._records[key] = max((minute.high for minute in minutes if minute.high is not None), default=None)
        return self._records[key]

    # --- ended shifts

    def _finish(self, registry: Registry, now_us: int, due: _Due) -> None:
        for zone, shifts in list(self._ended.items()):
            for shift in [one for one in shifts if one.stop_us + FINAL_AFTER_US <= now_us]:
                due.add(zone, shift, texts.WHY_ENDED)
        for task, whys in due.why.items():
            self._final(registry, task, "; ".join(whys), now_us)
            if task.shift in self._ended.get(task.zone, []):
                self._ended[task.zone].remove(task.shift)

    def _final(self, registry: Registry, task: _Task, why: str, now_us: int) -> int:
        start_us, minutes = minute_of(task.shift.start_us), len(task.shift.minutes)
        span = span_of(registry, task.zone, task.shift, start_us, minutes)
        if span is None:
            return 0
        series = read_series(self._timeseries, sorted(span.channels), start_us, minutes)
        work = ZoneShift(span=span, series=series, calibrations=self._calibrations, final=True, record_high=_RecordHigh(self, span.start_us))
        found = verdicts_of(work)
        saved = self._verdicts.save_many(found, final=True, why=why, computed_us=now_us, new_revision=False)
        self.counters.verdicts += len(found)
        self.counters.revisions += sum(verdict.revision > 1 for verdict in saved)
        _log.info("%s %s %s: %d verdicts, %s", task.zone, task.shift.date, task.shift.name, len(found), why)
        return len(found)

    def _shift_of(self, registry: Registry, stored: StoredVerdict) -> Shift:
        """The shift as the plan has it; where the plan has changed since, as it stood in the verdict."""
        verdict = stored.verdict
        zone = registry.at(stored.shift_start_us).zones.get(verdict.zone)
        planned = shifts_of(registry, zone, stored.shift_start_us, stored.shift_stop_us) if zone else []
        for shift in planned:
            if (shift.date.isoformat(), shift.name) == (verdict.shift.date, verdict.shift.name):
                return shift
        return Shift(date=date.fromisoformat(verdict.shift.date), name=verdict.shift.name, start_us=stored.shift_start_us, stop_us=stored.shift_stop_us)

    # --- now

    def _live(self, zones: Sequence[Zone], now_us: int) -> list[LiveZone]:
        works = [work for zone in zones if (work := self._watches[zone.id].work) is not None]
        channels = sorted({channel for work in works for channel in work.span.channels})
        last = self._timeseries.last(channels) if channels else {}
        self._counting.update({channel: reading for channel, reading in last.items() if reading.counts})
        now = Now(at_us=now_us, last=last, counting=self._counting)
        return [live_zone(work, now) for work in works]


@dataclass(frozen=True, slots=True)
class _RecordHigh:
    """Asks for a channel's highest minute only when a gap needs it."""

    assessor: Assessor
    before_us: int

    def __call__(self, channel: str) -> float | None:
        return self.assessor.record_high(channel, self.before_us - self.before_us % HOUR_US)


def _reach(shift: Shift | None, now_us: int) -> tuple[int, int]:
    """Start and minutes of what is on record by now: the shift so far, or outside a shift the last hour."""
    settled_us = minute_of(now_us - SETTLE_US)
    if shift is None:
        return settled_us - OUTSIDE_MIN * MINUTE_US, OUTSIDE_MIN
    start_us = minute_of(shift.start_us)
    return start_us, min(max(0, (settled_us - start_us) // MINUTE_US), len(shift.minutes))


def _wanted(spans: Sequence[Span]) -> dict[str, tuple[int, int]]:
    """What the cache holds of each channel: the whole shift, also while it runs, so that it stays where it is."""
    found: dict[str, tuple[int, int]] = {}
    for span in spans:
        start_us, stop_us = span.start_us, span.start_us + (len(span.shift.minutes) if span.shift else span.minutes) * MINUTE_US
        for channel in span.channels:
            first_us, minutes = found.get(channel, (start_us, 0))
            low_us, high_us = min(first_us, start_us), max(first_us + minutes * MINUTE_US, stop_us)
            found[channel] = (low_us, (high_us - low_us) // MINUTE_US)
    return found


def _identity(entry: Entry) -> tuple[str, str, str, int, int]:
    return entry.site, entry.kind, entry.id, entry.valid_from_us, entry.recorded_us


def _what(entry: Entry) -> str:
    return f"{entry.kind} {entry.id} by {entry.author}" + (f" ({entry.reason})" if entry.reason else "")


def _from_us(registry: Registry, entry: Entry, calibrations: Mapping[str, Sequence[CalibrationSpec]]) -> int:
    """From when on a change can alter results: a calibration reaches back to the one before it, which it may put in doubt."""
    if entry.kind != "calibration" or not entry.body:
        return entry.valid_from_us
    record = msgspec.json.decode(entry.body, type=CalibrationSpec)
    site = registry.latest().sites.get(entry.site)
    if site is None:
        return entry.valid_from_us
    timezone = ZoneInfo(site.timezone)
    done_us = performed_us(record, timezone)
    before = [other_us for other in calibrations.get(channel_of(record), ()) if (other_us := performed_us(other, timezone)) < done_us]
    return max(before, default=done_us if record.passed else done_us - STALE_BACK_US)


def _shift_key(stored: StoredVerdict) -> tuple[str, str, str]:
    return stored.verdict.zone, stored.verdict.shift.date, stored.verdict.shift.name


def _zones_of(registry: Registry, row: Touched) -> list[str]:
    """Zones that the channel stood in during the span."""
    instants = [row.start_us, *registry.changes_between(row.start_us, row.stop_us)]
    found = {channel.zone for held in map(registry.at, instants) if (channel := held.channels.get(row.channel)) is not None}
    return sorted(found)


def _local(time_us: int, timezone: ZoneInfo, form: str) -> str:
    return to_datetime(time_us).astimezone(timezone).strftime(form)


def _state_row(zone: LiveZone) -> ZoneStateRow:
    return ZoneStateRow(zone=zone.zone, site=zone.site, status=zone.status.value, at_us=zone.at_us, body=msgspec.json.encode(zone))
