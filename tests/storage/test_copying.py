"""From store to store: all of it, verified, again and again, stopped half-way, and to a store that holds less."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from domain.errors import NotReady, Refused
from domain.reading import Reading, minute_from
from domain.times import DAY_US, MINUTE_US
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.copying import copy
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, TimeSeries
from storage.timeseries.rollup import averaging_of
from storage.timeseries.sqlite import SqliteTimeSeries

T0 = 1_763_798_400_000_000 // DAY_US * DAY_US
CHANNELS = ["a.p.co2", "a.p.wbgt", "b.q.sound_level_a_eq"]
EVER = (-(2**62), 2**62)


def filled(store: TimeSeries, *, step_us: int = 1) -> TimeSeries:
    chance = random.Random(3)
    for channel in CHANNELS:
        readings = []
        for number in range(400):
            q, r = chance.choice([(4, ()), (4, ()), (3, (10,)), (1, (13,))])
            time_us = (T0 + number * 9 * MINUTE_US + chance.randrange(1_000_000)) // step_us * step_us
            readings.append(Reading(channel, time_us, None if q == 1 else round(chance.uniform(20, 90), 2), q, r))
        minutes = [minute_from(channel, each.time_us // MINUTE_US * MINUTE_US, [each], averaging_of(channel)) for each in readings]
        store.write(Batch(fresh=readings, minutes=minutes))
    return store


def same(source: TimeSeries, target: TimeSeries) -> bool:
    return source.read(CHANNELS, *EVER) == target.read(CHANNELS, *EVER) and source.read_minutes(CHANNELS, *EVER) == target.read_minutes(CHANNELS, *EVER)


def test_a_copy_is_whole_and_a_second_run_writes_nothing(tmp_path: Path) -> None:
    source, target = filled(MemoryTimeSeries()), SqliteTimeSeries(tmp_path)
    first = copy(source, target)
    assert (first.channels, first.days, first.readings, first.minutes, first.same, first.wrong) == (3, 9, 1_200, 1_200, 0, [])
    assert same(source, target)
    second = copy(source, target)
    assert (second.same, second.readings, second.minutes, second.checksum) == (9, 0, 0, first.checksum)
    target.close()


def test_what_is_other_or_missing_in_the_target_is_found_and_mended(tmp_path: Path) -> None:
    source, target = filled(MemoryTimeSeries()), SqliteTimeSeries(tmp_path)
    copy(source, target)
    one = source.read(CHANNELS, *EVER)["a.p.co2"][200]
    target.write(Batch(rewritten=[Reading(one.channel, one.time_us, 1.0)]))
    assert [wrong.split(" ")[0] for wrong in copy(source, target, verify_only=True).wrong] == ["a.p.co2"]
    mended = copy(source, target)
    assert (mended.same, mended.wrong) == (8, [])
    assert same(source, target)
    target.close()


def test_a_copy_that_was_stopped_goes_on(tmp_path: Path) -> None:
    source, target = filled(MemoryTimeSeries()), SqliteTimeSeries(tmp_path)

    def stop(channel: str, done: int, of: int) -> None:
        if done == 1:
            raise NotReady("the power went")

    with pytest.raises(NotReady):
        copy(source, target, told=stop)
    rest = copy(source, target)
    assert (rest.same, rest.readings) == (3, 800)
    assert same(source, target)
    target.close()


def test_more_in_the_target_than_in_the_source_is_said() -> None:
    source, target = filled(MemoryTimeSeries()), filled(MemoryTimeSeries())
    target.write(Batch(fresh=[Reading("a.p.co2", T0 + 5, 1.0)]))
    assert len(copy(source, target).wrong) == 1


@pytest.mark.server("influxdb")
def test_to_influxdb_and_back(influx, tmp_path: Path) -> None:
    source, between, back = filled(MemoryTimeSeries()), open_timeseries(influx.url, influx.token), SqliteTimeSeries(tmp_path)
    there = copy(source, between)
    here = copy(between, back)
    assert (there.wrong, here.wrong) == ([], [])
    assert there.checksum == here.checksum
    assert same(source, back)
    between.close()
    back.close()


@pytest.mark.server("victoriametrics")
def test_to_a_store_that_holds_less_and_never_back(victoria: str) -> None:
    source, target = filled(MemoryTimeSeries(), step_us=1_000), open_timeseries(victoria)
    assert copy(source, target).wrong == []
    with pytest.raises(Refused, match="no evidence"):
        copy(target, source)
    target.close()
