"""Which changes of a registry file may make a result milder: each is named; a stricter one is not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.milder_records import RETIRED
from domain.registry import ChannelSpec, Entry, Instrument, ShiftSpec, SiteSpec, Workers, ZoneSpec
from domain.sitefile import parse_site_file
from domain.strictness import milder_by

SITE = SiteSpec(id="f1", name="Factory", timezone="Asia/Ho_Chi_Minh", country="VN", profiles=["vn", "us-niosh"])
SHIFT = ShiftSpec(name="A", start="07:00", stop="16:00", days=["mon", "tue"], breaks=[("11:30", "12:15")])
ZONE = ZoneSpec(
    id="z1", name="Zone", metabolic_rate_w=300.0, workers=Workers(women=41, men=9, newcomers=2), hazards=["heat", "noise"], worst_case={"sound_level_a_eq": 96.0}, newcomers=1
)
CHANNEL = ChannelSpec(
    placement="p1", quantity="globe_temperature", zone="z1", interval_s=10.0, instrument=Instrument(model="m", serial="s", uncertainty=0.5, globe_diameter_mm=75.0, range_high=80.0)
)


def names(kind, was, now, id="f1.z1"):
    body = b"" if now is None else msgspec.json.encode(now)
    entry = Entry(site="f1", kind=kind, id=id, valid_from_us=0, recorded_us=0, author="t", reason="", body=body)
    return [one.name for one in milder_by(entry, msgspec.json.encode(was))]


def changed(spec, **fields):
    return msgspec.structs.replace(spec, **fields)


def test_an_altitude_narrows_bounds_and_is_named():
    assert names("site", SITE, changed(SITE, altitude_m=1500.0), id="f1") == ["altitude_m"]
    assert names("site", changed(SITE, altitude_m=1500.0), changed(SITE, altitude_m=900.0), id="f1") == ["altitude_m"]
    assert names("site", changed(SITE, altitude_m=1500.0), SITE, id="f1") == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"metabolic_rate_w": 180.0}, ["metabolic_rate_w"]),
        ({"metabolic_rate_w": 301.0}, []),
        ({"metabolic_rate_w": None}, []),
        ({"metabolic_rate_measured": True}, ["metabolic_rate_measured"]),
        ({"clothing": "double_layer"}, ["clothing"]),
        ({"acclimatised": "yes"}, ["acclimatised"]),
        ({"acclimatised": "no"}, []),
        ({"workers": None}, ["workers"]),
        ({"workers": Workers(women=40, men=20, newcomers=2)}, ["workers"]),
        ({"workers": Workers(women=41, men=9)}, ["workers"]),
        ({"workers": Workers(women=42, men=9, newcomers=3)}, []),
        ({"newcomers": 0}, ["newcomers"]),
        ({"hazards": ["heat"]}, ["hazards"]),
        ({"hazards": ["noise", "heat", "dust"]}, []),
        ({"empty_in_breaks": True}, ["empty_in_breaks"]),
        ({"rest_zone": "canteen"}, ["rest_zone"]),
        ({"protector_attenuation_db": 18.0}, ["protector_attenuation_db"]),
        ({"worst_case": {"sound_level_a_eq": 90.0}}, ["worst_case sound_level_a_eq"]),
        ({"worst_case": {"sound_level_a_eq": 99.0}}, []),
        ({"worst_case": {}}, []),
        ({"name": "Other", "plan": [1, 1, 2, 2]}, []),
    ],
)
def test_a_zone(fields, found) -> None:
    assert names("zone", ZONE, changed(ZONE, **fields)) == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"stop": "15:00"}, ["shift A time"]),
        ({"start": "06:00", "stop": "17:00"}, []),
        ({"start": "08:00", "stop": "17:00"}, ["shift A time"]),
        ({"days": ["mon"]}, ["shift A days"]),
        ({"days": ["mon", "tue", "wed"]}, []),
        ({"breaks": [("11:30", "12:30")]}, ["shift A breaks"]),
        ({"breaks": [("11:30", "12:00")]}, []),
        ({"breaks": []}, []),
        ({"zones": ["z1"]}, ["shift A zones"]),
        ({"name": "B"}, ["shift A"]),
    ],
)
def test_a_shift(fields, found) -> None:
    assert names("shifts", [SHIFT], [changed(SHIFT, **fields)]) == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"zone": "z2"}, ["zone"]),
        ({"interval_s": 60.0}, ["interval_s"]),
        ({"interval_s": 1.0}, []),
        ({"basis": "personal"}, ["basis"]),
        ({"instrument": changed(CHANNEL.instrument, grade="compliance")}, ["instrument class"]),
        ({"instrument": changed(CHANNEL.instrument, uncertainty=0.1)}, ["instrument uncertainty"]),
        ({"instrument": changed(CHANNEL.instrument, uncertainty=None)}, []),
        ({"instrument": changed(CHANNEL.instrument, globe_diameter_mm=150.0)}, ["globe_diameter_mm"]),
        ({"instrument": changed(CHANNEL.instrument, range_high=60.0)}, ["range_high"]),
        ({"instrument": None}, []),
        ({"agreed_by": ["worker side", "management"]}, ["agreed_by"]),
        ({"unit": "mg/m3"}, ["unit"]),
    ],
)
def test_a_channel(fields, found) -> None:
    assert names("channel", CHANNEL, changed(CHANNEL, **fields), "a1.p1.globe_temperature") == found


def test_a_site_and_what_is_retired() -> None:
    assert names("site", SITE, changed(SITE, profiles=["us-niosh"]), "f1") == ["profiles"]
    assert names("site", SITE, changed(SITE, profiles=["us-niosh", "vn", "eu"], name="Other"), "f1") == []
    assert names("site", SITE, changed(SITE, timezone="Asia/Tokyo"), "f1") == ["timezone"]
    assert (names("zone", ZONE, None), names("channel", CHANNEL, None)) == ([RETIRED], [RETIRED])


def test_counts_of_persons_stay_out_of_the_words() -> None:
    entry = Entry(site="f1", kind="zone", id="f1.z1", valid_from_us=0, recorded_us=0, author="t", reason="", body=msgspec.json.encode(changed(ZONE, workers=None, newcomers=0)))
    assert [(one.was, one.is_now) for one in milder_by(entry, msgspec.json.encode(ZONE))] == [("", ""), ("", "")]


@given(st.floats(50, 600), st.floats(50, 600))
def test_of_two_rates_one_way_is_milder_and_never_both(first, second) -> None:
    there, back = (bool(names("zone", changed(ZONE, metabolic_rate_w=was), changed(ZONE, metabolic_rate_w=now))) for was, now in ((first, second), (second, first)))
    assert (there, back) == (second < first, first < second)


def test_what_has_no_past_is_not_milder() -> None:
    entry = Entry(site="f1", kind="zone", id="f1.z1", valid_from_us=0, recorded_us=0, author="t", reason="", body=msgspec.json.encode(ZONE))
    assert milder_by(entry, b"") == []


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("rest_zone: attic", "rest_zone"),
        ("rest_zone: a", "rest_zone"),
        ("process: magic", "process"),
        ("newcomers: -1", "newcomers"),
        ("protector_attenuation_db: 60", "protector_attenuation_db"),
    ],
)
def test_further_fields_of_a_zone_are_refused_by_line_and_name(line, field) -> None:
    text = f"site: {{id: f1, name: F, timezone: Asia/Tokyo, country: JP}}\nzones:\n  - {{id: b, name: B}}\n  - id: a\n    name: A\n    {line}\n"
    with pytest.raises(BadInput) as error:
        parse_site_file(text, "f1.yaml")
    assert (error.value.line, error.value.field) == (6, f"zones[1].{field}")
