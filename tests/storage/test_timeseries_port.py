"""The time-series port: what every adapter must do, run against SQLite, against a real InfluxDB, and against the one in memory that tests use."""

from __future__ import annotations

import math
import random
import threading

import pytest

from domain.errors import BadInput, NotReady
from domain.reading import Minute, Reading, superseded
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch, TimeSeries

T0 = 1_763_800_000_000_000
WBGT, CO2, CHEMICAL = "agent-7.ironing-1.wbgt", "agent-7.ironing-1.co2", "agent-7.gluing_2.concentration:108-88-3"
EVER = (-(2**62), 2**62)


@pytest.fixture(params=["memory", "sqlite", pytest.param("influxdb", marks=pytest.mark.server("influxdb"))])
def store(request: pytest.FixtureRequest, tmp_path) -> TimeSeries:
    if request.param == "memory":
        opened: TimeSeries = MemoryTimeSeries()
    elif request.param == "sqlite":
        opened = open_timeseries(f"sqlite:///{tmp_path}/series")
    else:
        influx = request.getfixturevalue("influx")
        opened = open_timeseries(influx.url, influx.token)
    yield opened
    opened.close()


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


def test_a_server_that_is_not_there_is_not_ready() -> None:
    store = open_timeseries("influxdb://127.0.0.1:9?org=o&bucket=b", "t")
    for ask in (store.ping, lambda: store.write(Batch(fresh=[reading(0)])), lambda: store.read([WBGT], *EVER)):
        with pytest.raises(NotReady, match=r"127\.0\.0\.1:9"):
            ask()
    store.close()
