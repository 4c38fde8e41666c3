"""What only InfluxDB can refuse, and how it is written: line protocol, statements, retention, tokens, a server that goes away."""

from __future__ import annotations

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import BadInput, NotReady
from domain.reading import Minute, Reading
from storage.timeseries.influxql import where
from storage.timeseries.lineprotocol import LineEncoder
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch

EVER = (-(2**62), 2**62)
CO2 = "agent-7.ironing-1.co2"


def post(http: str, path: str, token: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(http + path, json.dumps(body).encode(), {"Authorization": f"Token {token}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def get(http: str, path: str, token: str) -> dict[str, object]:
    with urllib.request.urlopen(urllib.request.Request(http + path, headers={"Authorization": f"Token {token}"}), timeout=10) as response:
        return json.loads(response.read())


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.mark.parametrize(
    ("reading", "fresh", "rewritten"),
    [
        (Reading(CO2, 5, 415.0), "v=415.0", 'v=415.0,q=4i,r=""'),
        (Reading(CO2, 5, 415.5, 3, (10,)), 'v=415.5,q=3i,r="10"', 'v=415.5,q=3i,r="10"'),
        (Reading(CO2, 5, 1e-7, 4, (131, 132)), 'v=1e-07,r="131,132"', 'v=1e-07,q=4i,r="131,132"'),
        (Reading(CO2, 5, None, 1, (13,)), 'q=1i,r="13"', 'q=1i,r="13-"'),
        (Reading(CO2, 5, None, 0), "q=0i", 'q=0i,r="-"'),
        (Reading(CO2, 5, None), "q=4i", 'q=4i,r="-"'),
    ],
)
def test_a_reading_as_line_protocol(reading: Reading, fresh: str, rewritten: str) -> None:
    encoder = LineEncoder()
    prefix = "reading,channel=agent-7.ironing-1.co2,quantity=co2 "
    assert encoder.fresh([reading]) == [f"{prefix}{fresh} 5"]
    assert encoder.rewritten([reading]) == [f"{prefix}{rewritten} 5"]


def test_a_minute_as_line_protocol() -> None:
    minute = Minute(channel="a.b.concentration:108-88-3", start_us=60, valid=6, rejected=1, total=180.25, low=29.5, high=31.0, saturated=1, reasons=(131, 134))
    prefix = "minute,channel=a.b.concentration:108-88-3,quantity=concentration:108-88-3 "
    assert LineEncoder().minutes([minute]) == [f'{prefix}valid=6i,total=180.25,low=29.5,high=31.0,rejected=1i,saturated=1i,below_detection=0i,reasons="131,134" 60']


def test_a_minute_that_cannot_be_on_record_leaves_out_what_is_nothing() -> None:
    minute = Minute(channel="a.b.co2", start_us=60, valid=6, rejected=0, total=180.25, low=29.5, high=31.0)
    short, whole = "valid=6i,total=180.25,low=29.5,high=31.0", ',rejected=0i,saturated=0i,below_detection=0i,reasons=""'
    encoder = LineEncoder()
    assert encoder.minutes([minute], {("a.b.co2", 60)}) == [f"minute,channel=a.b.co2,quantity=co2 {short} 60"]
    assert encoder.minutes([minute], {("a.b.co2", 0), ("a.c.co2", 60)}) == encoder.minutes([minute]) == [f"minute,channel=a.b.co2,quantity=co2 {short}{whole} 60"]


@pytest.mark.server("influxdb")
def test_a_minute_written_for_the_first_time_reads_back_whole_and_a_later_one_takes_its_place(influx) -> None:
    store = open_timeseries(influx.url, influx.token)
    channel, start_us = f"agent-{time.time_ns()}.ironing-1.co2", now_us() // 60_000_000 * 60_000_000
    plain = Minute(channel=channel, start_us=start_us, valid=6, rejected=0, total=180.25, low=29.5, high=31.0)
    marked = Minute(channel=channel, start_us=start_us, valid=7, rejected=1, total=210.25, low=29.5, high=31.0, saturated=1, below_detection=2, reasons=(131, 134))
    for minute, first in ((plain, {(channel, start_us)}), (marked, ()), (plain, ())):
        store.write(Batch(minutes=[minute], first=first))
        assert store.read_minutes([channel], start_us, start_us + 1) == {channel: [minute]}
    store.close()


def test_what_a_name_could_break_is_escaped() -> None:
    assert LineEncoder().fresh([Reading("a b,c=d.co2", 5, 1.0)]) == [r"reading,channel=a\ b\,c\=d.co2,quantity=co2 v=1.0 5"]
    assert where(["a'; DROP"], 1, 2) == r"WHERE channel = 'a\'; DROP' AND time >= 1u AND time < 2u"
    assert where(["a/b.c", "d|e"], 1, 2) == r"WHERE channel =~ /^(a\/b\.c|d\|e)$/ AND time >= 1u AND time < 2u"


@pytest.mark.server("influxdb")
def test_readings_past_retention_are_refused_one_by_one_and_the_rest_is_stored(influx) -> None:
    org = get(influx.http, "/api/v2/orgs?org=osh", influx.token)["orgs"][0]["id"]
    bucket = f"short{time.time_ns()}"
    post(influx.http, "/api/v2/buckets", influx.token, {"orgID": org, "name": bucket, "retentionRules": [{"type": "expire", "everySeconds": 3600}]})
    store = open_timeseries(influx.url.replace(influx.bucket, bucket), influx.token)
    now = now_us()
    good = [Reading(CO2, now - offset, float(offset)) for offset in range(600)]
    late = [Reading(CO2, now - 30 * 86_400_000_000 - offset, 1.0) for offset in range(5)]
    mixed = [*good[:300], late[0], *good[300:], *late[1:]]
    refused = store.write(Batch(fresh=mixed, rewritten=late, minutes=[Minute(channel=CO2, start_us=now, valid=1, rejected=0, total=1.0, low=1.0, high=1.0)]))
    assert sorted(each.reading.time_us for each in refused) == sorted(each.time_us for each in [*late, *late])
    assert all("retention" in each.detail for each in refused)
    assert store.read([CO2], *EVER)[CO2] == sorted(good, key=lambda each: each.time_us)
    assert list(store.last_minutes([CO2])) == [CO2]
    store.close()


@pytest.mark.server("influxdb")
def test_a_batch_all_past_retention_is_refused_whole(influx) -> None:
    org = get(influx.http, "/api/v2/orgs?org=osh", influx.token)["orgs"][0]["id"]
    bucket = f"short{time.time_ns()}"
    post(influx.http, "/api/v2/buckets", influx.token, {"orgID": org, "name": bucket, "retentionRules": [{"type": "expire", "everySeconds": 3600}]})
    store = open_timeseries(influx.url.replace(influx.bucket, bucket), influx.token)
    late = [Reading(CO2, now_us() - 30 * 86_400_000_000 - offset, 1.0) for offset in range(3_000)]
    assert [each.reading for each in store.write(Batch(fresh=late))] == late
    store.close()


@pytest.mark.server("influxdb")
def test_a_wrong_token_ends_a_start_and_lets_a_running_writer_wait(influx) -> None:
    store = open_timeseries(influx.url, "not-the-token")
    for ask in (store.ping, lambda: store.write(Batch(fresh=[Reading(CO2, now_us(), 1.0)]))):
        with pytest.raises(BadInput) as caught:
            ask()
        assert caught.value.field == "OSHWATCH_INFLUXDB_TOKEN"
        assert isinstance(caught.value, NotReady)
        assert "not-the-token" not in str(caught.value)
    store.close()


@pytest.mark.server("influxdb")
def test_a_bucket_that_is_not_there_is_named(influx) -> None:
    store = open_timeseries(influx.url.replace(influx.bucket, "nowhere"), influx.token)
    for ask in (store.ping, lambda: store.write(Batch(fresh=[Reading(CO2, now_us(), 1.0)]))):
        with pytest.raises(BadInput, match="nowhere") as caught:
            ask()
        assert caught.value.field == "OSHWATCH_TIMESERIES_URL"
    store.close()


@pytest.mark.server("influxdb")
def test_several_threads_may_write_and_read_at_once(influx) -> None:
    store = open_timeseries(influx.url, influx.token)
    start = now_us()

    def write(worker: int) -> int:
        channel = f"agent-{worker}.p.co2"
        for number in range(5):
            store.write(Batch(fresh=[Reading(channel, start + number * 1_000 + offset, 1.0) for offset in range(1_000)]))
        return store.count([channel], *EVER)[channel]

    with ThreadPoolExecutor(4) as workers:
        assert list(workers.map(write, range(4))) == [5_000] * 4
    store.close()


@pytest.mark.server("influxdb")
def test_a_server_that_is_killed_and_comes_back_has_all_that_it_said_it_stored(influx) -> None:
    store = open_timeseries(influx.url, influx.token)
    sent = [Reading(CO2, now_us() + offset, float(offset)) for offset in range(3_000)]
    store.write(Batch(fresh=sent))
    influx.server.kill()
    more = [Reading(CO2, each.time_us + 10_000_000, each.value) for each in sent]
    with pytest.raises(NotReady):
        store.write(Batch(fresh=more))
    influx.server.start(30)
    deadline = time.monotonic() + 30
    while True:
        try:
            store.write(Batch(fresh=more))
            break
        except NotReady:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert store.read([CO2], *EVER)[CO2] == sent + more
    store.close()
