"""How well alarming works, by the figures of ISA-18.2 (clause 16) and EEMUA 191 (appendix 12): over alarms of a site, for roles, never for persons."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from alerts.state import Alert
from alerts.states import AlertStates
from domain.clock import Clock
from domain.hazards import Severity
from domain.times import DAY_US, HOUR_US, MINUTE_US
from storage.records.alert_states import AlarmDaysRepository

BUCKET_US = 10 * MINUTE_US
BUCKETS = DAY_US // BUCKET_US
FLOOD_FROM, FLOOD_UNTIL = 10, 5
FLEETING_US = MINUTE_US
CHATTERS_FROM, CHATTERS_US = 3, 10 * MINUTE_US
STALE_US = DAY_US
KEPT_SOURCES = 30
"""Of a day, the alarms that came most often: the ten of a year are among them."""
SMALLEST_GROUP = 5
"""Figures of fewer acknowledgements than this could be those of one person."""
MOST_MIN = 24 * 60
Counts = npt.NDArray[np.int64]


class Day(msgspec.Struct, kw_only=True):
    """Everything that adds up, of one UTC day: alarms by when they were raised."""

    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)
    calls: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)  # by when their alarm was raised
    severities: dict[str, int] = {}
    types: dict[str, int] = {}
    sources: dict[str, int] = {}  # zone and type: what alarms most
    heard_min: dict[str, dict[int, int]] = {}  # role → minutes to acknowledge → how many
    unheard: int = 0
    fleeting: int = 0
    stale: int = 0
    chattering: dict[str, int] = {}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with what it means. Texts are msgids."""

    id: str
    name: str
    value: float | None
    unit: str
    target: str
    definition: str
    kept: bool | None  # whether the target is kept; None where there is none, or nothing to judge


class OfRole(msgspec.Struct, frozen=True, kw_only=True):
    """How soon a role acknowledged; None below five."""

    role: str
    acknowledged: int | None
    median_min: int | None
    p90_min: int | None


class Nuisance(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm that asks to be looked after."""

    zone: str
    type: str
    kind: str  # frequent | chattering | standing | stale
    count: int


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    site: str
    start_us: int
    stop_us: int
    figures: list[Figure]
    roles: list[OfRole]
    types: dict[str, int]
    severities: dict[str, int]
    nuisances: list[Nuisance]


class KpiService:
    """Past days are added up once and kept; the days at both ends and today are counted each time."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._states, self._days, self._clock = AlertStates(engine), AlarmDaysRepository(engine), clock

    def kpis(self, site: str, start_us: int, stop_us: int, shifts: Sequence[tuple[int, int]] = ()) -> Kpis:
        """`shifts`: the officer's, as (start, stop)."""
        days = self._of(site, start_us, stop_us)
        now = [alert for alert in self._states.open([site]) if alert.active and alert.severity is not Severity.NOTICE]
        return summed(site, start_us, stop_us, days, now, shifts, self._clock.now_us())

    def keep_up(self, site: str, now_us: int, most: int = 7) -> int:
        """Add up past days that are not kept yet, the newest first; returns how many. For a quiet moment."""
        today = now_us // DAY_US
        kept = self._days.between(site, today - 400, today)
        missing = [day for day in range(today - 1, today - 400, -1) if day not in kept][:most]
        found = {day: msgspec.json.encode(day_of(self._rows(site, day * DAY_US, (day + 1) * DAY_US))) for day in missing}
        self._days.put(site, found)
        return len(found)

    def _of(self, site: str, start_us: int, stop_us: int) -> dict[int, Day]:
        first, last, today = start_us // DAY_US, (stop_us - 1) // DAY_US, self._clock.now_us() // DAY_US
        whole = range(-(-start_us // DAY_US), min(stop_us // DAY_US, today))
        kept = {day: msgspec.json.decode(body, type=Day) for day, body in self._days.between(site, whole.start, max(whole.stop, whole.start)).items()}
        new: dict[int, Day] = {}
        for day in range(first, last + 1):
            if day not in kept:
                new[day] = day_of(self._rows(site, max(start_us, day * DAY_US), min(stop_us, (day + 1) * DAY_US)))
        to_keep = {day: msgspec.json.encode(found) for day, found in new.items() if day in whole}
        if to_keep:
            self._days.put(site, to_keep)
        return {**kept, **new}

    def _rows(self, site: str, start_us: int, stop_us: int) -> Sequence[Any]:
        return self._states.rows.raised_between([site], start_us, stop_us)


def day_of(rows: Iterable[Any]) -> Day:
    """Rows of `FIGURED`."""
    day, kinds, heard = Day(), Counter[tuple[str, str, str]](), Counter[tuple[str, int]]()
    buckets, called = day.buckets, day.calls
    for zone, type, severity, raised_us, returned_us, acknowledged_us, role, excursions, calls in rows:
        bucket = raised_us % DAY_US // BUCKET_US
        buckets[bucket] += excursions
        called[bucket] += calls
        kinds[zone, type, severity] += excursions
        if acknowledged_us is None:
            day.unheard += 1
        else:
            heard[role, min(MOST_MIN, max(0, acknowledged_us - raised_us + MINUTE_US - 1) // MINUTE_US)] += 1
        if returned_us is not None:
            lasted_us = returned_us - raised_us
            day.fleeting += lasted_us < FLEETING_US and (acknowledged_us is None or acknowledged_us > returned_us)
            day.stale += lasted_us > STALE_US
            if excursions >= CHATTERS_FROM and lasted_us / (excursions - 1) <= CHATTERS_US:
                source = f"{zone}|{type}"
                day.chattering[source] = day.chattering.get(source, 0) + excursions
    _split(day, kinds)
    for (role, minutes), count in heard.items():
        day.heard_min.setdefault(role, {})[minutes] = count
    return day


def _split(day: Day, kinds: Mapping[tuple[str, str, str], int]) -> None:
    """By severity, by type, and by source; a day's alarms are of far fewer kinds than there are alarms."""
    for (zone, type, severity), count in kinds.items():
        for counts, key in ((day.severities, severity), (day.types, type), (day.sources, f"{zone}|{type}")):
            counts[key] = counts.get(key, 0) + count
    day.sources = dict(Counter(day.sources).most_common(KEPT_SOURCES))


def summed(site: str, start_us: int, stop_us: int, days: Mapping[int, Day], now: Sequence[Alert], shifts: Sequence[tuple[int, int]], now_us: int) -> Kpis:
    """All figures of a period."""
    first, buckets = _in_a_row({day: of.buckets for day, of in days.items()})
    _, called = _in_a_row({day: of.calls for day, of in days.items()})
    total, hours = int(buckets.sum()), max(1e-9, (min(stop_us, now_us) - start_us) / HOUR_US)
    periods = max(1.0, hours * HOUR_US / BUCKET_US)
    over = int((buckets > FLOOD_FROM).sum())
    sources, types, severities, chattering = (_added(getattr(day, name) for day in days.values()) for name in ("sources", "types", "severities", "chattering"))
    top = sum(count for _, count in sources.most_common(10))
    stale = [alert for alert in now if now_us - alert.raised_at_us > STALE_US]
    spans = [(start // BUCKET_US, -(-stop // BUCKET_US)) for start, stop in shifts]
    by_shift, calls_by_shift = _of_spans(first, buckets, spans), _of_spans(first, called, spans)
    heard = sum(count for day in days.values() for of in day.heard_min.values() for count in of.values())
    unheard = sum(day.unheard for day in days.values())
    values: dict[str, float | None] = {
        "alarms": total,
        "per_shift_p95": quantile(by_shift, 0.95),
        "calls": int(called.sum()),
        "calls_per_shift_p95": quantile(calls_by_shift, 0.95),
        "per_hour": total / hours,
        "periods_over_10": 100 * over / periods,
        "peak_10_min": int(buckets.max(initial=0)),
        "floods": floods(buckets),
        "top_10_share": 100 * top / total if total else None,
        "stop_share": 100 * severities["stop"] / total if total else None,
        "chattering": len(chattering),
        "fleeting": sum(day.fleeting for day in days.values()),
        "standing": len(now),
        "stale": sum(day.stale for day in days.values()) + len(stale),
        "unacknowledged_share": 100 * unheard / (heard + unheard) if heard + unheard else None,
    }
    figures = [
        Figure(id=id, name=name, value=values[id], unit=unit, target=target, definition=text, kept=_kept(values[id], most)) for id, name, unit, target, most, text in DEFINITIONS
    ]
    return Kpis(
        site=site,
        start_us=start_us,
        stop_us=stop_us,
        figures=figures,
        roles=_roles(days.values()),
        types=dict(types.most_common()),
        severities=dict(severities),
        nuisances=_nuisances(sources, chattering, now, stale, total),
    )


def _in_a_row(days: Mapping[int, Sequence[int]]) -> tuple[int, Counts]:
    """The first bucket's number and every bucket up to the last day's end."""
    first, last = min(days, default=0), max(days, default=-1)
    found = np.zeros((last - first + 1, BUCKETS), dtype=np.int64)
    for day, counts in days.items():
        found[day - first] = counts
    return first * BUCKETS, found.reshape(-1)


def _of_spans(first: int, buckets: Counts, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Alarms of each half-open span of bucket numbers."""
    so_far = np.concatenate(([0], np.cumsum(buckets)))
    edges = np.clip(np.array(spans, dtype=np.int64).reshape(-1, 2) - first, 0, len(buckets))
    return [int(count) for count in so_far[edges[:, 1]] - so_far[edges[:, 0]]]


def floods(buckets: Sequence[int] | Counts) -> int:
    """Spells that begin with ten alarms or more in ten minutes and end with fewer than five: rows of five or more that hold a ten."""
    counts = np.asarray(buckets)
    high = counts >= FLOOD_UNTIL
    rows = np.cumsum(high & ~np.concatenate(([False], high[:-1])))
    return len(np.unique(rows[counts >= FLOOD_FROM]))


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _kept(value: float | None, most: float | None) -> bool | None:
    return None if value is None or most is None else value <= most


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _roles(days: Iterable[Day]) -> list[OfRole]:
    heard: dict[str, Counter[int]] = {}
    for day in days:
        for role, of in day.heard_min.items():
            heard.setdefault(role, Counter()).update(of)
    return [_of_role(role, counts) for role, counts in sorted(heard.items())]


def _of_role(role: str, counts: Counter[int]) -> OfRole:
    number = sum(counts.values())
    if number < SMALLEST_GROUP:
        return OfRole(role=role, acknowledged=None, median_min=None, p90_min=None)
    return OfRole(role=role, acknowledged=number, median_min=_at(counts, 0.5 * number), p90_min=_at(counts, 0.9 * number))


def _at(counts: Counter[int], wanted: float) -> int:
    so_far = 0
    for minutes in sorted(counts):
        so_far += counts[minutes]
        if so_far >= wanted:
            return minutes
    return MOST_MIN


def _nuisances(sources: Counter[str], chattering: Counter[str], now: Sequence[Alert], stale: Sequence[Alert], total: int) -> list[Nuisance]:
    found = [("frequent", source, count) for source, count in sources.most_common(10) if count >= FLOOD_FROM and count * 20 >= total]
    found += [("chattering", source, count) for source, count in chattering.most_common(10)]
    old = {alert.id for alert in stale}
    found += [("stale" if alert.id in old else "standing", f"{alert.zone}|{alert.type}", 1) for alert in now]
    return [Nuisance(zone=source.partition("|")[0], type=source.partition("|")[2], kind=kind, count=count) for kind, source, count in found]


DEFINITIONS: Sequence[tuple[str, str, str, str, float | None, str]] = (
    ("alarms", "Alarms", "1", "", None, "Alarms of action and stop level that came in the period; a notice is no alarm, and one that comes back while it is open counts again."),
    ("per_shift_p95", "Alarms in an officer's shift, 95th percentile", "1", "≤ 6", 6, "Nineteen shifts in twenty had no more than this."),
    (
        "calls",
        "Calls",
        "1",
        "",
        None,
        "Times that people were called: for an alarm that came, unless an earlier call had named its zone, that came again, or that rose to stop level. A repeated call because nobody answered is not counted.",
    ),
    (
        "calls_per_shift_p95",
        "Calls in an officer's shift, 95th percentile",
        "1",
        "≤ 6",
        6,
        "Nineteen shifts in twenty had no more than this; each call counts in the shift in which its alarm was raised.",
    ),
    ("per_hour", "Alarms an hour, mean", "1/h", "≤ 6", 6, "All alarms over all hours of the period; about one in ten minutes is what one person can look after (EEMUA 191)."),
    ("periods_over_10", "Ten-minute periods with more than 10 alarms", "%", "≤ 1 %", 1, "Share of all periods of ten minutes (ISA-18.2, EEMUA 191)."),
    ("peak_10_min", "Most alarms in ten minutes", "1", "≤ 10", 10, "The worst period of ten minutes."),
    ("floods", "Alarm floods", "1", "0", 0, "Spells that begin with ten alarms in ten minutes and end with fewer than five."),
    (
        "top_10_share",
        "Share of the ten most frequent alarms",
        "%",
        "",
        None,
        "An alarm is one type in one zone; a few that make most of the load are to be looked after first. Five percent is the aim of EEMUA 191 for plants with hundreds of alarms.",
    ),
    ("stop_share", "Share at stop level", "%", "≤ 5 %", 5, "A highest level that comes often is no longer believed (ISA-18.2: about 5 %)."),
    ("chattering", "Chattering alarms", "1", "0", 0, "Alarms that came back three times or more while open, ten minutes or less apart."),
    ("fleeting", "Fleeting alarms", "1", "0", 0, "Over within a minute, before anybody could act."),
    ("standing", "Standing alarms", "1", "", None, "Active now."),
    ("stale", "Stale alarms", "1", "≤ 5", 5, "Active for more than a day."),
    ("unacknowledged_share", "Never acknowledged", "%", "0 %", 0, "Of the alerts of the period, so far."),
)
