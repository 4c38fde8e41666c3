"""Protection (contract 4.1): live windows by `value`, whatever the evidence. Over the strictest adopted limit is `action`; what harms within the hour is `stop`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assess import live_air, live_heat, live_mixtures, live_noise, live_pid
from assess.evaluate import monitored, planned, shift_of
from assess.heat_together import solve_readings, solve_together
from assess.live import LiveWindow, LiveZone
from assess.live_window import Now
from assess.mixtures import HAZARD
from assess.outcome import ZoneShift
from assess.plan import Placement
from assess.sides_together import fill_sides_together
from assess.together import measure_together
from assess.wbgt import is_monitored
from domain.hazards import ZoneStatus, worst
from domain.quality import Reason
from domain.quantities import quantity_of
from domain.reading import Reading

Readings = list[Reading | None]


def prepare(works: Sequence[ZoneShift]) -> None:
    """What a new minute brings, found for all these zones at once."""
    measure_together(works)
    fill_sides_together(works)
    solve_together(works)
    live_air.fill_air_windows(works)
    for work in works:
        work.before = None


def prepare_results(works: Sequence[ZoneShift]) -> None:
    """The same for results of ended shifts."""
    measure_together(works)
    fill_sides_together(works, running=False)
    solve_together(works)


def prepare_look(works: Sequence[ZoneShift], now: Now) -> None:
    """The WBGT of new readings, solved for all these zones at once."""
    places = [(work, placement) for work in works for placement in work.span.placements if is_monitored(placement)]
    solve_readings([(work, placement) for work, placement in places if _is_new(_held(work, placement)[0], _readings(work, placement, now))], now)


def live_zone(work: ZoneShift, now: Now) -> LiveZone:
    """What the zone looks like now."""
    channels = list(work.span.pieces[-1].channels.values())
    silent = sorted(channel.id for channel in channels if now.is_silent(channel))
    windows = [window for placement in work.span.placements for window in windows_of(work, placement, now)]
    in_shift = work.span.shift is not None
    known = work.span.once_standing("hazards", lambda: sorted(monitored(work.span) | planned(work.span)))
    by_hazard: dict[str, list[LiveWindow]] = {hazard: [] for hazard in known}
    for window in windows:
        if window.hazard in by_hazard or window.hazard == HAZARD:
            by_hazard.setdefault(window.hazard, []).append(window)
    hazards = {hazard: _status(own, silent, in_shift=in_shift) for hazard, own in by_hazard.items()}
    return LiveZone(
        site=work.span.site.id,
        zone=work.span.zone,
        at_us=now.at_us,
        shift=work.span.once_standing("shift", lambda: shift_of(work.span)) if work.span.shift else None,
        status=worst([*hazards.values(), *([ZoneStatus.UNKNOWN] if silent else [])]),
        hazards=hazards,
        windows=windows,
        silent=silent,
        simulated=any(Reason.SIMULATED in now.last[channel.id].r for channel in channels if channel.id in now.last),
    )


def windows_of(work: ZoneShift, placement: Placement, now: Now) -> list[LiveWindow]:
    """Every running window of one placement; those that change with the minute only are computed once for each."""
    if placement.label not in work.live:
        work.live[placement.label] = list(_minute_windows(work, placement))
    return [*_looked(work, placement, now), *work.live[placement.label]]


def _looked(work: ZoneShift, placement: Placement, now: Now) -> list[LiveWindow]:
    """Windows of the freshest readings; while no reading is new they are as they were, unless some are missing, which shows the time."""
    readings = _readings(work, placement, now)
    before, windows = _held(work, placement)
    if _is_new(before, readings):
        windows = list(_reading_windows(work, placement, now))
        work.looked[placement.label] = readings, windows
    return windows


def _held(work: ZoneShift, placement: Placement) -> tuple[Readings | None, list[LiveWindow]]:
    return work.looked.get(placement.label, (None, []))


def _readings(work: ZoneShift, placement: Placement, now: Now) -> Readings:
    at, readings = work.asked.get(placement.label, (None, []))
    if at is not now:
        held = work.span.pieces[-1].channels
        readings = [now.fresh(held[id]) for ids in placement.channels.values() for id in ids if id in held]
        work.asked[placement.label] = now, readings
    return readings


def _is_new(before: Readings | None, readings: Readings) -> bool:
    return before != readings or None in readings


def _reading_windows(work: ZoneShift, placement: Placement, now: Now) -> Iterator[LiveWindow]:
    if is_monitored(placement):
        yield from live_heat.reading_windows(work, placement, now)
    yield from live_noise.reading_windows(work, placement, now)
    for quantity in live_air.airborne_of(work.span, placement):
        yield from live_air.reading_windows(work, placement, quantity, now)


def _minute_windows(work: ZoneShift, placement: Placement) -> Iterator[LiveWindow]:
    if is_monitored(placement):
        yield from live_heat.minute_windows(work, placement)
    yield from live_noise.minute_windows(work, placement)
    for quantity in live_air.airborne_of(work.span, placement):
        yield from live_air.minute_windows(work, placement, quantity)
    yield from live_pid.minute_windows(work, placement)
    yield from live_mixtures.minute_windows(work, placement)


def _status(own: Sequence[LiveWindow], silent: Sequence[str], *, in_shift: bool) -> ZoneStatus:
    """Of a hazard by its windows. What has no value now, is fed by a silent channel, or has no window yet that a limit is for, is at least unknown."""
    statuses = [window.status for window in own if window.value is not None]
    is_lost = bool(silent) and any(channel in silent for window in own for channel in window.channels)
    of_now = [window for window in own if (window.value is None or window.limit is None) and _is_of_now(window.metric)]
    is_unknown = any(window.value is None or _is_undecided(window, own, in_shift=in_shift) for window in of_now)
    return worst([*statuses, *([ZoneStatus.UNKNOWN] if is_lost or is_unknown or not statuses else [])])


def _is_undecided(reading: LiveWindow, own: Sequence[LiveWindow], *, in_shift: bool) -> bool:
    """A single value decides nothing while every limit of its hazard waits for its window; outside a shift a limit over the shift has none."""
    if reading.limit is not None:
        return False
    judged = [window for window in own if window.placement == reading.placement and window.limit is not None and window.metric != "lcpeak_max"]
    return (in_shift or bool(judged)) and all(window.value is None for window in judged)


def _is_of_now(metric: str) -> bool:
    """Windows of the freshest reading: without a value there the hazard is unknown."""
    return metric in ("wbgt_now", "leq_now") or quantity_of(metric) is not None
