"""Many zones computed together give what each gives alone, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from assess import bench_factory, noise
from assess.bounds import Fill, Sides, filled, result_of
from assess.gather import Measured
from assess.heat_together import solve_together
from assess.live import LiveZone
from assess.live_window import Now
from assess.minutes import Series
from assess.outcome import ZoneShift
from assess.plan import Placement, grown, span_of
from assess.protect import live_zone, prepare, prepare_look
from assess.sides_together import LEVEL, fill_sides_together
from assess.together import measure_together
from assess.wbgt import Wbgt
from domain.quality import Reason
from domain.reading import Reading
from domain.registry import AgentSpec, CalibrationSpec, ChannelSpec, Instrument, Registry, SiteFile, SiteSpec, ZoneSpec, entries_of
from domain.times import MINUTE_US, SECOND_US

SHIFT = next(bench_factory.shifts(1))
KINDS: Sequence[Sequence[str]] = (
    ("air_temperature", "relative_humidity"),
    ("air_temperature", "relative_humidity", "globe_temperature"),
    ("air_temperature", "relative_humidity", "globe_temperature", "air_speed"),
    ("air_temperature", "relative_humidity", "globe_temperature", "air_speed", "air_pressure"),
    ("natural_wet_bulb_temperature", "globe_temperature"),
    ("wbgt",),
    ("sound_level_a_eq", "sound_level_c_peak", "co"),
)
LEVELS = {**bench_factory.LEVELS, "natural_wet_bulb_temperature": (26.0, 1.0), "wbgt": (29.0, 1.5), "air_pressure": (1005.0, 3.0)}
Drawn = tuple[Registry, dict[str, list[CalibrationSpec]], dict[str, Series], list[str]]


def instrument(quantity: str, rng: np.random.Generator) -> Instrument | None:
    if rng.random() < 0.1:
        return None
    globe = float(rng.choice([50.0, 75.0, 150.0])) if quantity == "globe_temperature" and rng.random() < 0.8 else None
    top = LEVELS[quantity][0] + LEVELS[quantity][1] if rng.random() < 0.4 else None
    grade = str(rng.choice(["compliance", "screening", "trend"]))
    return Instrument(model="m", serial="s", grade=grade, globe_diameter_mm=globe, range_high=top, uncertainty=0.5 if rng.random() < 0.2 else None)  # type: ignore[arg-type]


def calibrations(channel: str, rng: np.random.Generator) -> list[CalibrationSpec]:
    """None, one, or some; one in five in the middle of the shift."""
    days = sorted(rng.choice(["2024-11-01", "2024-12-20", "2025-01-06T07:20:00+07:00", "2025-02-01"], size=rng.integers(0, 4), replace=False))
    return [
        CalibrationSpec(
            id=f"{channel}-{day}",
            channel=channel,
            type="factory",
            performed_at=str(day),
            by="lab",
            passed=bool(rng.random() < 0.9),
            offset=0.25,
            gain=1.0 if rng.random() < 0.7 else 1.02,
        )
        for day in days
    ]


def series_of(channel: str, rng: np.random.Generator) -> Series:
    drawn = bench_factory.drawn("a.b.co", SHIFT.start_us, 60, rng)
    mean, spread = LEVELS[channel.rpartition(".")[2]]
    drawn.value[:] = np.where(np.isnan(drawn.value), np.nan, rng.normal(mean, spread, 60))
    drawn.top[:] = drawn.value + 0.5 * spread
    drawn.samples[:] = np.where(np.isnan(drawn.value), 0, rng.integers(3, 7, 60))
    drawn.saturated[:], drawn.below[:], drawn.simulated[:] = (rng.random(60) < share for share in (0.1, 0.1, 0.05))
    return drawn


def house(seed: int, altitude_m: float | UnsetType = UNSET) -> Drawn:
    """Eight zones of several kinds."""
    rng = np.random.default_rng(seed)
    zones, agents, held = [], [], dict[str, list[CalibrationSpec]]()
    for number in range(8):
        worst = {"globe_temperature": 45.0} if rng.random() < 0.3 else {}
        zones.append(ZoneSpec(id=f"z{number}", name="z", metabolic_rate_w=float(rng.choice([180.0, 300.0])), worst_case=worst))
        quantities = KINDS[int(rng.integers(len(KINDS)))]
        channels = [
            ChannelSpec(placement="p", quantity=one, zone=f"z{number}", interval_s=float(rng.choice([10.0, 60.0, 120.0], p=[0.7, 0.2, 0.1])), instrument=instrument(one, rng))
            for one in quantities
        ]
        agents.append(AgentSpec(id=f"a{number}", channels=channels))
        held |= {id: calibrations(id, rng) for one in quantities if (id := f"a{number}.p.{one}")}
    site = SiteSpec(id="f1", name="F", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=["us-niosh"], altitude_m=altitude_m)
    file = SiteFile(site=site, shifts=[bench_factory.PLAN], zones=zones, agents=agents)
    registry = Registry(entries_of(file, valid_from_us=0, recorded_us=0, author="t", reason=""))
    return registry, held, {id: series_of(id, rng) for id in held}, [f"f1.{zone.id}" for zone in zones]


def works(drawn: Drawn, minutes: int, before: Mapping[str, ZoneShift] | None = None) -> list[ZoneShift]:
    registry, held, series, zones = drawn
    spans = [span_of(registry, zone, SHIFT, SHIFT.start_us, minutes) for zone in zones]
    own = {id: one.part(SHIFT.start_us, minutes) for id, one in series.items()}
    return [ZoneShift(span=span, series=own, calibrations=held, final=False, before=(before or {}).get(span.zone)) for span in spans if span is not None]


def content(found: Measured | Wbgt | None) -> Any:
    """Every field to the last bit; what stands beside the numbers as it is."""
    if found is None:
        return None
    skipped = {"hours", "found", "cover", "used", "made_by"}
    return {one.name: bits(getattr(found, one.name)) for one in fields(found) if one.name not in skipped}


def bits(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype, value.tobytes()
    return [bits(one) for one in value] if isinstance(value, tuple) else value


def assert_alike(together: Sequence[ZoneShift], alone: Sequence[ZoneShift]) -> None:
    for one, other in zip(together, alone, strict=True):
        for placement in one.span.placements:
            for quantity in placement.channels:
                assert content(one.measure(placement, quantity)) == content(other.measure(placement, quantity)), quantity
            assert content(one.wbgt(placement)) == content(other.wbgt(placement))
            assert [used.quantity.id for used in solved(one, placement)] == [used.quantity.id for used in solved(other, placement)]


def solved(work: ZoneShift, placement: Placement) -> Sequence[Measured]:
    wbgt = work.wbgt(placement)
    return wbgt.used if wbgt else ()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_zones_together_are_as_each_alone(seed: int, minutes: int) -> None:
    drawn = house(seed)
    together = works(drawn, minutes)
    measure_together(together)
    solve_together(together)
    assert_alike(together, works(drawn, minutes))


def test_zones_at_different_altitudes_are_not_solved_by_each_other_s_air() -> None:
    sea, hill = house(3), house(3, altitude_m=2_000.0)
    together = [*works(sea, 30), *works(hill, 30)]
    measure_together(together)
    solve_together(together)
    assert_alike(together, [*works(sea, 30), *works(hill, 30)])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(0, 30), st.booleans())
def test_what_was_solved_before_stands_only_where_nothing_changed(seed: int, minutes: int, more: int, late: bool) -> None:
    """A minute more, or none; late data in one channel of each zone's past, or none."""
    drawn = house(seed)
    before = works(drawn, minutes)
    measure_together(before)
    solve_together(before)
    if late:
        for id, series in drawn[2].items():
            if id.rpartition(".")[2] in ("air_temperature", "globe_temperature"):
                series.value[0], series.samples[0] = LEVELS[id.rpartition(".")[2]][0], 6
    now = works(drawn, minutes + more, {work.span.zone: work for work in before})
    measure_together(now)
    solve_together(now)
    assert_alike(now, works(drawn, minutes + more))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_bounds_of_many_channels_are_those_of_each(seed: int, minutes: int) -> None:
    """The sides to the last bit; a mean may round its last digit otherwise, which no live status turns on."""
    drawn = house(seed)
    together, alone = works(drawn, minutes), works(drawn, minutes)
    measure_together(together)
    fill_sides_together(together)
    for work, other in zip(together, alone, strict=True):
        for placement in work.span.placements:
            for quantity in {"co", LEVEL} & placement.quantities:
                (one, sides), (fill, expected) = (bounds_of(each, placement, quantity) for each in (work, other))
                assert one == fill
                assert [bits(sides.value), *map(bits, (*sides.low, *sides.high))] == [bits(expected.value), *map(bits, (*expected.low, *expected.high))]
            for metric in noise.RATES if LEVEL in placement.quantities else ():
                level = work.measure(placement, LEVEL)
                assert level is not None
                _, sides = bounds_of(other, placement, LEVEL)
                quick, plain = noise.so_far(metric, level, sides, minutes), result_of(noise.statistic_of(metric, minutes), sides)
                assert list(quick[:3]) == [None if end is None else pytest.approx(end, rel=1e-12) for end in (plain.value, plain.low, plain.high)]


def bounds_of(work: ZoneShift, placement: Placement, quantity: str) -> tuple[Fill, Sides]:
    measured = work.measure(placement, quantity)
    assert measured is not None
    return filled(measured, work.span, work.record_high, minimum=0.0)


def test_an_hour_that_moves_on_keeps_what_is_still_in_it() -> None:
    drawn = house(3)
    registry, held, series, zones = drawn

    def hour(first: int, before: Mapping[str, ZoneShift]) -> list[ZoneShift]:
        start_us = SHIFT.start_us + first * MINUTE_US
        spans = [span_of(registry, zone, None, start_us, 40) for zone in zones]
        own = {id: one.part(start_us, 40) for id, one in series.items()}
        return [ZoneShift(span=span, series=own, calibrations=held, final=False, before=before.get(span.zone)) for span in spans if span is not None]

    before = hour(0, {})
    for first in (1, 5):
        measure_together(before)
        solve_together(before)
        now = hour(first, {work.span.zone: work for work in before})
        measure_together(now)
        solve_together(now)
        assert_alike(now, hour(first, {}))
        before = now


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 29), st.integers(1, 30))
def test_live_zones_looked_at_minute_by_minute_are_those_of_a_first_look_at_each_alone(seed: int, minutes: int, more: int) -> None:
    """What stands from minute to minute, and what is found for all zones at once, is what one zone finds by itself."""
    drawn = house(seed)
    registry, rng = drawn[0], np.random.default_rng(seed)
    running = works(drawn, minutes)
    for until in (minutes, minutes + more):
        now = readings_at(drawn, SHIFT.start_us + until * MINUTE_US, rng)
        if until > minutes:
            running = [grown_work(work, registry, drawn, until) for work in running]
        prepare(running)
        prepare_look(running, now)
        for together, alone in zip(running, works(drawn, until), strict=True):
            assert_same_zone(live_zone(together, now), live_zone(alone, now))


def readings_at(drawn: Drawn, at_us: int, rng: np.random.Generator) -> Now:
    """Some channels have none, some are saturated."""
    last = {
        id: Reading(id, at_us - int(rng.integers(0, 90)) * SECOND_US, float(rng.normal(*LEVELS[id.rpartition(".")[2]])), 4, (int(Reason.SATURATED),) if rng.random() < 0.1 else ())
        for id in drawn[2]
        if rng.random() < 0.9
    }
    return Now(at_us=at_us, last=last, valued=last, counting=last)


def grown_work(work: ZoneShift, registry: Registry, drawn: Drawn, minutes: int) -> ZoneShift:
    span = grown(work.span, registry, minutes)
    assert span is not None
    return ZoneShift(span=span, series={id: one.part(SHIFT.start_us, minutes) for id, one in drawn[2].items()}, calibrations=drawn[1], final=False, before=work)


def assert_same_zone(together: LiveZone, alone: LiveZone) -> None:
    """A running mean of many channels is a plain sum of a row: its last digit may differ."""
    assert replace(together, windows=[]) == replace(alone, windows=[])
    for one, other in zip(together.windows, alone.windows, strict=True):
        ends = [[window.value, window.low, window.high] for window in (one, other)]
        assert ends[0] == [None if end is None else pytest.approx(end, rel=1e-12) for end in ends[1]]
        assert replace(one, value=None, low=None, high=None) == replace(other, value=None, low=None, high=None)
