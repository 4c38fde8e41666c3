"""The assessor over a stored shift: live state, verdicts in place while it runs, final ones after it, revisions for what comes late."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from assess.live import LiveZone
from assess.minutes import MinuteCache, Series, _Held
from assess.newcomers import NEW_FOR_US, Newcomers
from domain.errors import NotReady
from domain.hazards import ZoneStatus
from domain.registry import ALWAYS_US, CalibrationSpec, entries_of
from domain.times import HOUR_US, MINUTE_US
from storage.records.ledger import TouchedRow
from storage.records.touched import TouchedRepository
from storage.records.verdicts import VerdictRepository
from storage.records.zone_states import ZoneStatesRepository
from storage.timeseries.port import Batch

REL = "wbgt_effective_60min_worst"


def only(zones):
    assert len(zones) == 1
    return zones[0]


def hours(repository):
    """Revisions of the one result that these tests look at."""
    return [row for row in repository.revisions(site="f1") if row.verdict.metric == REL]


def window(zone, metric):
    return next(one for one in zone.windows if one.metric == metric)


def fresh(floor, values, at_us):
    for name, value in values.items():
        floor.house.now(name, value, at_us)


def heat_now(floor, at_us, **over):
    values = {"air_temperature": 33.0, "relative_humidity": 60.0, "globe_temperature": 36.0, "air_speed": 0.3, **over}
    fresh(floor, {f"a1.p1.{name}": value for name, value in values.items()}, at_us)


def test_a_running_shift_has_verdicts_that_are_updated_in_place(floor):
    floor.house.heat()
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)
    for minute in (90.3, 91.3, 92.3):
        heat_now(floor, floor.at(minute))
        assessor.tick()
    rows = hours(stored)
    assert [(row.verdict.limit.id, row.final, row.verdict.revision, row.verdict.expected) for row in rows] == [("niosh-rel", False, 1, 92)]
    assert "The shift is running: the result covers it up to now." in rows[0].verdict.reasons


def test_an_ended_shift_becomes_final_once_its_last_minutes_are_in(floor):
    floor.house.heat()
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)
    for minute in (470.3, 480.2, 481.0, 482.5, 483.5):
        heat_now(floor, floor.at(minute))
        assessor.tick()
    row = only(hours(stored))
    assert row.final
    assert (row.verdict.expected, row.verdict.coverage, row.verdict.revision, row.why) == (480, 1.0, 1, "shift ended")


def test_late_data_make_a_revision_that_says_why_and_only_where_something_changed(floor):
    names = floor.house.heat(fill=False)
    for name, value in zip(names, (33.0, 60.0, 36.0, 0.3), strict=True):
        floor.house.fill(name, [value] * 60 + [None] * 180 + [value] * 240)
    assessor, stored, touched = floor.ended(), VerdictRepository(floor.engine), TouchedRepository(floor.engine)
    assert only(hours(stored)).verdict.state == "not_assessable"
    for name, value in zip(names, (33.0, 60.0, 36.0, 0.3), strict=True):
        floor.house.fill(name, value, minutes=180, first=60)
    start = floor.house.plan.start_us
    touched.add([TouchedRow(channel=names[0], start_us=start + HOUR_US, stop_us=start + 4 * HOUR_US)], start + 7 * HOUR_US + 2 * MINUTE_US)
    floor.at(500)
    assessor.tick()
    _first, second = hours(stored)
    assert (second.verdict.revision, second.final, second.verdict.coverage) == (2, True, 1.0)
    assert second.why == "late data for a1.p1.air_temperature 08:00-11:00 arrived 14:02"
    assert touched.take() == []
    touched.add([TouchedRow(channel=names[0], start_us=start, stop_us=start + HOUR_US)], start)
    assessor.tick()
    assert len(hours(stored)) == 2


def test_a_channel_never_heard_before_has_its_result_at_the_next_look_not_at_the_next_minute(floor):
    """What it kept from before it was known arrives in two parts, within one minute; nothing is touched, since nothing was known of it."""
    values = dict(zip(floor.house.heat(fill=False), (33.0, 60.0, 36.0, 0.3), strict=True))
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)
    floor.at(170.3)
    assessor.tick()
    assert not any(row.verdict.valid for row in hours(stored))
    for second, (first, minutes) in ((20, (0, 80)), (24, (80, 90))):
        for name, value in values.items():
            floor.house.fill(name, value, minutes=minutes, first=first)
            floor.house.now(name, value, floor.house.plan.start_us + (first + minutes) * MINUTE_US - 1)
        for look in (second, second + 2):
            floor.at(170 + look / 60)
            assessor.tick()
        assert only(hours(stored)).verdict.valid == first + minutes


def test_only_channels_that_have_just_begun_to_speak_are_asked_about():
    class Store:
        def __init__(self):
            self.asked = []

        def last_minutes(self, channels):
            self.asked.append(channels)
            return dict.fromkeys(channels, MINUTE_US)

    cache = MinuteCache(store := Store())
    cache._held["new"] = _Held(Series.empty(0, 10), 0, -MINUTE_US)
    newcomers = Newcomers(store, cache)
    newcomers.heard(["old"], 0)
    assert newcomers.behind(0) == set()
    newcomers.heard(["old", "new"], 1)
    assert newcomers.behind(1) == {"new"}
    cache._held["new"].seen_us = MINUTE_US
    assert newcomers.behind(2) == set()
    newcomers.heard(["old", "new"], NEW_FOR_US)
    assert newcomers.behind(NEW_FOR_US + 1) == set()
    assert store.asked == [["new"], ["new"]]


def test_a_hot_reading_is_seen_at_the_next_look_without_waiting_for_its_minute(floor):
    floor.house.zone["metabolic_rate_w"] = 180.0
    cool = {"air_temperature": 24.0, "relative_humidity": 50.0, "globe_temperature": 24.0, "air_speed": 0.3}
    floor.house.heat(values=cool)
    floor.enrol()
    assessor = floor.start()
    heat_now(floor, floor.at(100.0), **cool)
    assert only(assessor.tick()).status is ZoneStatus.WITHIN
    heat_now(floor, floor.at(100.2), air_temperature=36.0, globe_temperature=45.0)
    zone = only(assessor.tick())
    assert zone.status is ZoneStatus.STOP
    assert window(zone, "wbgt_now").value > 33.0
    assert window(zone, "wbgt_effective_60min").status is ZoneStatus.WITHIN


def test_action_begins_one_uncertainty_below_the_limit_and_is_not_called_proven(floor):
    floor.house.zone["metabolic_rate_measured"] = True
    values = {"air_temperature": 31.5, "relative_humidity": 60.0, "globe_temperature": 32.0, "air_speed": 0.3}
    floor.house.heat(values=values)
    floor.enrol()
    heat_now(floor, floor.at(100.0), **values)
    found = window(only(floor.start().tick()), "wbgt_now")
    assert found.status is ZoneStatus.ACTION
    assert found.action_from < found.value < found.limit.value
    assert not found.proven


def test_a_silent_channel_makes_the_zone_unknown_never_within(floor):
    floor.house.zone["metabolic_rate_w"] = 180.0
    cool = {"air_temperature": 24.0, "relative_humidity": 50.0, "globe_temperature": 24.0, "air_speed": 0.3}
    floor.house.heat(values=cool)
    floor.enrol()
    assessor = floor.start()
    heat_now(floor, floor.at(100.0), **cool)
    assert only(assessor.tick()).status is ZoneStatus.WITHIN
    for minute in (100.4, 100.8):
        at = floor.at(minute)
        for name in ("air_temperature", "relative_humidity", "air_speed"):
            floor.house.now(f"a1.p1.{name}", cool[name], at)
        zone = only(assessor.tick())
    assert zone.status is ZoneStatus.UNKNOWN
    assert zone.silent == ["a1.p1.globe_temperature"]


def test_a_planned_hazard_without_a_channel_is_unknown_and_its_verdicts_say_so(floor):
    floor.house.zone["hazards"] = ["noise"]
    floor.house.heat()
    floor.enrol()
    heat_now(floor, floor.at(100.0))
    zone = only(floor.start().tick())
    assert zone.hazards["noise"] is ZoneStatus.UNKNOWN
    rows = [row.verdict for row in VerdictRepository(floor.engine).latest(site="f1", hazard="noise")]
    assert {row.metric for row in rows} == {"dose_3db", "lex_8h", "lcpeak_max"}
    assert {row.state for row in rows} == {"not_assessable"}
    assert all("This hazard is not monitored: the zone has no channel for it." in row.reasons for row in rows)


def test_a_registry_change_in_the_past_revises_the_shifts_it_falls_into(floor):
    floor.house.heat()
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)
    for minute in (470.0, 483.0):
        floor.at(minute)
        assessor.tick()
    now = floor.at(600.0)
    changed = [msgspec.structs.replace(entry, recorded_us=now, author="officer", reason="measured by the hygienist") for entry in floor.house.change(240, metabolic_rate_w=200.0)]
    floor.registry.add(changed)
    floor.at(601.0)
    assessor.tick()
    rows = hours(stored)
    assert [row.verdict.revision for row in rows] == [1, 2]
    assert rows[1].why == "registry changed: zone f1.z1 by officer (measured by the hygienist)"
    assert "Registry values changed during the shift: it is computed in parts." in rows[1].verdict.reasons
    again = floor.start()
    again.tick()
    assert len(hours(stored)) == 2


def test_a_calibration_done_later_for_a_past_date_reevaluates_what_it_touches(floor):
    name = floor.house.channel("co", calibrated=False)
    floor.house.fill(name, 30.0)
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)
    for minute in (470.0, 483.0):
        floor.at(minute)
        assessor.tick()
    now = floor.at(600.0)
    floor.house.calibrations.append(CalibrationSpec(id="span-1", channel=name, type="span", performed_at="2026-11-23T00:00:00+07:00", by="lab", offset=0.0, gain=1.5))
    floor.registry.add(entries_of(floor.house.file, valid_from_us=now, recorded_us=now, author="lab", reason="span"))
    assessor.tick()
    twa = [row.verdict for row in stored.revisions(site="f1") if row.verdict.metric == "twa"]
    assert [verdict.value for verdict in twa] == pytest.approx([30.0, 45.0])
    assert twa[1].channels[0].calibration_id == "span-1"
    assert (twa[0].calibration, twa[1].calibration) == ("unknown", "in_date")


def test_what_ended_while_nobody_looked_is_computed_at_the_next_start(floor):
    floor.house.heat()
    floor.enrol()
    floor.at(900.0)
    floor.start().tick()
    row = only(hours(VerdictRepository(floor.engine)))
    assert (row.final, row.why, row.verdict.coverage) == (True, "computed after an interruption", 1.0)


def test_a_start_right_after_a_shift_forgets_it_not(floor):
    floor.house.heat()
    floor.enrol()
    floor.at(481.0)
    assessor = floor.start()
    assessor.tick()
    assert hours(VerdictRepository(floor.engine)) == []
    floor.at(483.0)
    assessor.tick()
    assert only(hours(VerdictRepository(floor.engine))).final


def test_days_before_the_first_reading_get_no_verdict(floor):
    floor.house.heat(fill=False)
    floor.enrol()
    floor.at(900.0)
    floor.start().tick()
    assert VerdictRepository(floor.engine).revisions(site="f1") == []


def test_arrival_order_shows_in_no_verdict(floor, make_house, rng):
    names = floor.house.heat(fill=False)
    minutes = [
        floor.house.minute(name, index, value + float(rng.normal(0, 0.5 * scale)))
        for name, value, scale in zip(names, (33.0, 60.0, 36.0, 0.3), (1, 1, 1, 0.1), strict=True)
        for index in range(480)
    ]
    floor.enrol()
    assessor = floor.start()
    order = rng.permutation(len(minutes))
    for step, part in enumerate(np.array_split(order, 6)):
        floor.at(100 + step * 75)
        floor.house.store.write(Batch(minutes=[minutes[number] for number in part]))
        assessor.tick()
    floor.at(483)
    assessor.tick()
    row = only(hours(VerdictRepository(floor.engine)))
    calm = make_house(zone=floor.house.zone, channels=floor.house.channels, calibrations=floor.house.calibrations)
    calm.store.write(Batch(minutes=minutes))
    assert msgspec.structs.replace(row.verdict, computed_at="") == calm.verdicts()[f"{REL}/niosh-rel"]


def test_the_incremental_cache_sees_a_slow_uplink_and_a_touched_span(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.enrol()
    assessor, stored = floor.start(), VerdictRepository(floor.engine)

    def valid():
        return stored.latest(site="f1", hazard="noise")[0].verdict.valid

    floor.house.fill(name, 88.0, minutes=100)
    floor.at(110.3)
    assessor.tick()
    assert valid() == 100
    floor.house.fill(name, 88.0, minutes=10, first=100)
    floor.at(112.3)
    assessor.tick()
    assert valid() == 110
    floor.house.fill(name, 88.0, minutes=90, first=110)
    floor.at(200.3)
    assessor.tick()
    floor.house.fill(name, [None] * 5 + [91.0] * 10, first=0)
    TouchedRepository(floor.engine).add([TouchedRow(channel=name, start_us=floor.house.plan.start_us, stop_us=floor.house.plan.start_us + HOUR_US)], 0)
    assessor.tick()
    assert stored.latest(site="f1", hazard="noise")[0].verdict.value == pytest.approx(100 * (190 * 2 + 10 * 4) / 480, rel=1e-6)


def test_the_live_state_of_every_zone_is_kept_for_the_floor(floor):
    floor.house.heat()
    floor.enrol()
    heat_now(floor, floor.at(100.0))
    zone = only(floor.start().tick())
    kept = only(ZoneStatesRepository(floor.engine).all())
    assert msgspec.json.decode(kept.body, type=LiveZone) == zone
    assert zone.shift.name == "A"


def test_outside_a_shift_there_are_live_values_and_no_verdict(floor):
    floor.house.heat()
    floor.enrol()
    assessor = floor.start()
    heat_now(floor, floor.at(-120.0))
    zone = only(assessor.tick())
    assert zone.shift is None
    assert window(zone, "wbgt_now").value is not None
    assert VerdictRepository(floor.engine).revisions(site="f1") == []


def test_the_first_minute_of_a_shift_has_no_minutes_and_no_verdict_yet(floor):
    floor.house.heat()
    floor.enrol()
    heat_now(floor, floor.at(0.5))
    zone = only(floor.start().tick())
    assert zone.shift is not None
    assert window(zone, "wbgt_now").value is not None
    assert window(zone, "wbgt_effective_60min").value is None if any(one.metric == "wbgt_effective_60min" for one in zone.windows) else True


def test_a_first_import_long_ago_is_no_reason_to_compute_anything_again(floor):
    floor.house.heat()
    floor.registry.add([msgspec.structs.replace(entry, valid_from_us=ALWAYS_US) for entry in floor.house.entries])
    assessor = floor.start()
    for minute in (470.0, 483.0, 484.0):
        floor.at(minute)
        assessor.tick()
    floor.start().tick()
    assert [row.verdict.revision for row in hours(VerdictRepository(floor.engine))] == [1]


def test_a_store_that_is_away_loses_no_late_data(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, [88.0] * 400 + [None] * 80)
    floor.enrol()
    assessor, stored, touched = floor.start(), VerdictRepository(floor.engine), TouchedRepository(floor.engine)
    for minute in (470.0, 483.0):
        floor.at(minute)
        assessor.tick()
    floor.house.fill(name, 88.0, minutes=80, first=400)
    start = floor.house.plan.start_us
    touched.add([TouchedRow(channel=name, start_us=start + 400 * MINUTE_US, stop_us=start + 480 * MINUTE_US)], start)
    floor.at(490.0)
    floor.house.store.down = True
    with pytest.raises(NotReady):
        assessor.tick()
    assert len(touched.take()) == 1
    floor.house.store.down = False
    floor.at(491.5)
    assessor.tick()
    assert touched.take() == []
    assert {row.verdict.valid for row in stored.latest(site="f1")} == {480}


def test_late_data_found_after_a_kill_are_still_worked_off(floor):
    name = floor.house.channel("sound_level_a_eq")
    floor.house.fill(name, [88.0] * 400 + [None] * 80)
    floor.enrol()
    first = floor.start()
    for minute in (470.0, 483.0):
        floor.at(minute)
        first.tick()
    floor.house.fill(name, 88.0, minutes=80, first=400)
    start = floor.house.plan.start_us
    TouchedRepository(floor.engine).add([TouchedRow(channel=name, start_us=start + 400 * MINUTE_US, stop_us=start + 480 * MINUTE_US)], start)
    floor.at(490.0)
    floor.start().tick()
    assert {row.verdict.valid for row in VerdictRepository(floor.engine).latest(site="f1")} == {480}


def test_a_zone_that_cannot_be_computed_does_not_blind_the_others(floor, monkeypatch, caplog):
    floor.house.heat()
    name = floor.house.channel("co", zone="z2", placement="p2")
    floor.house.fill(name, 5.0)
    file = floor.house.file
    other = msgspec.structs.replace(file.zones[0], id="z2")
    floor.registry.add(entries_of(msgspec.structs.replace(file, zones=[file.zones[0], other]), valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason=""))
    floor.house.now(name, 5.0, floor.at(100.3))

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("assess.heat_together.wbgt_of", broken)
    assessor = floor.start()
    zones = assessor.tick()
    assert [zone.zone for zone in zones] == ["f1.z2"]
    assert assessor.counters.exceptions > 0
    assert "f1.z1 cannot be computed" in caplog.text


def test_a_shift_that_cannot_be_kept_leaves_the_others_of_its_transaction_their_own(floor, monkeypatch, caplog):
    floor.house.heat()
    floor.house.fill(floor.house.channel("co", zone="z2", placement="p2"), 5.0)
    file = floor.house.file
    zones = [file.zones[0], msgspec.structs.replace(file.zones[0], id="z2")]
    floor.registry.add(entries_of(msgspec.structs.replace(file, zones=zones), valid_from_us=ALWAYS_US, recorded_us=0, author="t", reason=""))
    tried, save = [], VerdictRepository.save_shifts

    def broken(self, ended, *, withdrawn):
        tried.append({one.shift.zone for one in ended})
        if "f1.z2" in tried[-1]:
            raise ZeroDivisionError
        return save(self, ended, withdrawn=withdrawn)

    monkeypatch.setattr(VerdictRepository, "save_shifts", broken)
    floor.at(900.0)
    assessor = floor.start()
    assessor.tick()
    assert tried[:1] == [{"f1.z1", "f1.z2"}]
    assert {row.verdict.zone for row in VerdictRepository(floor.engine).revisions(site="f1")} == {"f1.z1"}
    assert "f1.z2" in caplog.text
    assert assessor.counters.exceptions == 2


def test_evidence_does_not_keep_the_floor_waiting(floor, monkeypatch):
    floor.house.heat()
    floor.enrol()
    floor.house.store.write(Batch(minutes=[floor.house.minute("a1.p1.air_temperature", index - 1440, 33.0) for index in range(480)]))
    monkeypatch.setattr("assess.revisions.BUDGET_S", -1.0)
    monkeypatch.setattr("assess.revisions.AT_ONCE", 1)
    floor.at(900.0)
    assessor, left = floor.start(), []
    for _ in range(2):
        assessor.tick()
        left.append(assessor.counters.waiting)
    assert left == [1, 0]
