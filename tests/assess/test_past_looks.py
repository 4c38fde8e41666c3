"""What the forecasts know after a start: the past week as it would have been seen live, from stored minutes."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from assess.engine import Assessor
from assess.forecasts import KEPT, STEP_US, Forecaster
from assess.past_looks import Backfill
from domain.errors import NotReady
from domain.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US

HEAT_NOW = {"air_temperature": 27.0, "relative_humidity": 60.0, "globe_temperature": 29.0, "air_speed": 0.3}
DAY_MIN = 24 * 60


def enrolled(floor, days=3):
    """A zone with heat and noise on record for some days up to the middle of the shift: warmer from hour to hour, twice as loud in the afternoon."""
    floor.house.heat(fill=False)
    noise = floor.house.channel("sound_level_a_eq")
    minutes = np.arange(-days * DAY_MIN, 240 if days else 0)
    for name, value in HEAT_NOW.items():
        warmer = 4.0 * np.sin(minutes / 90.0) if name == "globe_temperature" else np.zeros(len(minutes))
        floor.house.fill(f"a1.p1.{name}", (value + warmer).tolist(), first=-days * DAY_MIN)
    hour = minutes % DAY_MIN
    floor.house.fill(noise, np.where((hour >= 240) & (hour < 480), 84.0, 81.0).tolist(), first=-days * DAY_MIN)
    floor.enrol()
    return floor


def looked(floor, forecaster, minute, ticks=1):
    """The forecasts after some looks at this minute."""
    assessor = Assessor(floor.house.store, floor.engine, floor.clock, forecaster)
    at_us = floor.at(minute)
    for number in range(ticks):
        for name, value in {**HEAT_NOW, "sound_level_a_eq": 84.0}.items():
            floor.house.now(f"a1.p1.{name}", value, at_us + number)
        floor.clock.time_us = at_us + number * SECOND_US
        found = assessor.tick()
        if assessor.past_looks_are_done:
            break
    return found[0], assessor


def by_metric(zone):
    return {one.metric: one for one in zone.forecasts}


def settled(floor, forecaster, minute=241.0):
    _, assessor = looked(floor, forecaster, minute, ticks=400)
    assert assessor.past_looks_are_done
    floor.clock.time_us += MINUTE_US
    for name, value in {**HEAT_NOW, "sound_level_a_eq": 84.0}.items():
        floor.house.now(f"a1.p1.{name}", value, floor.clock.time_us)
    return by_metric(assessor.tick()[0])


def test_forecasts_that_kept_nothing_know_the_stored_days_and_the_ended_shifts(floor):
    enrolled(floor)
    first, _ = looked(floor, Forecaster(), 241.0)
    assert all(one.known == 0 for one in first.forecasts)
    found = settled(floor, Forecaster())
    assert found["lex_8h"].known == 3, "three shifts ended before this one"
    heat = found["wbgt_effective_60min"]
    assert heat.known > 2.5 * DAY_MIN / 5
    assert floor.house.plan.start_us - heat.since_us > 2.5 * DAY_US


def test_the_past_is_what_a_look_at_it_had_seen(floor):
    enrolled(floor, days=1)
    watching, started = Forecaster(), Forecaster()
    assessor = Assessor(floor.house.store, floor.engine, floor.clock, watching)
    for minute in range(5, 240, 5):
        now_us = floor.at(minute - 0.75)
        phase = 4.0 * np.sin((minute - 2) / 90.0)
        for name, value in HEAT_NOW.items():
            floor.house.now(f"a1.p1.{name}", value + (phase if name == "globe_temperature" else 0.0), now_us)
        assessor.tick()
    settled(floor, started)
    seen, relived = history_of(watching), history_of(started)
    for key, values in seen.items():
        known = {at_us: value for at_us, value in values.items() if at_us in relived[key] and at_us < floor.house.plan.start_us + 230 * MINUTE_US}
        assert len(known) > 30, key
        assert list(known.values()) == pytest.approx([relived[key][at_us] for at_us in known], abs=0.05), key


def history_of(forecaster):
    """Value by step and line."""
    kept = {}
    for key, row in forecaster._rows.items():
        values = forecaster._history[row, :-1]
        kept[key] = {(forecaster._state.bin - (KEPT - 1 - int(at))) * STEP_US: float(values[at]) for at in np.flatnonzero(~np.isnan(values))}
    return kept


def test_what_was_seen_live_stays_and_only_the_hours_without_a_look_are_filled(floor, tmp_path):
    enrolled(floor, days=1)
    first = Forecaster(tmp_path)
    settled(floor, first, 101.0)
    before = history_of(first)
    floor.at(106.0)  # a step later all of it is on disk
    first.follow([], dict, floor.clock.time_us)
    again = Forecaster(tmp_path)
    settled(floor, again, 221.0)
    after = history_of(again)
    for key, values in before.items():
        assert {at_us: value for at_us, value in after[key].items() if at_us in values} == values
    heat = next(key for key in after if key[3] == "wbgt_now")
    gap = [at_us for at_us in after[heat] if floor.house.plan.start_us + 105 * MINUTE_US <= at_us < floor.house.plan.start_us + 220 * MINUTE_US]
    assert len(gap) == 23, "the two hours between stop and start"


def test_nothing_on_record_stays_unknown_and_costs_no_look(floor):
    enrolled(floor, days=0)
    zone, assessor = looked(floor, Forecaster(), 241.0, ticks=50)
    assert assessor.past_looks_are_done
    assert assessor.past_looks == 0
    assert all(one.known == 0 for one in zone.forecasts)


def test_late_minutes_are_found_within_the_hour(floor):
    enrolled(floor, days=0)
    forecaster = Forecaster()
    _, assessor = looked(floor, forecaster, 241.0, ticks=50)
    assert assessor.past_looks == 0
    for name, value in {**HEAT_NOW, "sound_level_a_eq": 81.0}.items():
        floor.house.fill(f"a1.p1.{name}", [value] * 120, first=60)
    for number in range(200):
        floor.clock.time_us += SECOND_US if number else HOUR_US
        assessor.tick()
    heat = next(key for key in history_of(forecaster) if key[3] == "wbgt_now")
    start_us = floor.house.plan.start_us
    assert len([at_us for at_us in history_of(forecaster)[heat] if at_us < start_us + 180 * MINUTE_US]) == 24


def test_a_store_that_does_not_answer_is_asked_again(floor, monkeypatch):
    enrolled(floor, days=1)
    forecaster = Forecaster()
    assessor = Assessor(floor.house.store, floor.engine, floor.clock, forecaster)
    floor.at(241.0)

    def refuse(*_):
        raise NotReady("no answer")

    with monkeypatch.context() as patch:
        patch.setattr("assess.past_looks.read_series", refuse)
        with pytest.raises(NotReady):
            assessor.tick()
    _, assessor = looked(floor, forecaster, 241.1, ticks=400)
    assert assessor.past_looks > 200


class _Ending(Forecaster):
    ends = 0

    def relived(self):
        self.ends += 1
        super().relived()


def test_looks_that_fail_do_not_keep_the_others_from_being_learned(floor):
    enrolled(floor, days=1)
    now_us, registry, forecaster = floor.at(241.0), floor.registry.load(), _Ending()

    def fails(*_of):
        raise ValueError("a zone that cannot be computed")

    backfill = Backfill(floor.house.store, forecaster, fails)
    failed = 0
    while not backfill.is_done:
        failed += 1
        with suppress(ValueError):
            backfill.go_on(registry, list(registry.at(now_us).zones.values()), now_us)
            failed -= 1
    assert (failed > 100, forecaster.ends) == (True, 1)
