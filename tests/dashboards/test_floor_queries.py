"""Every query of the dashboard is run against a real InfluxDB 2 as Grafana would send it, and returns what was measured."""

from __future__ import annotations

import json
import math
import re
import time
import urllib.parse
import urllib.request

import pytest

from dashboards.floor import floor
from dashboards.influxql import arithmetic_mean, energy_mean, last_heard
from domain.quantities import QUANTITIES, quantity_of
from domain.reading import Reading, minute_from
from storage.timeseries.opening import open_timeseries
from storage.timeseries.port import Batch

pytestmark = pytest.mark.server("influxdb")

MINUTE = 60_000_000
CHEMICAL = "concentration:108-88-3"
PANELS = [panel for panel in floor().to_json()["panels"] if panel["type"] != "row"]
TARGETS = [pytest.param(target["query"], id=f"{panel['title']}-{target['refId']}") for panel in PANELS for target in panel["targets"]]
VARIABLES = [variable for variable in floor().to_json()["templating"]["list"] if variable["type"] == "query"]


def as_grafana_sends(query: str, start_us: int, stop_us: int, agent: str = ".*", quantity: str = ".*", interval: str = "1m") -> str:
    bounds = f"time >= {start_us // 1000}ms and time <= {stop_us // 1000}ms"
    for name, value in {"$timeFilter": bounds, "$__interval": interval, "${agent:regex}": agent, "${quantity:regex}": quantity}.items():
        query = query.replace(name, value)
    assert "$" not in query.replace("$/", ""), query
    return query


def ask(influx, query: str) -> list[dict]:
    """Series of one InfluxQL query."""
    url = f"{influx.http}/query?{urllib.parse.urlencode({'db': influx.bucket, 'q': query, 'epoch': 'ms'})}"
    request = urllib.request.Request(url, headers={"Authorization": f"Token {influx.token}"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        result = json.loads(answer.read())["results"][0]
    assert "error" not in result, result
    return result.get("series", [])


def rows(series: list[dict]) -> list[list]:
    return [row for one in series for row in one["values"] if any(value is not None for value in row[1:])]


@pytest.fixture
def start_us() -> int:
    return (time.time_ns() // 1000 // MINUTE - 3) * MINUTE


@pytest.fixture
def write(influx):
    store = open_timeseries(influx.url, influx.token)

    def write_readings(channel: str, readings: list[Reading], start_us: int) -> None:
        quantity = quantity_of(channel.split(".", 2)[2])
        assert quantity is not None
        store.write(Batch(fresh=readings, minutes=[minute_from(channel, start_us, readings, quantity.averaging)]))

    yield write_readings
    store.close()


@pytest.fixture
def floor_data(write, start_us: int) -> None:
    """One minute of every quantity: two samples that count and one record that does not."""
    for quantity in (*QUANTITIES, CHEMICAL):
        known = quantity_of(quantity)
        assert known is not None
        middle = (known.low + known.high) / 2
        channel = f"agent-7.ironing-1.{quantity}"
        readings = [
            Reading(channel, start_us + 1_000_000, middle),
            Reading(channel, start_us + 2_000_000, middle, 3, (134,)),
            Reading(channel, start_us + 3_000_000, None, 1, (10,)),
        ]
        write(channel, readings, start_us)


def test_every_query_returns_rows(influx, floor_data, start_us: int) -> None:
    empty = [param.id for param in TARGETS if not rows(ask(influx, as_grafana_sends(param.values[0], start_us, start_us + 2 * MINUTE)))]
    assert empty == []


def test_every_query_returns_rows_for_one_chosen_agent_and_none_for_another(influx, floor_data, start_us: int) -> None:
    for param in TARGETS:
        chosen = ask(influx, as_grafana_sends(param.values[0], start_us, start_us + 2 * MINUTE, agent="(agent-7|agent-8)"))
        other = ask(influx, as_grafana_sends(param.values[0], start_us, start_us + 2 * MINUTE, agent="agent-70"))
        assert rows(chosen), param.id
        assert all(value == 0 for row in rows(other) for value in row[1:]), param.id


def test_variables_offer_the_agents_and_quantities_that_are_stored(influx, floor_data, start_us: int) -> None:
    offered = {}
    for variable in VARIABLES:
        pattern = re.compile(variable["regex"].strip("/") or "(.*)")
        values = [row[1] for one in ask(influx, as_grafana_sends(variable["query"], start_us, start_us)) for row in one["values"]]
        offered[variable["name"]] = {match[1] for value in values if (match := pattern.search(value))}
    assert offered == {"agent": {"agent-7"}, "quantity": {*QUANTITIES, CHEMICAL}}


def test_sound_level_is_the_level_of_the_mean_energy_over_unequal_minutes(influx, write, start_us: int) -> None:
    channel = "agent-7.sewing-2.sound_level_a_eq"
    levels = [[70.0], [90.0, 84.0, 88.0]]
    for index, minute in enumerate(levels):
        begin = start_us + index * MINUTE
        write(channel, [Reading(channel, begin + (second + 1) * 1_000_000, level) for second, level in enumerate(minute)], begin)
    hour = (start_us // (10 * MINUTE)) * 10 * MINUTE
    series = ask(influx, as_grafana_sends(energy_mean(["sound_level_a_eq"]), hour, hour + 20 * MINUTE, interval="20m"))
    flat = [level for minute in levels for level in minute]
    expected = 10 * math.log10(sum(10 ** (level / 10) for level in flat) / len(flat))
    drawn = [row[1] for row in rows(series)]
    if len(drawn) == 1:  # else the two minutes lie on both sides of a 20-minute mark
        assert drawn == [pytest.approx(expected, abs=1e-9)]
    else:
        assert drawn == [pytest.approx(70.0, abs=1e-9), pytest.approx(10 * math.log10(sum(10 ** (level / 10) for level in levels[1]) / 3), abs=1e-9)]


def test_a_minute_without_a_counting_sample_is_a_gap_and_not_a_zero(influx, write, start_us: int) -> None:
    channel = "agent-7.ironing-1.air_temperature"
    write(channel, [Reading(channel, start_us + 1_000_000, 30.0)], start_us)
    write(channel, [Reading(channel, start_us + MINUTE + 1_000_000, None, 1, (10,))], start_us + MINUTE)
    [series] = ask(influx, as_grafana_sends(arithmetic_mean(["air_temperature"]), start_us, start_us + MINUTE))
    assert [row[1] for row in series["values"]] == [30.0, None]


def test_last_heard_still_shows_a_channel_that_fell_silent_before_the_chosen_time(influx, write, start_us: int) -> None:
    channel, long_ago = "agent-7.ironing-1.co2", start_us - 3 * 24 * 60 * MINUTE
    write(channel, [Reading(channel, long_ago + 1_000_000, 600.0)], long_ago)
    [series] = ask(influx, as_grafana_sends(last_heard(7), start_us, start_us + MINUTE))
    assert series["tags"] == {"channel": channel}
    assert series["values"] == [[long_ago // 1000, 1, 0]]
