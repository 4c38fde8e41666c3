"""Figures of ISA-18.2 and EEMUA 191: each against a count by hand, and the kept days against the count of all."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from alerts import actions
from alerts.kpi import SMALLEST_GROUP, Kpis, KpiService, day_of, floods, quantile, summed
from alerts.policy import load_policy
from alerts.record import Finding, Recorder
from alerts.states import AlertStates
from domain.hazards import Severity
from domain.scope import Role, Scope
from domain.times import DAY_US, HOUR_US, MINUTE_US
from oshwatch.testing import FakeClock
from storage.records.alert_states import AlarmDaysRepository

DAY = 20_000


def row(
    at_us: int,
    *,
    zone: str = "f1.a",
    type: str = "heat",
    severity: str = "action",
    lasts_us: int | None = HOUR_US,
    heard_us: int | None = 5 * MINUTE_US,
    n: int = 1,
    calls: int = 1,
) -> Any:
    at_us += DAY * DAY_US
    return (
        zone,
        type,
        severity,
        at_us,
        None if lasts_us is None else at_us + lasts_us,
        None if heard_us is None else at_us + heard_us,
        "officer" if heard_us is not None else "",
        n,
        calls,
    )


def figures(rows: list[Any], shifts: list[tuple[int, int]] | None = None, hours: int = 24) -> dict[str, float | None]:
    start = DAY * DAY_US
    return {one.id: one.value for one in kpis(rows, shifts, hours, start).figures}


def kpis(rows: list[Any], shifts: list[tuple[int, int]] | None, hours: int, start: int) -> Kpis:
    return summed("f1", start, start + hours * HOUR_US, {DAY: day_of(rows)}, [], shifts or [], start + 2 * DAY_US)


def test_counts_by_hand() -> None:
    rows = [row(minute * MINUTE_US) for minute in range(12)] + [row(5 * HOUR_US, severity="stop", heard_us=None), row(6 * HOUR_US, zone="f1.b", lasts_us=30_000_000, heard_us=None)]
    found = figures(rows, [(DAY * DAY_US, DAY * DAY_US + 4 * HOUR_US), (DAY * DAY_US + 4 * HOUR_US, DAY * DAY_US + 8 * HOUR_US)])
    assert found["alarms"] == 14
    assert found["peak_10_min"] == 10
    assert found["floods"] == 1
    assert found["periods_over_10"] == 0
    assert found["per_shift_p95"] == 12
    assert found["per_hour"] == 14 / 24
    assert found["fleeting"] == 1
    assert found["stop_share"] == 100 / 14
    assert found["unacknowledged_share"] == 200 / 14


def test_an_alarm_that_comes_and_goes_chatters_and_one_of_two_days_is_stale() -> None:
    found = kpis(
        [row(0, n=4, lasts_us=20 * MINUTE_US), row(HOUR_US, zone="f1.b", lasts_us=2 * DAY_US), row(2 * HOUR_US, zone="f1.c", n=3, lasts_us=9 * HOUR_US)], None, 24, DAY * DAY_US
    )
    values = {one.id: one.value for one in found.figures}
    assert (values["chattering"], values["stale"], values["alarms"]) == (1, 1, 8)
    assert [(one.zone, one.type, one.count) for one in found.nuisances if one.kind == "chattering"] == [("f1.a", "heat", 4)]


def test_figures_of_fewer_than_five_are_of_nobody() -> None:
    few, enough = ([row(index * HOUR_US) for index in range(number)] for number in (SMALLEST_GROUP - 1, SMALLEST_GROUP))
    (one,) = kpis(few, None, 24, DAY * DAY_US).roles
    assert (one.acknowledged, one.median_min, one.p90_min) == (None, None, None)
    (one,) = kpis(enough, None, 24, DAY * DAY_US).roles
    assert (one.role, one.acknowledged, one.median_min, one.p90_min) == ("officer", 5, 5, 5)


@given(st.lists(st.integers(0, 15), min_size=1, max_size=60))
@settings(max_examples=80, deadline=None)
def test_a_flood_begins_at_ten_and_ends_below_five(counts: list[int]) -> None:
    is_flood, expected = False, 0
    for count in counts:
        if not is_flood and count >= 10:
            is_flood, expected = True, expected + 1
        elif is_flood and count < 5:
            is_flood = False
    assert floods(counts) == expected


def test_the_quantile_is_a_value_that_was_there() -> None:
    assert quantile([3, 1, 2], 0.95) == 3
    assert quantile(list(range(1, 21)), 0.95) == 19
    assert quantile([], 0.95) is None


def test_kept_days_are_the_count_of_all_and_a_later_step_makes_its_day_anew(engine: Engine, clock: FakeClock) -> None:
    recorder, service = Recorder(engine, clock, load_policy()), KpiService(engine, clock)
    start_us = clock.now_us()
    alert = recorder.seen(Finding(site="f1", zone="f1.ironing-1", hazard="heat", type="heat", severity=Severity.ACTION, event_us=start_us, value=31.0, unit="Cel"))
    assert alert is not None
    clock.sleep(2 * 86400)
    assert service.keep_up("f1", clock.now_us(), most=10) == 10
    day = start_us // DAY_US
    assert day in AlarmDaysRepository(engine).between("f1", day, day + 1)

    def never_heard() -> float | None:
        return {one.id: one.value for one in service.kpis("f1", day * DAY_US, clock.now_us()).figures}["unacknowledged_share"]

    assert never_heard() == 100
    actions.acknowledge(engine, clock, Scope(user="linh", role=Role.OFFICER, grant="f1"), alert.id)
    assert AlarmDaysRepository(engine).between("f1", day, day + 1) == {}
    assert never_heard() == 0
    (counted,) = AlertStates(engine).rows.raised_between(["f1"], day * DAY_US, (day + 1) * DAY_US)
    assert counted[-1] == 1


def test_what_a_call_had_named_is_an_alarm_and_no_call_and_one_that_rises_is_another_call() -> None:
    rows = [row(HOUR_US), row(HOUR_US, zone="f1.b", calls=0), row(2 * HOUR_US, zone="f1.c", severity="stop", calls=2)]
    found = figures(rows, [(DAY * DAY_US, DAY * DAY_US + 8 * HOUR_US)])
    assert (found["alarms"], found["calls"]) == (3, 3)
    assert (found["per_shift_p95"], found["calls_per_shift_p95"]) == (3, 3)
    assert figures(rows[:2])["calls"] == 1


def test_calls_of_an_alert_are_on_record(engine: Engine, clock: FakeClock) -> None:
    recorder, at_us = Recorder(engine, clock, load_policy()), clock.now_us()

    def seen(zone: str, severity: Severity, **evidence: str) -> None:
        clock.sleep(60)
        recorder.seen(Finding(site="f1", zone=zone, hazard="heat", type="heat", severity=severity, event_us=clock.now_us(), value=31.0, unit="Cel", evidence=dict(evidence)))

    seen("f1.a", Severity.ACTION)
    seen("f1.a", Severity.STOP)
    seen("f1.b", Severity.ACTION, called_with="a")
    rows = AlertStates(engine).rows.raised_between(["f1"], at_us, at_us + HOUR_US)
    assert {entry[0]: entry[-1] for entry in rows} == {"f1.a": 2, "f1.b": 0}
