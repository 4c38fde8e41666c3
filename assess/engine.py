"""The running assessment: each tick the live state of every zone, each minute the verdicts of the running shifts, and new revisions when late data or the registry ask for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from sqlalchemy import Engine

from assess import texts
from assess.contested import is_record_open, results_of, settled_us
from assess.forecasts import Forecaster
from assess.gap_evidence import GapEvidence
from assess.laboratory import is_of_samples, withdrawn
from assess.live import LiveZone
from assess.live_contested import stricter
from assess.live_window import Now, planned_minutes
from assess.minutes import MinuteCache, Series, read_series
from assess.newcomers import Newcomers
from assess.outcome import DeclaredGap, ZoneShift
from assess.past_looks import Backfill
from assess.plan import Span, grown, reach, shifts_of, span_of
from assess.protect import live_zone, prepare, prepare_look, prepare_results
from assess.revisions import Revisions, Task, identity
from assess.samples_book import SamplesBook
from assess.suspected import Replaced, Since, look_replaced, with_replaced
from domain.clock import Clock, patience_us
from domain.errors import NotReady
from domain.ids import zone_id
from domain.reading import Reading
from domain.registry import Registry, Zone
from domain.shifts import Shift
from domain.times import MINUTE_US, minute_of
from domain.verdict import Verdict
from storage.records.assessed import AssessedRepository
from storage.records.registry import RegistryRepository
from storage.records.suspects import SuspectsRepository
from storage.records.touched import TouchedRepository
from storage.records.verdicts import EndedShift, VerdictRepository
from storage.records.zone_states import ZoneStateRow, ZoneStatesRepository
from storage.timeseries.port import TimeSeries

RUNNING_BUDGET_S = 1.0
"""Results of running shifts never keep protection waiting for longer."""


T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """What was last computed of one zone."""

    shift: Shift | None = None
    asked_us: int = -(2**62)  # when the shift was looked up
    span: Span | None = None
    work: ZoneShift | None = None
    agreed: ZoneShift | None = None  # the same without records that wait for a side, where there are any
    replaced: Replaced | None = None  # the same with suspected sensors replaced, where there are any


@dataclass(slots=True)
class Counters:
    """What the assessment did since it started; for health and metrics."""

    ticks: int = 0
    verdicts: int = 0
    revisions: int = 0
    touched: int = 0
    waiting: int = 0  # ended shifts still to be computed
    past_retention: int = 0  # ended shifts that were asked for and whose minutes are gone
    owed: int = 0  # running shifts whose results of this minute are still to be made
    exceptions: int = 0


class Assessor:
    """Used by one thread; it keeps nothing that the stores do not have, so it may be killed at any time."""

    def __init__(self, timeseries: TimeSeries, engine: Engine, clock: Clock, forecaster: Forecaster | None = None) -> None:
        self._timeseries, self._clock = timeseries, clock
        self._forecaster = forecaster or Forecaster()
        self._backfill = Backfill(timeseries, self._forecaster, self._past_work)
        self._registry_of = RegistryRepository(engine)
        self._verdicts = VerdictRepository(engine)
        self._states = ZoneStatesRepository(engine)
        self._gaps = GapEvidence(timeseries, engine)
        self._samples = SamplesBook(engine)
        self._suspects = SuspectsRepository(engine)
        self._cache = MinuteCache(timeseries)
        self._newcomers = Newcomers(timeseries, self._cache)
        self._registry: Registry | None = None
        self._watches: dict[str, _Watch] = {}
        self._valued: dict[str, Reading] = {}
        self._counting: dict[str, Reading] = {}
        self._owed: dict[str, ZoneShift] = {}  # running shifts whose results of this minute are still to be made
        self._revisions = Revisions(timeseries, self._verdicts, TouchedRepository(engine), AssessedRepository(engine))
        self.counters = Counters()

    def tick(self, now_us: int | None = None) -> list[LiveZone]:
        """One look at every zone; raises `NotReady` when a store does not answer, and loses nothing by it."""
        now = self._clock.now_us() if now_us is None else now_us
        self._samples.follow()  # before the registry, which is then never without a change that came with a result
        registry = self._follow_registry(now)
        zones = sorted(registry.at(now).zones.values(), key=lambda zone: zone.id)
        again = self._revisions.take_touched(registry, self._cache, now) | self._look_up_shifts(registry, zones, now)
        again |= self._revisions.take_samples(registry, self._samples.entered(), now)
        again |= self._with_newcomers(now)
        self._advance(registry, zones, now, again)
        live = self._live(zones, now)
        live = self._try("forecasts", self._forecaster.follow, live, self._worked, now) or live
        self._states.save_many([_state_row(zone) for zone in live])
        self._so_far(registry, now)
        self._revisions.run(lambda due: self._final_together(registry, due, now), now)
        self._try("forecasts' past", self._backfill.go_on, registry, zones, now)
        self.counters.ticks += 1
        self.counters.touched, self.counters.waiting = self._revisions.taken, self._revisions.waiting
        return live

    @property
    def past_looks(self) -> int:
        return self._backfill.looks

    @property
    def past_looks_are_done(self) -> bool:
        return self._backfill.is_done

    def assess_shift(self, zone: str, shift: Shift, *, why: str, now_us: int) -> int:
        """Compute one ended shift of one zone from the store and keep it as final; returns how many verdicts it has."""
        self._samples.follow()
        registry = self._registry_of.load()
        task = Task(zone, shift)
        work = self._ended(registry, task, self._gaps.declared)
        ended = None if work is None else self._results(registry, task, work, why, now_us)
        return 0 if ended is None else self._keep([ended])

    # --- what changed

    def _follow_registry(self, now_us: int) -> Registry:
        registry = self._registry_of.load()
        if registry is self._registry:
            return registry
        before = set() if self._registry is None else {identity(entry) for entry in self._registry.entries}
        first = self._registry is None
        for watch in self._watches.values():
            watch.asked_us, watch.span = -(2**62), None
        fresh = [entry for entry in registry.entries if identity(entry) not in before]
        self._revisions.mark_stale(registry, fresh, registry.calibrations, now_us)
        if first:
            self._revisions.resume(registry)
            self._revisions.mark_missed(registry, now_us)
        self._registry = registry
        return registry

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
                    self._revisions.ended(zone.id, watch.shift)
            watch.shift, watch.asked_us = running, now_us
        self._let_go({zone.id for zone in zones}, now_us)
        return changed

    def _let_go(self, zones: set[str], now_us: int) -> None:
        """A zone that is retired keeps its shift until that has ended."""
        for zone in [zone for zone, watch in self._watches.items() if zone not in zones and (watch.shift is None or watch.shift.stop_us <= now_us)]:
            shift = self._watches.pop(zone).shift
            if shift is not None:
                self._revisions.ended(zone, shift)

    def _with_newcomers(self, now_us: int) -> set[str]:
        behind = self._newcomers.behind(now_us)
        return {zone for zone, watch in self._watches.items() if behind and watch.span is not None and not behind.isdisjoint(watch.span.channels)}

    def _advance(self, registry: Registry, zones: Sequence[Zone], now_us: int, again: set[str]) -> None:
        """Read what is new and compute the zones for which a minute has passed."""
        stale = []
        for zone in zones:
            watch, (start_us, minutes) = self._watches[zone.id], reach(self._watches[zone.id].shift, now_us)
            span = watch.span
            if span is None or zone.id in again or (span.start_us, span.shift) != (start_us, watch.shift):
                watch.span = span_of(registry, zone.id, watch.shift, start_us, minutes)
            elif span.minutes != minutes:
                watch.span = grown(span, registry, minutes) or span_of(registry, zone.id, watch.shift, start_us, minutes)
            else:
                continue
            stale.append(watch)
        if not stale:
            return
        series = self._cache.series(_wanted([span for zone in zones if (span := self._watches[zone.id].span) is not None]), now_us)
        since = self._faulty_since()
        for watch in stale:
            self._compute(watch, series, registry, since)
        works = [watch.work for watch in stale if watch.work is not None]
        agreed = [watch.agreed for watch in stale if watch.agreed is not None]
        replaced = [watch.replaced.work for watch in stale if watch.replaced is not None]
        self._try("what zones have in common", prepare, [*works, *agreed, *replaced])
        self._owed.update({work.span.zone: work for work in works if work.span.shift is not None and work.span.minutes})

    def _compute(self, watch: _Watch, series: Mapping[str, Series], registry: Registry, since: Since) -> None:
        span = watch.span
        if span is None:
            watch.work = watch.agreed = watch.replaced = None
            return
        watch.work = self._work(span, series, registry, watch.work)
        watch.agreed = self._work(span, series, registry.undisputed(), watch.agreed) if is_record_open(span, registry) else None
        replaced = with_replaced(span, watch.work.series, since)
        watch.replaced = Replaced(self._work(span, {**series, **replaced}, registry, None), list(replaced)) if replaced else None

    def _faulty_since(self) -> Since:
        """Of the channels that are suspected to be faulty."""
        return {suspect.channel: suspect.since_us for suspect in self._suspects.all() if suspect.kind == "fault"}

    def _so_far(self, registry: Registry, now_us: int) -> None:
        """Results of running shifts, those that wait longest first, for as long as the floor can wait: with many zones a minute's results come over several looks."""
        until, found = time.monotonic() + RUNNING_BUDGET_S, list[Verdict]()
        for zone in list(self._owed):
            found += self._try(zone, results_of, self._owed.pop(zone), registry, lambda other, agreed: self._read(other, agreed, final=False)) or []
            if time.monotonic() > until:
                break
        self.counters.owed = len(self._owed)
        if found:
            self._verdicts.save_many(found, final=False, why=texts.WHY_RUNNING, computed_us=now_us, new_revision=False)
            self.counters.verdicts += len(found)

    def _work(self, span: Span, series: Mapping[str, Series], registry: Registry, before: ZoneShift | None) -> ZoneShift:
        own = {channel: series[channel].part(span.start_us, span.minutes) for channel in span.channels}
        return ZoneShift(
            span=span,
            series=own,
            calibrations=registry.calibrations,
            final=False,
            before=before,
            record_high=self._gaps.record_high(span.start_us),
            declared_gaps=self._gaps.declared,
            samples=lambda span: self._samples.of(span, registry.without_samples),
            rest=lambda zone: self._beside(span, zone, registry),
        )

    def _past_work(self, span: Span, series: Mapping[str, Series], registry: Registry, before: ZoneShift | None) -> ZoneShift:
        """For values alone: nothing is asked of the store about gaps."""
        samples = lambda span: self._samples.of(span, registry.without_samples)  # noqa: E731 - as in `_work`
        return ZoneShift(span=span, series=series, calibrations=registry.calibrations, final=False, before=before, samples=samples)

    # --- ended shifts

    def _try(self, what: str, do: Callable[..., T], *arguments: object) -> T | None:
        """One zone or shift that cannot be computed must not blind the others."""
        try:
            return do(*arguments)
        except NotReady:
            raise
        except Exception:  # noqa: BLE001 - the top of one zone's task: logged, counted, the others go on
            self.counters.exceptions += 1
            _log.exception("%s cannot be computed", what)
            return None

    def _final_together(self, registry: Registry, due: Sequence[tuple[Task, str]], now_us: int) -> None:
        """Ended shifts, their arrays solved and their results kept together; where that fails, each is kept, or fails, by itself."""
        gaps = self._gaps.declared_of_some()
        works = {task: self._try(_name(task), self._ended, registry, task, gaps) for task, _ in due}
        self._try("what shifts have in common", prepare_results, [work for work in works.values() if work is not None])
        found = [self._try(_name(task), self._results, registry, task, work, why, now_us) for task, why in due if (work := works[task]) is not None]
        ended = [one for one in found if one is not None]
        if self._try("results of some shifts", self._keep, ended) is None:
            for one in ended:
                self._try(f"{one.shift.zone} {one.shift.shift_date} {one.shift.shift_name}", self._keep, [one])

    def _ended(self, registry: Registry, task: Task, declared_gaps: Callable[[Span], Sequence[DeclaredGap]]) -> ZoneShift | None:
        """An ended shift with its minutes from the store; None where its zone did not exist then."""
        span = span_of(registry, task.zone, task.shift, minute_of(task.shift.start_us), len(task.shift.minutes))
        return None if span is None else self._read(span, registry, final=True, declared_gaps=declared_gaps)

    def _results(self, registry: Registry, task: Task, work: ZoneShift, why: str, now_us: int) -> EndedShift | None:
        """What is to be kept of an ended shift; None where that stays as it is."""
        if self._is_past_retention(work):
            self.counters.past_retention += 1
            _log.warning("%s: its minutes are past retention, its verdicts stay as they are; asked for by %s", _name(task), why)
            return None
        found = results_of(work, registry, lambda other, agreed: self._read(other, agreed, final=True))
        return EndedShift(found, self._revisions.computed(task, settled_us(work.span, registry), now_us), why)

    def _keep(self, ended: Sequence[EndedShift]) -> int:
        """In one transaction; returns how many verdicts there are."""
        saved = self._verdicts.save_shifts(ended, withdrawn=withdrawn) if ended else []
        for one, verdicts in zip(ended, saved, strict=True):
            self.counters.verdicts += len(verdicts)
            self.counters.revisions += sum(verdict.revision > 1 for verdict in verdicts)
            _log.info("%s %s %s: %d verdicts, %s", one.shift.zone, one.shift.shift_date, one.shift.shift_name, len(verdicts), one.why)
        return sum(map(len, saved))

    def _is_past_retention(self, work: ZoneShift) -> bool:
        """Without the minutes that it was made of a verdict cannot be made again. A server that deletes by itself shows it by having none left."""
        span = work.span
        expired = self._timeseries.expired(sorted(span.channels), span.start_us, span.stop_us)
        if any(one.what == "minutes" for spans in expired.values() for one in spans):
            return True
        if span.shift is None or any(series.samples.any() for series in work.series.values()):
            return False
        held = self._verdicts.latest(zones=[span.zone], date=span.shift.date.isoformat(), shift=span.shift.name)
        return any(stored.final and stored.verdict.valid and not is_of_samples(stored.verdict) for stored in held)

    def _read(self, span: Span, registry: Registry, *, final: bool, declared_gaps: Callable[[Span], Sequence[DeclaredGap]] | None = None) -> ZoneShift:
        """A span with its minutes from the store."""
        series = read_series(self._timeseries, sorted(span.channels), span.start_us, span.minutes)
        return ZoneShift(
            span=span,
            series=series,
            calibrations=registry.calibrations,
            final=final,
            record_high=self._gaps.record_high(span.start_us),
            declared_gaps=declared_gaps or self._gaps.declared,
            samples=lambda span: self._samples.of(span, registry.without_samples),
            rest=lambda zone: self._beside(span, zone, registry),
        )

    def _beside(self, span: Span, zone: str, registry: Registry) -> ZoneShift | None:
        """Another zone of the site over the same minutes."""
        other = span_of(self._registry_of.load(), zone_id(span.site.id, zone), span.shift, span.start_us, span.minutes)
        return self._read(other, registry, final=True) if other is not None and span.minutes else None

    # --- now

    def _worked(self) -> dict[str, tuple[int, int]]:
        """Of each zone at work: minutes worked so far, and in the whole shift."""
        works = [(zone, watch.work) for zone, watch in self._watches.items()]
        return {zone: (int(work.span.counted.sum()), planned_minutes(work)) for zone, work in works if work is not None and work.span.shift is not None}

    def _live(self, zones: Sequence[Zone], now_us: int) -> list[LiveZone]:
        works = [work for zone in zones if (work := self._watches[zone.id].work) is not None]
        channels = sorted({channel for work in works for channel in work.span.channels})
        last = self._timeseries.last(channels) if channels else {}
        self._newcomers.heard(last, now_us)
        self._valued.update({channel: reading for channel, reading in last.items() if reading.value is not None})
        self._counting.update({channel: reading for channel, reading in last.items() if reading.counts})
        now = Now(at_us=now_us, last=last, valued=self._valued, counting=self._counting, patience_us=patience_us(self._clock, 0))
        agreed = {watch.agreed.span.zone: watch.agreed for watch in self._watches.values() if watch.agreed is not None}
        self._try("what new readings have in common", prepare_look, [*works, *agreed.values()], now)
        found = [zone for work in works if (zone := self._try(work.span.zone, _look, work, agreed.get(work.span.zone), now)) is not None]
        return self._with_suspects(found, now)

    def _with_suspects(self, zones: list[LiveZone], now: Now) -> list[LiveZone]:
        """The higher of what is measured and of what it is with suspected sensors replaced."""
        held = {watch.replaced.work.span.zone: watch.replaced for watch in self._watches.values() if watch.replaced is not None}
        since = self._faulty_since() if held else {}
        return [(self._try(zone.zone, look_replaced, zone, held[zone.zone], since, now) or zone) if zone.zone in held else zone for zone in zones]


def _name(task: Task) -> str:
    return f"{task.zone} {task.shift.date} {task.shift.name}"


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


def _look(work: ZoneShift, agreed: ZoneShift | None, now: Now) -> LiveZone:
    found = live_zone(work, now)
    return found if agreed is None else stricter(found, live_zone(agreed, now))


def _state_row(zone: LiveZone) -> ZoneStateRow:
    return ZoneStateRow(zone=zone.zone, site=zone.site, status=zone.status.value, at_us=zone.at_us, body=msgspec.json.encode(zone))
