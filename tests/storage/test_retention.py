"""Retention: the closest rule, what is held stays, whole hours go, every deletion is a record, and nothing comes back piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.errors import BadInput, NotFound, Refused
from domain.reading import Minute, Reading, minute_from
from domain.sitefile import parse_site_file
from domain.times import DAY_US, HOUR_US, MINUTE_US
from oshwatch.testing import MemoryTimeSeries
from storage.records.registry import RegistryRepository
from storage.records.retention import RetentionRepository, RetentionRule, rule_for
from storage.retention import apply_retention, expiries
from storage.timeseries.port import Batch, Expiry
from storage.timeseries.rollup import averaging_of
from storage.timeseries.sqlite import SqliteTimeSeries

T0 = 1_763_798_400_000_000 // DAY_US * DAY_US
CO2 = "a.p.co2"
EVER = (-(2**62), 2**62)


def rule(site: str = "*", quantity: str = "*", readings: int = 60, minutes: int = 90) -> RetentionRule:
    return RetentionRule(site=site, quantity=quantity, readings_days=readings, minutes_days=minutes, set_us=T0, set_by="A", reason="plan")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteTimeSeries]:
    opened = SqliteTimeSeries(tmp_path)
    yield opened
    opened.close()


def fill(store: SqliteTimeSeries, hours: int, channel: str = CO2) -> list[Reading]:
    readings = [Reading(channel, T0 + number * 10 * MINUTE_US, float(number)) for number in range(hours * 6)]
    minutes = [minute_from(channel, each.time_us, [each], averaging_of(channel)) for each in readings]
    store.write(Batch(fresh=readings, minutes=minutes))
    return readings


@pytest.mark.parametrize("sealed", [False, True])
def test_whole_hours_go_and_each_deletion_is_a_record(store: SqliteTimeSeries, sealed: bool) -> None:
    readings = fill(store, 10)
    before = store.read_rollups([CO2], *EVER, HOUR_US)
    if sealed:
        store.seal_all()
    done = store.expire([Expiry(CO2, T0 + 4 * HOUR_US + 5, T0 + 2 * HOUR_US, "rule")], at_us=7)
    assert [(each.what, each.stop_us, each.number, each.at_us, each.rule) for each in done] == [
        ("readings", T0 + 4 * HOUR_US, 24, 7, "rule"),
        ("minutes", T0 + 2 * HOUR_US, 12, 7, "rule"),
    ]
    assert store.read([CO2], *EVER) == {CO2: readings[24:]}
    assert len(store.read_minutes([CO2], *EVER)[CO2]) == 48
    assert store.count([CO2], *EVER) == {CO2: 36}
    assert store.read_rollups([CO2], *EVER, HOUR_US) == before, "hours and days outlive their minutes"
    assert sorted(store.expired([CO2], T0, T0 + HOUR_US)[CO2], key=lambda each: each.what) == sorted(done, key=lambda each: each.what)
    assert store.expired([CO2], T0 + 5 * HOUR_US, T0 + 6 * HOUR_US) == {}


def test_what_comes_late_for_a_deleted_hour_is_refused_and_its_minute_stays_as_it_was(store: SqliteTimeSeries) -> None:
    fill(store, 10)
    minutes = store.read_minutes([CO2], *EVER)
    store.expire([Expiry(CO2, T0 + 4 * HOUR_US, T0, "rule")], at_us=7)
    late, taken = Reading(CO2, T0 + HOUR_US + 1, 9.0), Reading(CO2, T0 + 5 * HOUR_US + 1, 9.0)
    alone = Minute(channel=CO2, start_us=T0 + HOUR_US, valid=1, rejected=0, total=9.0, low=9.0, high=9.0)
    refused = store.write(Batch(rewritten=[late, taken], minutes=[alone]))
    assert [(each.reading, each.detail) for each in refused] == [(late, "after retention")]
    assert store.read_minutes([CO2], *EVER) == minutes
    assert taken in store.read([CO2], *EVER)[CO2]
    other = SqliteTimeSeries(store._path.parent)
    assert [each.reading for each in other.write(Batch(rewritten=[late]))] == [late]
    other.close()


def test_what_is_held_stays_until_it_is_released(store: SqliteTimeSeries) -> None:
    readings = fill(store, 10)
    held = (T0 + 2 * HOUR_US + 30 * MINUTE_US, T0 + 3 * HOUR_US)
    due = Expiry(CO2, T0 + 6 * HOUR_US, T0, "rule", (held,))
    assert sum(each.number for each in store.expire([due], at_us=7)) == 30
    assert store.read([CO2], *EVER) == {CO2: [*readings[12:18], *readings[36:]]}
    assert store.expire([due], at_us=8) == []
    after = store.expire([Expiry(CO2, T0 + 6 * HOUR_US, T0, "rule")], at_us=9)
    assert [(each.start_us, each.stop_us, each.number) for each in after] == [(T0 + 2 * HOUR_US, T0 + 3 * HOUR_US, 6)]
    assert store.read([CO2], *EVER) == {CO2: readings[36:]}


def test_the_closest_rule_counts() -> None:
    rules = [rule(), rule(quantity="co2"), rule("f1"), rule("f1", "co2")]
    assert rule_for(rules, "f1", "co2") == rules[3]
    assert rule_for(rules, "f1", "wbgt") == rules[2]
    assert rule_for(rules, "f2", "co2") == rules[1]
    assert rule_for(rules, "f2", "wbgt") == rules[0]
    assert rule_for(rules[1:2], "f2", "wbgt") is None


@pytest.mark.parametrize(("readings", "minutes"), [(44, 90), (60, 59)])
def test_a_rule_that_would_take_what_results_need_is_refused(engine: Engine, readings: int, minutes: int) -> None:
    with pytest.raises(BadInput):
        RetentionRepository(engine).set(rule(readings=readings, minutes=minutes))


def test_rules_and_holds_are_kept_with_who_and_why(engine: Engine) -> None:
    repository = RetentionRepository(engine)
    for each in (rule(), rule("f1"), rule("f1", readings=100, minutes=100)):
        repository.set(each)
    assert repository.rules() == [rule(), rule("f1", readings=100, minutes=100)]
    placed = repository.place(site="f1", kind="inspector", start_us=T0, stop_us=T0 + DAY_US, reference="letter 17", by="I", at_us=T0)
    assert repository.holds() == repository.holds("f1") == [placed]
    repository.release(placed.id, by="I", reason="closed", at_us=T0 + 1)
    assert repository.holds() == []
    assert [(each.released_by, each.release_reason) for each in repository.holds(released=True)] == [("I", "closed")]
    with pytest.raises(NotFound):
        repository.release(placed.id, by="I", reason="again", at_us=T0 + 2)


def test_rules_reach_the_channels_of_registered_agents_and_holds_their_sites(engine: Engine, store: SqliteTimeSeries) -> None:
    register(engine)
    repository = RetentionRepository(engine)
    readings = fill(store, 10)
    fill(store, 10, "stranger.p.co2")
    now_us = T0 + 60 * DAY_US + 6 * HOUR_US
    assert apply_retention(engine, store, now_us) == []
    repository.set(rule())
    placed = repository.place(site="f1", kind="review", start_us=T0, stop_us=T0 + HOUR_US, reference="r", by="R", at_us=T0)
    assert [(each.channel, each.held) for each in expiries(engine, store, now_us)] == [(CO2, ((placed.start_us, placed.stop_us),))]
    assert [each.number for each in apply_retention(engine, store, now_us)] == [30]
    assert store.read([CO2], *EVER) == {CO2: [*readings[:6], *readings[36:]]}
    assert store.count(["stranger.p.co2"], *EVER) == {"stranger.p.co2": 60}


SITE = """
site: {id: f1, name: Sunrise Garments, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}
zones: [{id: hall, name: Hall}]
agents: [{id: a, channels: [{placement: p, quantity: co2, zone: hall, interval_s: 10}]}]
"""


def register(engine: Engine) -> None:
    """A site f1 with the agent `a`."""
    RegistryRepository(engine).import_file(parse_site_file(SITE, "f1.yaml"), valid_from_us=None, author="linh", reason="new", now_us=T0)


def test_a_server_that_deletes_by_itself_is_not_told_to(engine: Engine) -> None:
    with pytest.raises(Refused, match="its own retention"):
        apply_retention(engine, MemoryTimeSeries(), T0)
