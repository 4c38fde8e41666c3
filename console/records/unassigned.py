"""Signs of work outside any shift: minutes there that are as loud as those in shifts. They stand in no result until somebody enters them as overtime."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from assess.plan import shifts_of
from console.context import House
from console.records.shapes import UnassignedJson
from domain.quantities import QUANTITIES
from domain.registry import Zone
from domain.scope import Scope
from domain.times import DAY_US, MINUTE_US, to_rfc3339

BACK_US = 7 * DAY_US
SOUND = "sound_level_a_eq"
LEAST_DIFFERENCE_DB = 6.0
"""Below this nobody hears work from its absence: a quarter of the energy is left."""
SHORTEST_MIN, LONGEST_PAUSE_MIN = 15, 5


def unassigned_of(house: House, scope: Scope, zone_id: str) -> list[UnassignedJson]:
    """Spans of the last days, by channel; empty where sound does not tell work from its absence."""
    zone = house.sources.zone(scope, zone_id)
    now_us = house.context.clock.now_us()
    channels = [channel.id for channel in house.sources.channels(scope, zone_id) if channel.quantity == SOUND]
    stored = house.context.timeseries.read_minutes(channels, now_us - BACK_US, now_us) if channels else {}
    found = []
    for channel, minutes in sorted(stored.items()):
        levels = [(minute.start_us, level) for minute in minutes if (level := minute.mean(QUANTITIES[SOUND].averaging)) is not None]
        found += [
            UnassignedJson(channel=channel, start=to_rfc3339(start_us), stop=to_rfc3339(stop_us), minutes=count)
            for start_us, stop_us, count in _loud(levels, _spans(house, zone, now_us))
        ]
    return found


def _spans(house: House, zone: Zone, now_us: int) -> list[tuple[int, int]]:
    """Shifts with their overtime."""
    return [(shift.start_us, shift.stop_us) for shift in shifts_of(house.sources.registry(), zone, now_us - BACK_US - DAY_US, now_us + DAY_US)]


def _loud(levels: Sequence[tuple[int, float]], shifts: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    inside, outside = list[float](), list[tuple[int, float]]()
    at = 0
    for start_us, level in levels:
        while at < len(shifts) and shifts[at][1] <= start_us:
            at += 1
        if at < len(shifts) and shifts[at][0] <= start_us:
            inside.append(level)
        else:
            outside.append((start_us, level))
    if not inside or not outside:
        return []
    usual, quiet = median(inside), min(level for _, level in outside)
    if usual - quiet < LEAST_DIFFERENCE_DB:
        return []
    return list(_runs(start_us for start_us, level in outside if level >= usual - LEAST_DIFFERENCE_DB))


def _runs(starts: Iterable[int]) -> Iterable[tuple[int, int, int]]:
    """Start, stop and minutes of each stretch, short pauses included."""
    first = last = count = 0
    for start_us in starts:
        if count and start_us - last > (LONGEST_PAUSE_MIN + 1) * MINUTE_US:
            if count >= SHORTEST_MIN:
                yield first, last + MINUTE_US, count
            count = 0
        if not count:
            first = start_us
        last, count = start_us, count + 1
    if count >= SHORTEST_MIN:
        yield first, last + MINUTE_US, count
