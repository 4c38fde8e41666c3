"""Exposure results of a file of samples, without a server: the same minutes, limits and verdicts as of stored readings."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from assess.context import Fitted, fit
from assess.contextfile import samples_of
from assess.evaluate import verdicts_of
from assess.laboratory import sample_of
from assess.minutes import Series
from assess.outcome import Sample, ZoneShift
from assess.plan import shifts_of, span_of
from assess.samples import Samples, Track, fixed_zone
from domain.errors import BadInput
from domain.ids import zone_id
from domain.reading import Minute, Reading, minute_from
from domain.registry import Channel, SiteFile
from domain.shifts import Shift
from domain.times import DAY_US, MINUTE_US, SECOND_US, minute_of, to_datetime, to_rfc3339
from domain.verdict import Verdict
from models.limits import load_profiles
from storage.timeseries.columns import columns_of

NO_CONTEXT = "No context file: one zone, one shift from the first to the last sample ({start} to {stop}), no breaks."
NO_SHIFTS = "The context has no shift for this zone: one from the first to the last sample is taken ({start} to {stop}), no breaks."
CLOTHING = "No clothing is declared: work clothes are taken."
NO_SHIFT_OF_SAMPLE = "Laboratory sample {id} lies in no shift that is known: it has no result of its own."
UNASSIGNED = "Unassigned exposure: {samples} samples between {start} and {stop} lie outside every shift."
LONE_SHIFT = "file"
LONGEST_LONE_US = 7 * DAY_US
"""Beyond it a file is no shift, or has a wrong date in it."""

_time_us, _start_us = attrgetter("time_us"), attrgetter("start_us")


def assess_samples(samples: Samples, context: SiteFile | None, profiles: Sequence[str], *, context_source: str = "", now_us: int) -> list[Verdict]:
    """Every verdict of every zone and shift that the file has samples of; raises `BadInput` where file, context and profiles do not fit together."""
    _check_profiles(profiles)
    fitted = fit(samples, context, profiles, context_source)
    drawn = samples_of(context)
    zones = [_Zone(samples, context, fitted, zone, drawn.get(zone, ())) for zone in {**fitted.tracks, **drawn}]
    for zone in zones:
        zone.check(samples.source)
    if not any(zone.shifts for zone in zones):
        first = samples.tracks[0]
        raise BadInput("no sample lies in a shift of the context", source=samples.source, line=first.line, field="time", remedy="give the context the shift of that day")
    return [replace(verdict, computed_at=to_rfc3339(now_us)) for zone in zones for verdict in zone.verdicts()]


def _check_profiles(ids: Sequence[str]) -> None:
    for id in ids:
        if id not in load_profiles():
            raise BadInput(f"no limit profile '{id}'", field="profile", remedy=f"one of {', '.join(load_profiles())}")


class _Zone:
    """One zone of the file, from samples to verdicts."""

    def __init__(self, samples: Samples, context: SiteFile | None, fitted: Fitted, zone: str, drawn: Sequence[Sample] = ()) -> None:
        self._fitted, self._zone, self._has_context = fitted, zone, context is not None
        self._samples, self._context = samples, context
        self._tracks, self._drawn = fitted.tracks.get(zone, {}), drawn
        self._held = fitted.registry.latest()
        self._clock = fixed_zone(samples.offset) if context is None else self._held.timezone(self._held.zones[zone].site)
        self._first_us = min([track.readings[0].time_us for track in self._tracks.values()] or [one.result.start_us for one in drawn])
        self._last_us = max([track.readings[-1].time_us for track in self._tracks.values()] or [one.result.stop_us for one in drawn])
        self._has_plan = bool(self._held.shifts_of(self._held.zones[zone]))
        self._early_us = 0 if self._has_plan else _early_us(self._first_us, self._last_us)
        self.shifts = self._planned_shifts() if self._has_plan else [self._lone_shift()]

    def check(self, source: str) -> None:
        """Raises `BadInput` for a file that can be no shift."""
        if not self._has_plan and self._last_us - self._first_us > LONGEST_LONE_US:
            days = (self._last_us - self._first_us) // DAY_US
            raise BadInput(f"the samples span {days} days and no shift is known", source=source, field="time", remedy="give a context with shifts")

    def verdicts(self) -> Iterator[Verdict]:
        """Of every shift with samples."""
        minutes = {channel: _minutes(channel, track, self._early_us) for channel, track in self._tracks.items()}
        tops = {channel: max((minute.high for minute in found if minute.high is not None), default=None) for channel, found in minutes.items()}
        notes = self._unassigned()
        for shift in self.shifts:
            work = self._work(shift, minutes, tops)
            for verdict in self._of(shift, verdicts_of(work)) if work else ():
                yield replace(verdict, reasons=[*self._assumed(verdict), *verdict.reasons], notes=[*verdict.notes, *notes])

    def _planned_shifts(self) -> list[Shift]:
        """Those with samples of the file, and those that a laboratory sample is of."""
        zone = self._held.zones[self._zone]
        found = [shift for shift in shifts_of(self._fitted.registry, zone, self._first_us, self._last_us + 1) if self._has_samples(shift)]
        for middle_us in map(_middle_us, self._drawn):
            found += [shift for shift in shifts_of(self._fitted.registry, zone, middle_us, middle_us + 1) if shift.holds(middle_us) and shift not in found]
        return sorted(found, key=lambda shift: shift.start_us)

    def _has_samples(self, shift: Shift) -> bool:
        return any(_between(track.readings, shift.start_us, shift.stop_us) for track in self._tracks.values())

    def _of(self, shift: Shift, found: Sequence[Verdict]) -> Sequence[Verdict]:
        """Of a shift without samples of the file only what the laboratory found."""
        return found if self._has_samples(shift) else [verdict for verdict in found if any(sample_of(one.id) for one in verdict.channels)]

    def _lone_shift(self) -> Shift:
        """A sample stands for the interval that it ends: slow ones begin before their first."""
        interval_s = min((self._channel(channel).spec.interval_s for channel in self._tracks), default=60.0)
        back = max(0, -int(-interval_s // 60) - 1)
        start_us = minute_of(self._first_us - self._early_us) - back * MINUTE_US
        day = to_datetime(self._first_us).astimezone(self._clock).date()
        stop_us = minute_of(self._last_us - self._early_us) + MINUTE_US
        overlapping = [one.result for one in self._drawn if start_us <= _middle_us(one) < stop_us]
        start_us = min([start_us, *(minute_of(result.start_us) for result in overlapping)])
        stop_us = max([stop_us, *(-(-result.stop_us // MINUTE_US) * MINUTE_US for result in overlapping)])
        return Shift(date=day, name=LONE_SHIFT, start_us=start_us, stop_us=stop_us)

    def _work(self, shift: Shift, minutes: Mapping[str, Sequence[Minute]], tops: Mapping[str, float | None]) -> ZoneShift | None:
        start_us, length = minute_of(shift.start_us), len(shift.minutes)
        span = span_of(self._fitted.registry, self._zone, shift, start_us, length)
        if span is None:
            return None
        series = {}
        for channel in span.channels:
            series[channel] = Series.empty(start_us, length)
            first = bisect_left(minutes[channel], start_us, key=_start_us)
            stop = bisect_left(minutes[channel], span.stop_us, key=_start_us)
            series[channel].put(columns_of(minutes[channel][first:stop]), self._tracks[channel].quantity.averaging)
            if not self._has_plan:
                self._fill_edges(series[channel], self._channel(channel))
        return ZoneShift(
            span=span,
            series=series,
            calibrations=self._fitted.calibrations,
            final=True,
            record_high=tops.get,
            samples=lambda _span: self._drawn,
            rest=lambda zone: self._beside(zone_id(span.site.id, zone), shift),
        )

    def _beside(self, zone: str, shift: Shift) -> ZoneShift | None:
        """Another zone of the file over the same shift; None without samples of it."""
        if zone not in self._fitted.tracks:
            return None
        other = _Zone(self._samples, self._context, self._fitted, zone)
        minutes = {channel: _minutes(channel, track, other._early_us) for channel, track in other._tracks.items()}
        return other._work(shift, minutes, {})

    def _fill_edges(self, series: Series, channel: Channel) -> None:
        """The first and the last minute of a shift that is cut to its samples need only the samples that they have room for."""
        interval_us = round(channel.spec.interval_s * SECOND_US)
        first_us, last_us = self._first_us - self._early_us, self._last_us - self._early_us
        for index in {(minute_of(edge_us) - series.start_us) // MINUTE_US for edge_us in (first_us, last_us)}:
            start_us = series.start_us + index * MINUTE_US
            room = (min(last_us, start_us + MINUTE_US - 1) - max(first_us, start_us)) // interval_us + 1
            series.samples[index] = round(series.samples[index] * max(1.0, MINUTE_US / interval_us / room))

    def _channel(self, id: str) -> Channel:
        return self._held.channels[id]

    def _assumed(self, verdict: Verdict) -> list[str]:
        reasons = list(self._fitted.assumed.get(self._zone, ()))
        if not self._has_plan:
            text = NO_SHIFTS if self._has_context else NO_CONTEXT
            reasons.insert(0, text.format(start=self._shown(self._first_us), stop=self._shown(self._last_us)))
        if not self._has_context and verdict.hazard == "heat":
            reasons.append(CLOTHING)
        return [*reasons, *(reason for channel in verdict.channels for reason in self._fitted.assumed.get(channel.id, ()))]

    def _unassigned(self) -> list[str]:
        """Signs of work outside any shift; a sample at a shift's very end stands for the interval before it."""
        apart = [NO_SHIFT_OF_SAMPLE.format(id=one.id) for one in self._drawn if not any(shift.start_us <= _middle_us(one) < shift.stop_us for shift in self.shifts)]
        if not self._has_plan:
            return apart
        starts = [shift.start_us for shift in self.shifts]
        stops = [-1, *(shift.stop_us for shift in self.shifts)]  # by how many shifts have begun
        readings = (one for track in self._tracks.values() for one in track.readings if one.value is not None)
        times = [one.time_us for one in readings if one.time_us > stops[bisect_right(starts, one.time_us)]]
        return apart + ([UNASSIGNED.format(samples=len(times), start=self._shown(min(times)), stop=self._shown(max(times)))] if times else [])

    def _shown(self, time_us: int) -> str:
        return to_datetime(time_us).astimezone(self._clock).isoformat(sep=" ")


def _middle_us(sample: Sample) -> int:
    return (sample.result.start_us + sample.result.stop_us) // 2


def _between(readings: Sequence[Reading], start_us: int, stop_us: int) -> bool:
    first = bisect_left(readings, start_us, key=_time_us)
    return first < len(readings) and readings[first].time_us < stop_us


def _early_us(first_us: int, last_us: int) -> int:
    """Times are ends of intervals. Where the last falls on a full minute and the first does not, each minute's last sample bears the next one's start."""
    return 1 if last_us % MINUTE_US == 0 and first_us % MINUTE_US else 0


def _minutes(channel: str, track: Track, early_us: int) -> list[Minute]:
    groups = groupby(track.readings, key=lambda reading: minute_of(reading.time_us - early_us))
    return [minute_from(channel, start_us, list(readings), track.quantity.averaging) for start_us, readings in groups]
