"""The time-series port: what every adapter must do, run against SQLite, real InfluxDB 2 and 1.8, VictoriaMetrics as far as it can, and the one in memory that tests use."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator

import pytest

from domain.errors import BadInput, NotReady
from domain.reading import Minute, Reading, superseded
from domain.times import DAY_US, HOUR_US, MINUTE_US
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, Fidelity, TimeSeries

T0 = 1_763_800_000_000_000
WBGT, CO2, CHEMICAL = "agent-7.ironing-1.wbgt", "agent-7.ironing-1.co2", "agent-7.gluing_2.concentration:108-88-3"
EVER = (-(2**62), 2**62)


STORES = [
    "memory",
    "sqlite",
    pytest.param("influxdb", marks=pytest.mark.server("influxdb")),
    pytest.param("influxdb1", marks=pytest.mark.server("influxdb1")),
    pytest.param("victoriametrics", marks=pytest.mark.server("victoriametrics")),
]


def opened(request: pytest.FixtureRequest, name: str, tmp_path) -> TimeSeries:
    if name == "memory":
        return MemoryTimeSeries()
    if name == "sqlite":
        return open_timeseries(f"sqlite:///{tmp_path}/series")
    if name == "influxdb":
        influx = request.getfixturevalue("influx")
        return open_timeseries(influx.url, influx.token)
    return open_timeseries(request.getfixturevalue({"influxdb1": "influx1", "victoriametrics": "victoria"}[name]))


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, tmp_path) -> Iterator[TimeSeries]:
    """Also those that keep less than all: a test that takes it asserts what each declares."""
    store = opened(request, request.param, tmp_path)
    yield store
    store.close()


@pytest.fixture(params=STORES[:4])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[TimeSeries]:
    """Stores that keep all they are given."""
    store = opened(request, request.param, tmp_path)
    assert not store.fidelity.lacks()
    yield store
    store.close()


def reading(offset_us: int, value: float | None = 1.0, q: int = 4, r: tuple[int, ...] = (), channel: str = WBGT) -> Reading:
    return Reading(channel, T0 + offset_us, value, q, r)


def minute(number: int, **changes: object) -> Minute:
    of = {"channel": WBGT, "start_us": T0 // 60_000_000 * 60_000_000 + number * 60_000_000, "valid": 6, "rejected": 1, "total": 180.3, "low": 29.9, "high": 30.2}
    return Minute(**{**of, **changes})


def all_of(store: TimeSeries, channel: str = WBGT) -> list[Reading]:
    return store.read([channel], *EVER).get(channel, [])


def test_readings_come_back_by_channel_and_ascending_in_time(store: TimeSeries) -> None:
    sent = [reading(offset, value, channel=channel) for channel in (WBGT, CO2) for offset, value in ((20, 2.0), (0, 1.0), (10, 3.0))]
    store.write(Batch(fresh=sent))
    assert store.read([CO2, WBGT], T0, T0 + 100) == {
        channel: [reading(0, 1.0, channel=channel), reading(10, 3.0, channel=channel), reading(20, 2.0, channel=channel)] for channel in (WBGT, CO2)
    }


def test_a_channel_without_readings_is_absent(store: TimeSeries) -> None:
    store.write(Batch(fresh=[reading(0)]))
    for answer in (store.read([CO2], *EVER), store.read_minutes([WBGT], *EVER), store.last([CO2]), store.last_minutes([WBGT]), store.count([CO2], *EVER)):
        assert answer == {}
    assert store.read([], *EVER) == store.last([]) == store.count([], *EVER) == {}
    assert store.read([WBGT], T0 + 1, T0 + 2) == {}


def test_an_empty_batch_is_nothing(store: TimeSeries) -> None:
    assert store.write(Batch()) == []


def test_times_keep_their_microseconds_and_spans_are_half_open(store: TimeSeries) -> None:
    store.write(Batch(fresh=[reading(offset, float(offset)) for offset in (0, 1, 2, 3)]))
    assert [each.value for each in store.read([WBGT], T0 + 1, T0 + 3)[WBGT]] == [1.0, 2.0]
    assert store.count([WBGT], T0 + 1, T0 + 3) == {WBGT: 2}


def test_a_repeat_overwrites_and_is_counted_once(store: TimeSeries) -> None:
    for _ in range(3):
        store.write(Batch(fresh=[reading(0, 7.5)]))
    assert all_of(store) == [reading(0, 7.5)]
    assert store.count([WBGT], *EVER) == {WBGT: 1}


@pytest.mark.parametrize("value", [0.0, -12.25, 0.1 + 0.2, 1e-300, 1.7976931348623157e308, 5e-324, 123456789.12345679, 1e22, 33.0], ids=repr)
def test_values_come_back_exactly(store: TimeSeries, value: float) -> None:
    store.write(Batch(fresh=[reading(0, value)]))
    assert [each.value for each in all_of(store)] == [value]


def test_quality_reasons_and_missing_values_come_back(store: TimeSeries) -> None:
    sent = [reading(0, 33.4, 3, (10,)), reading(1, None, 1, (13,)), reading(2, 33.4, 4, (131, 132)), reading(3, None, 0), reading(4, 99.0, 1, (2,)), reading(5, None, 4)]
    store.write(Batch(fresh=sent))
    assert all_of(store) == sent
    assert store.count([WBGT], *EVER) == {WBGT: 6}


@pytest.mark.parametrize(
    "before",
    [reading(0, 1.0, 3, (10, 131)), reading(0, None, 1, (13,)), reading(0, 1.0), reading(0, 1.0, 4, (128,))],
    ids=["suspicious", "missing", "plain", "unsynchronised"],
)
@pytest.mark.parametrize(
    "after",
    [reading(0, 2.0), reading(0, 2.0, 3, (134,)), reading(0, None, 1, (13,)), reading(0, None, 1), superseded(reading(0))],
    ids=["plain", "saturated", "missing", "missing without reason", "superseded"],
)
@pytest.mark.parametrize("twice", [False, True])
def test_nothing_of_the_old_point_shines_through_a_rewritten_one(store: TimeSeries, before: Reading, after: Reading, twice: bool) -> None:
    store.write(Batch(rewritten=[before]) if twice else Batch(fresh=[before]))
    store.write(Batch(rewritten=[after]))
    assert all_of(store) == [after]
    assert store.last([WBGT]) == {WBGT: after}
    assert store.count([WBGT], *EVER) == {WBGT: 1}


def test_a_quantity_may_hold_a_colon(store: TimeSeries) -> None:
    store.write(Batch(fresh=[reading(0, 50.0, channel=CHEMICAL), reading(0, 400.0, channel=CO2)], minutes=[minute(0, channel=CHEMICAL)]))
    assert store.read([CHEMICAL, CO2], *EVER) == {CHEMICAL: [reading(0, 50.0, channel=CHEMICAL)], CO2: [reading(0, 400.0, channel=CO2)]}
    assert store.last([CHEMICAL]) == {CHEMICAL: reading(0, 50.0, channel=CHEMICAL)}
    assert list(store.read_minutes([CHEMICAL], *EVER)) == [CHEMICAL]


def test_a_channel_is_not_a_pattern(store: TimeSeries) -> None:
    look_alike = "agent-7.ironing-1xco2"
    store.write(Batch(fresh=[reading(0, channel=WBGT), reading(0, channel=look_alike)]))
    assert store.read([CO2, "agent-7.ironing-1.wbg", ".*"], *EVER) == {}


def test_the_last_reading_is_the_latest_in_time_whatever_its_quality_and_order(store: TimeSeries) -> None:
    store.write(Batch(fresh=[reading(10), reading(30, None, 1, (13,)), reading(20)]))
    store.write(Batch(rewritten=[reading(5, 9.0)]))
    assert store.last([WBGT, CO2]) == {WBGT: reading(30, None, 1, (13,))}


def test_minutes_keep_every_field_and_overwrite(store: TimeSeries) -> None:
    first, second = minute(0, saturated=2, below_detection=1, reasons=(131, 134)), minute(1, valid=0, rejected=3, total=0.0, low=None, high=None)
    store.write(Batch(minutes=[first, second]))
    assert store.read_minutes([WBGT], *EVER) == {WBGT: [first, second]}
    changed = minute(0, valid=0, rejected=7, total=0.0, low=None, high=None)
    store.write(Batch(minutes=[changed]))
    assert store.read_minutes([WBGT], *EVER) == {WBGT: [changed, second]}
    assert store.read_minutes([WBGT], first.start_us, second.start_us) == {WBGT: [changed]}
    assert store.last_minutes([WBGT, CO2]) == {WBGT: second.start_us}


def test_many_channels_are_asked_for_at_once(store: TimeSeries) -> None:
    channels = [f"agent-{number}.line-{number}.air_temperature" for number in range(1_203)]
    store.write(Batch(fresh=[reading(number, float(number), channel=channel) for number, channel in enumerate(channels)]))
    assert {channel: each.value for channel, each in store.last(channels).items()} == {channel: float(number) for number, channel in enumerate(channels)}
    assert sum(store.count(channels, *EVER).values()) == len(store.read(channels, *EVER)) == 1_203


# What every store does, those included that declare a lesser fidelity: times in whole milliseconds, plain values, nothing written twice with another value.


def test_any_store_gives_back_what_it_can_hold(any_store: TimeSeries) -> None:
    sent = [reading(offset * 1_000, value, q, channel=channel) for channel in (WBGT, CHEMICAL) for offset, value, q in ((0, 31.25, 4), (10, None, 1), (20, -0.5, 3), (30, 0.0, 4))]
    minutes = [minute(0, total=180.25), minute(1, valid=0, rejected=3, total=0.0, low=None, high=None), minute(2, saturated=2, below_detection=1)]
    for _ in range(2):
        assert any_store.write(Batch(fresh=sent, minutes=minutes)) == []
    assert any_store.read([WBGT, CHEMICAL], *EVER) == {WBGT: sent[:4], CHEMICAL: sent[4:]}
    assert any_store.read([WBGT], T0 + 10_000, T0 + 30_000) == {WBGT: sent[1:3]}
    assert any_store.last([WBGT, CHEMICAL, CO2]) == {WBGT: sent[3], CHEMICAL: sent[7]}
    assert any_store.count([WBGT, CHEMICAL, CO2], *EVER) == {WBGT: 4, CHEMICAL: 4}
    assert any_store.read_minutes([WBGT], *EVER) == {WBGT: minutes}
    assert any_store.last_minutes([WBGT, CO2]) == {WBGT: minutes[2].start_us}
    assert any_store.channels() == sorted([WBGT, CHEMICAL])
    assert any_store.expired([WBGT], *EVER) == {}
    any_store.ping()


def test_any_store_refuses_what_no_store_can_hold(any_store: TimeSeries) -> None:
    refused = any_store.write(Batch(fresh=[reading(0, math.nan), reading(1_000, 5.0)]))
    assert [each.reading.time_us for each in refused] == [T0]
    assert refused[0].detail
    assert all_of(any_store) == [reading(1_000, 5.0)]


def test_any_store_is_asked_for_many_channels_at_once(any_store: TimeSeries) -> None:
    channels = [f"agent-{number}.line-{number}.air_temperature" for number in range(203)]
    any_store.write(Batch(fresh=[reading(number * 1_000, float(number), channel=channel) for number, channel in enumerate(channels)]))
    assert {channel: each.value for channel, each in any_store.last(channels).items()} == {channel: float(number) for number, channel in enumerate(channels)}
    assert len(any_store.read(channels, *EVER)) == 203


def test_a_time_is_kept_to_the_declared_step(any_store: TimeSeries) -> None:
    any_store.write(Batch(fresh=[reading(1_234_567, 5.0)]))
    step_us = any_store.fidelity.step_us
    assert [each.time_us for each in all_of(any_store)] == [(T0 + 1_234_567) // step_us * step_us]


def test_reason_codes_are_kept_as_declared(any_store: TimeSeries) -> None:
    any_store.write(Batch(fresh=[reading(0, 5.0, 3, (10, 131))], minutes=[minute(0, reasons=(131,))]))
    kept = any_store.fidelity.keeps_reasons
    assert all_of(any_store) == [reading(0, 5.0, 3, (10, 131) if kept else ())]
    assert any_store.read_minutes([WBGT], *EVER)[WBGT][0].reasons == ((131,) if kept else ())


def test_numbers_are_exact_as_declared(any_store: TimeSeries) -> None:
    any_store.write(Batch(fresh=[reading(0, 0.1 + 0.2), reading(1_000, 12345678.123456789)]))
    values = [each.value for each in all_of(any_store)]
    assert (values == [0.1 + 0.2, 12345678.123456789]) is any_store.fidelity.exact
    assert values == pytest.approx([0.3, 12345678.123456789], rel=1e-12)


def test_a_correction_replaces_as_declared(any_store: TimeSeries) -> None:
    any_store.write(Batch(fresh=[reading(0, 9.0)]))
    any_store.write(Batch(rewritten=[reading(0, 5.0)]))
    assert all_of(any_store) == [reading(0, 5.0 if any_store.fidelity.overwrites else 9.0)]


def test_a_store_says_in_words_what_it_lacks(any_store: TimeSeries) -> None:
    fidelity = any_store.fidelity
    assert fidelity.name
    assert bool(fidelity.lacks()) is (fidelity != Fidelity(fidelity.name))
    assert len(fidelity.lacks()) in (0, 5)


def test_hours_and_days_are_folded_from_minutes_and_late_minutes_change_them(any_store: TimeSeries) -> None:
    day_us = T0 // DAY_US * DAY_US
    minutes = [
        Minute(channel=WBGT, start_us=day_us + number * 20 * MINUTE_US, valid=2, rejected=number % 2, total=60.5 + number, low=30.0 - number, high=31.0 + number, saturated=1)
        for number in range(100)
    ]
    any_store.write(Batch(minutes=minutes[1:]))
    first = any_store.read_rollups([WBGT, CO2], day_us, day_us + HOUR_US, HOUR_US)[WBGT][0]
    assert (first.start_us, first.minutes, first.valid, first.rejected, first.total, first.low, first.high) == (day_us, 2, 4, 1, 61.5 + 62.5, 28.0, 33.0)
    any_store.write(Batch(minutes=minutes[:1]))
    hours = any_store.read_rollups([WBGT], day_us, day_us + 2 * DAY_US, HOUR_US)[WBGT]
    assert [hour.start_us for hour in hours] == [day_us + number * HOUR_US for number in range(34)]
    assert (hours[0].minutes, hours[0].total, hours[0].saturated) == (3, 60.5 + 61.5 + 62.5, 3)
    days = any_store.read_rollups([WBGT], day_us, day_us + 2 * DAY_US, DAY_US)[WBGT]
    assert [(day.start_us, day.minutes, day.valid, day.high) for day in days] == [(day_us, 72, 144, 102.0), (day_us + DAY_US, 28, 56, 130.0)]
    assert any_store.read_rollups([WBGT], day_us + 1, day_us + 2 * HOUR_US + 1, HOUR_US)[WBGT][0].start_us == day_us + HOUR_US
    with pytest.raises(BadInput):
        any_store.read_rollups([WBGT], 0, 1, MINUTE_US)


def test_the_span_of_a_channel_holds_all_its_readings_and_minutes(any_store: TimeSeries) -> None:
    any_store.write(Batch(fresh=[reading(0, None, 1), reading(3_600_000_000)], minutes=[minute(-2)]))
    start_us, stop_us = any_store.span([WBGT, CO2])[WBGT]
    assert minute(-2).start_us - HOUR_US < start_us <= minute(-2).start_us
    assert T0 + 3_600_000_000 < stop_us <= T0 + 3 * HOUR_US
    assert any_store.span([CO2]) == {}


# What stores do that keep all they are given.


def test_a_large_batch_is_whole(store: TimeSeries) -> None:
    chance = random.Random(7)
    sent = [reading(offset, chance.uniform(-10, 60), *(chance.choice([(4, ()), (3, (10,)), (4, (131,))]))) for offset in range(12_000)]
    store.write(Batch(fresh=sent[:11_000], rewritten=sent[10_500:], minutes=[minute(number) for number in range(3_000)]))
    assert all_of(store) == sent
    assert len(store.read_minutes([WBGT], *EVER)[WBGT]) == 3_000


def test_a_number_that_is_none_is_refused_alone(store: TimeSeries) -> None:
    refused = store.write(Batch(fresh=[reading(0, math.nan), reading(1, 5.0)], rewritten=[reading(2, math.inf)]))
    assert [each.reading.time_us - T0 for each in refused] == [0, 2]
    assert all(each.detail for each in refused)
    assert all_of(store) == [reading(1, 5.0)]


def test_readers_see_whole_batches_while_it_is_written(store: TimeSeries) -> None:
    done, partial = threading.Event(), []

    def write() -> None:
        for number in range(30):
            store.write(Batch(fresh=[reading(number * 100 + offset, channel=channel) for channel in (WBGT, CO2) for offset in range(50)]))
        done.set()

    def read() -> None:
        seen = 0
        while not done.is_set():
            number = store.count([WBGT], *EVER).get(WBGT, 0)
            if number < seen or number % 50:
                partial.append(number)
            seen = number

    threads = [threading.Thread(target=target) for target in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert partial == []
    assert store.count([WBGT, CO2], *EVER) == {WBGT: 1_500, CO2: 1_500}


def test_it_says_that_it_is_ready(store: TimeSeries) -> None:
    store.ping()


@pytest.mark.parametrize(
    ("url", "token", "field"),
    [
        ("sqlite:///", "", "OSHWATCH_TIMESERIES_URL"),
        ("sqlite://host/dir", "", "OSHWATCH_TIMESERIES_URL"),
        ("postgres://host", "", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb1://host:8086?database=d", "", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb1://host:8086?org=o&bucket=b", "", "OSHWATCH_TIMESERIES_URL"),
        ("victoriametrics://host/path", "", "OSHWATCH_TIMESERIES_URL"),
        ("victoriametrics://", "", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb://host:8086?org=o", "t", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb://host:port?org=o&bucket=b", "t", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb://?org=o&bucket=b", "t", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb://host?org=o&bucket=b&batch=9", "t", "OSHWATCH_TIMESERIES_URL"),
        ("influxdb://host?org=o&bucket=b", "", "OSHWATCH_INFLUXDB_TOKEN"),
    ],
)
def test_a_wrong_url_is_refused_by_the_setting_s_name(url: str, token: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_timeseries(url, token)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize("url", ["influxdb://127.0.0.1:9?org=o&bucket=b", "influxdb1://127.0.0.1:9?database=d&policy=p", "victoriametrics://127.0.0.1:9"])
def test_a_server_that_is_not_there_is_not_ready(url: str) -> None:
    store = open_timeseries(url, "t")
    for ask in (store.ping, lambda: store.write(Batch(fresh=[reading(0)])), lambda: store.read([WBGT], *EVER)):
        with pytest.raises(NotReady, match=r"127\.0\.0\.1:9"):
            ask()
    store.close()
