"""A forecast that is handed in is read whole or refused with its line and field."""

from __future__ import annotations

import contextlib
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.times import HOUR_US, parse_instant, to_rfc3339
from domain.weather import Forecast, parse_weather

HANOI, COLOMBO = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Asia/Colombo")
NOW_US = parse_instant("2026-11-24T10:00:00Z")
HEAD = "time,air_temperature_c,relative_humidity_pct,wind_speed_ms,solar_w_m2\n"


def read(text: str, **options: str) -> Forecast:
    return parse_weather(text, HANOI, NOW_US, source="f.csv", **options)  # type: ignore[arg-type]


def test_a_table_is_read_with_local_times_and_times_with_an_offset() -> None:
    found = read(HEAD + "2026-11-25T07:00,24.5,80,1.2,150\n2026-11-25T01:00:00Z,25.1,78,1.0,\n")
    assert [to_rfc3339(hour.start_us) for hour in found.hours] == ["2026-11-25T00:00:00Z", "2026-11-25T01:00:00Z"]
    assert found.hours[0].solar_w_m2 == 150.0
    assert found.hours[1].solar_w_m2 is None
    assert found.issued_us == NOW_US


def test_semicolons_and_a_byte_order_mark_of_a_spreadsheet_are_taken() -> None:
    found = read("\ufefftime;air_temperature_c;relative_humidity_pct;wind_speed_ms\r\n2026-11-25 07:00;24.5;80;1\r\n")
    assert found.hours[0].air_temperature_c == 24.5


def test_hours_may_begin_at_the_half_hour_of_utc_where_the_time_zone_does() -> None:
    found = parse_weather(HEAD + "2026-11-25T07:00,24.5,80,1.2,150\n", COLOMBO, NOW_US)
    assert to_rfc3339(found.hours[0].start_us) == "2026-11-25T01:30:00Z"


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, "time"),
        ("time,air_temperature_c,relative_humidity_pct\n", 1, "wind_speed_ms"),
        (HEAD.replace("solar_w_m2", "uv"), 1, "uv"),
        (HEAD, None, "hours"),
        (HEAD + "2026-11-25T07:00,24.5,80,1.2\n", 2, ""),
        (HEAD + "2026-11-25T07:00,24.5,80,1.2,\n2026-11-25T08:00,hot,80,1.2,\n", 3, "air_temperature_c"),
        (HEAD + "2026-11-25T07:00,24.5,180,1.2,\n", 2, "relative_humidity_pct"),
        (HEAD + "2026-11-25T07:00,nan,80,1.2,\n", 2, "air_temperature_c"),
        (HEAD + "2026-11-25T07:00,24.5,80,,\n", 2, "wind_speed_ms"),
        (HEAD + "tomorrow,24.5,80,1,\n", 2, "time"),
        (HEAD + "2026-11-25T07:07,24.5,80,1,\n", 2, "time"),
        (HEAD + "2025-11-25T07:00,24.5,80,1,\n", 2, "time"),
        (HEAD + "2026-11-25T07:00,24.5,80,1,\n2026-11-25T00:00:00Z,25,80,1,\n", 3, "time"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(text: str, line: int | None, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(text)
    assert (refused.value.line, refused.value.field) == (line, field)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hours": [{"time": "2026-11-25T00:00:00Z", "air_temperature_c": 25, "relative_humidity_pct": 80, "wind_speed_ms": 1, "uv": 3}]}, "hours[0].uv"),
        ({"hours": [{"time": "2026-11-25T00:00:00Z", "air_temperature_c": "x", "relative_humidity_pct": 80, "wind_speed_ms": 1}]}, "hours[0].air_temperature_c"),
        ({"hours": []}, "hours"),
        ({"wind_height_m": 0.5}, "wind_height_m"),
        ({"issued": "2026-12-24T00:00:00Z"}, "issued"),
        ({"more": 1}, "body"),
    ],
)
def test_json_that_is_wrong_is_named_by_its_path(change: dict[str, object], field: str) -> None:
    good = {"issued": "2026-11-24T09:00:00Z", "hours": [{"time": "2026-11-25T00:00:00Z", "air_temperature_c": 25, "relative_humidity_pct": 80, "wind_speed_ms": 1}]}
    assert read(msgspec.json.encode(good).decode()).hours
    with pytest.raises(BadInput) as refused:
        read(msgspec.json.encode({**good, **change}).decode())
    assert refused.value.field == field


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(-50, 60), st.floats(0, 100), st.floats(0, 75)), min_size=1, max_size=20, unique_by=lambda row: row[0]))
def test_what_is_written_is_what_is_read_in_whatever_order(rows: list[tuple[int, float, float, float]]) -> None:
    lines = [f"{to_rfc3339(NOW_US + hour * HOUR_US)},{air!r},{humidity!r},{wind!r}," for hour, air, humidity, wind in rows]
    found = read(HEAD + "\n".join(lines))
    assert [(hour.start_us, hour.air_temperature_c, hour.relative_humidity_pct, hour.wind_speed_ms) for hour in found.hours] == [
        (NOW_US + hour * HOUR_US, air, humidity, wind) for hour, air, humidity, wind in sorted(rows)
    ]


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert read(text).hours
