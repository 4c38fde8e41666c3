"""A file of samples: what is no measurement is refused with its line; the rest is taken as it stands."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from assess.samples import read_samples
from domain.errors import BadInput

HEAD = "time,quantity,value\n"
FULL = "time,zone,quantity,value,unit,q,r\n"
SAIGON, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")


def read(text, timezone=None):
    return read_samples(text, "day.csv", timezone)


def test_quantities_interleave_and_each_is_a_series_of_its_own():
    found = read(HEAD + "946684800,co,1\n946684800,co2,500\n946684810,co,\n946684810.5,co2,501\n")
    assert [(track.quantity.id, [(one.time_us, one.value) for one in track.readings]) for track in found.tracks] == [
        ("co", [(946_684_800_000_000, 1.0), (946_684_810_000_000, None)]),
        ("co2", [(946_684_800_000_000, 500.0), (946_684_810_500_000, 501.0)]),
    ]
    assert (found.first_us, found.last_us, found.offset) == (946_684_800_000_000, 946_684_810_500_000, None)


def test_columns_may_stand_in_any_order_behind_a_byte_order_mark_and_between_blank_lines():
    found = read("\ufeffvalue, quantity ,time\r\n\r\n 1.5 , co ,2026-11-23T07:00:00+07:00\r\n\r\n")
    assert found.tracks[0].readings[0].value == 1.5
    assert found.offset == timedelta(hours=7)


def test_quality_and_reasons_are_kept():
    found = read(FULL + '2026-11-23T07:00:00Z,z1,co,2100,ppm,3,134\n2026-11-23T07:00:10Z,z1,co,-5,ppm,1,"[1, 10]"\n2026-11-23T07:00:20Z,z1,co,,,,10 13\n')
    assert [(one.value, one.q, one.r, one.counts) for one in found.tracks[0].readings] == [(2100.0, 3, (134,), True), (-5.0, 1, (1, 10), False), (None, 4, (10, 13), False)]


def test_the_spacing_is_the_median_also_across_a_gap():
    times = [0, 10, 20, 30, 900, 910]
    assert read(HEAD + "".join(f"{1_763_800_000 + time},co,1\n" for time in times)).tracks[0].spacing_s == 10.0


def test_a_change_of_summer_time_is_no_mixture_where_the_site_has_it():
    text = HEAD + "2026-10-25T02:59:00+02:00,co,1\n2026-10-25T02:00:00+01:00,co,1\n"
    assert len(read(text, BERLIN).tracks[0].readings) == 2
    with pytest.raises(BadInput, match=r"day\.csv:3: time: another time zone than in line 2"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("\n\n", 1, "empty"),
        (HEAD, 1, "no samples"),
        ("time;quantity;value\n", 1, "no column 'time'"),
        ("time,quantity,value,quality\n", 1, "unknown column 'quality'"),
        ("time,quantity,value,time\n", 1, "twice"),
        (HEAD + "2026-11-23T07:00:00Z,co,1\n2026-11-23T07:00:10Z,co\n", 3, "2 cells, not 3"),
        (HEAD + '2026-11-23T07:00:00Z,co,"1\n', 2, "not CSV"),
        (HEAD + "2026-11-23T07:00:00Z,co3,1\n", 2, "no quantity 'co3'"),
        (HEAD + "2026-11-23T07:00:00Z,concentration:108-88-4,1\n", 2, "'108-88-4' is no CAS number"),
        (HEAD + "2026-11-23T07:00:00,co,1\n", 2, "no time zone"),
        (HEAD + "23.11.2026 07:00,co,1\n", 2, "is not a time"),
        (HEAD + "1763800000000,co,1\n", 2, "milliseconds"),
        (HEAD + "2026-11-23T07:00:00Z,co,1\n1795417210,co,1\n", 3, "mixed (line 2)"),
        (HEAD + "2026-11-23T07:00:00+07:00,co,1\n2026-11-23T00:00:10Z,co,1\n", 3, "another time zone than in line 2"),
        (HEAD + "2026-11-23T07:00:10Z,co,1\n2026-11-23T07:00:00Z,co,1\n", 3, "sort the rows"),
        (HEAD + "2026-11-23T07:00:00Z,co,1\n2026-11-23T07:00:00Z,co2,1\n2026-11-23T07:00:00Z,co,1\n", 4, "a second sample of co"),
        (HEAD + "2026-11-23T07:00:00Z,co,-0.1\n", 2, "negative"),
        (HEAD + "2026-11-23T07:00:00Z,relative_humidity,101\n", 2, "impossible"),
        (HEAD + "2026-11-23T07:00:00Z,air_temperature,91.4\n", 2, "another unit"),
        (HEAD + "2026-11-23T07:00:00Z,air_pressure,101.3\n", 2, "another unit"),
        (HEAD + "2026-11-23T07:00:00Z,relative_humidity,0.61\n2026-11-23T07:00:10Z,relative_humidity,0.6\n", 2, "write percent"),
        (HEAD + "2026-11-23T07:00:00Z,co,nan\n", 2, "not a number"),
        (HEAD + "2026-11-23T07:00:00Z,co,inf\n", 2, "not a number"),
        (HEAD + "2026-11-23T07:00:00Z,co,1_000\n", 2, "not a number"),
        (HEAD + '2026-11-23T07:00:00Z,co,"1,5"\n', 2, "decimals have a point"),
        (FULL + "2026-11-23T07:00:00Z,z1,air_temperature,33,degF,,\n", 2, "'degF' is not the unit of air_temperature"),
        (FULL + "2026-11-23T07:00:00Z,z1,co,1,,,\n2026-11-23T07:00:10Z,z1,co,1,mg/m3,,\n", 3, "write ppm"),
        (FULL + "2026-11-23T07:00:00Z,z1,concentration:108-88-3,1,ug/m3,,\n", 2, "ppm or mg/m3"),
        (FULL + "2026-11-23T07:00:00Z,Zone 1,co,1,,,\n", 2, "'Zone 1' is no id"),
        (FULL + "2026-11-23T07:00:00Z,z1,co,1,,5,\n", 2, "no quality"),
        (FULL + "2026-11-23T07:00:00Z,z1,co,1,,4,77\n", 2, "no reason codes"),
    ],
)  # fmt: skip
def test_what_is_no_measurement_is_refused_with_file_and_line(text, line, words):
    with pytest.raises(BadInput) as refused:
        read(text)
    assert str(refused.value).startswith(f"day.csv:{line}: ")
    assert words in str(refused.value)


def test_times_of_another_zone_than_the_sites_are_fine_while_they_are_one():
    assert read(HEAD + "2026-11-23T00:00:00Z,co,1\n2026-11-23T00:00:10Z,co,1\n", SAIGON).offset == timedelta(0)
    with pytest.raises(BadInput, match="another time zone"):
        read(HEAD + "2026-11-23T00:00:00Z,co,1\n2026-11-23T07:00:10+07:00,co,1\n", SAIGON)
