"""A registry file is right, or the first thing wrong with it is named with file, line, field and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from domain.errors import BadInput
from domain.registry import SiteFile
from domain.sitefile import instant_of, parse_site_file, site_schema
from domain.times import from_datetime

FILES = Path(__file__).parents[2] / "firmware_configs" / "registry"
SAMPLE = (FILES / "sample-site.yaml").read_text(encoding="utf-8")


def line(start: str) -> int:
    return next(number for number, text in enumerate(SAMPLE.splitlines(), start=1) if text.strip().startswith(start))


def test_the_sample_is_right() -> None:
    file = parse_site_file(SAMPLE, "sample-site.yaml")
    assert (len(file.zones), len(file.shifts), sum(len(agent.channels) for agent in file.agents), len(file.calibrations)) == (2, 2, 6, 1)


@pytest.mark.check
def test_the_published_schema_says_what_the_types_say() -> None:
    assert (FILES / "site.schema.json").read_text(encoding="utf-8") == site_schema(), "write domain.sitefile.site_schema() to that file"
    definitions = msgspec.json.decode(site_schema())["$defs"]
    assert set(definitions["SiteFile"]["properties"]) == {field.encode_name for field in msgspec.structs.fields(SiteFile)}
    assert definitions["SiteFile"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("change", "field", "at"),
    [
        (("{id: f1,", "{id: F 1,"), "site.id", "site:"),
        (("{id: f1,", "{id: f1, altitude_m: 9000,"), "site.altitude_m", "site:"),
        (("name: Sunrise Garments", "name: ' '"), "site.name", "site:"),
        (("Asia/Ho_Chi_Minh", "Asia/Saigon_City"), "site.timezone", "site:"),
        (("Asia/Ho_Chi_Minh", "Asia"), "site.timezone", "site:"),
        (("country: VN", "country: Vietnam"), "site.country", "site:"),
        (("[us-niosh]", "[us niosh]"), "site.profiles[0]", "site:"),
        (("valid_from: 2026-11-01", "valid_from: 2026-11-31"), "valid_from", "valid_from"),
        (("valid_from: 2026-11-01", "until: 2026-10-01\nvalid_from: 2026-11-01"), "until", "valid_from"),
        (('start: "07:00"', 'start: "7:00"'), "shifts[0].start", "- {name: A"),
        (('start: "07:00"', 'start: "24:00"'), "shifts[0].start", "- {name: A"),
        (('"12:15"', '"12.15"'), "shifts[0].breaks[0][1]", "- {name: A"),
        (('["11:30", "12:15"]', '["12:15", "11:30"]'), "shifts[0].breaks[0]", "- {name: A"),
        (('["11:30", "12:15"]', '["15:30", "16:15"]'), "shifts[0].breaks[0]", "- {name: A"),
        (("days: [mon, tue, wed, thu, fri, sat]", "days: []"), "shifts[0].days", "- {name: A"),
        (("zones: [cutting-1]", "zones: [cuting-1]"), "shifts[1].zones[0]", "- {name: N"),
        (('stop: "06:00"', 'stop: "07:01"'), "shifts[1]", "- {name: N"),
        (("name: N", "name: A"), "shifts[1].name", "- {name: N"),
        (("- id: cutting-1", "- id: ironing-1"), "zones[1].id", "- id: cutting-1"),
        (("metabolic_rate_w: 300", "metabolic_rate_w: 0"), "zones[0].metabolic_rate_w", "metabolic_rate_w: 300"),
        (("metabolic_rate_w: 300", "metabolic_rate_w: .nan"), "zones[0].metabolic_rate_w", "metabolic_rate_w: 300"),
        (("women: 41", "women: -1"), "zones[0].workers.women", "workers: {women: 41"),
        (("[heat]", "[warmth]"), "zones[0].hazards[0]", "hazards: [heat]"),
        (("[heat]", "[chemical:108-88-4]"), "zones[0].hazards[0]", "hazards: [heat]"),
        (("{sound_level_a_eq: 96}", "{loudness: 96}"), "zones[1].worst_case.loudness", "worst_case"),
        (("[2, 4, 30, 40]", "[2, 4, 30]"), "zones[0].plan", "plan: [2"),
        (("[2, 4, 30, 40]", "[80, 4, 30, 40]"), "zones[0].plan", "plan: [2"),
        (("- id: agent-8", "- id: agent-7"), "agents[1].id", "- id: agent-8"),
        (("quantity: air_temperature", "quantity: temperature"), "agents[0].channels[0].quantity", "quantity: air_temperature"),
        (("interval_s: 10\n        instrument: {model: sht45", "interval_s: -10\n        instrument: {model: sht45"), "agents[0].channels[0].interval_s", "interval_s: 10"),
        (("height_m: 1.1", "height_m: 0"), "agents[0].channels[0].height_m", "height_m"),
        (("unit: ppm", "unit: ug/m3"), "agents[1].channels[2].unit", '- {placement: cutting-1, quantity: "conc'),
        (("quantity: relative_humidity", "quantity: air_temperature"), "agents[0].channels[1]", "- {placement: ironing-1, quantity: relative"),
        (("quantity: relative_humidity", "unit: '%', quantity: relative_humidity"), "agents[0].channels[1].unit", "- {placement: ironing-1, quantity: relative"),
        (("range_low: 0, range_high: 80", "range_low: 80, range_high: 80"), "agents[0].channels[2].instrument.range_high", "instrument: {model: black-globe-75"),
        (("channel: agent-8.cutting-1.sound_level_a_eq", "channel: agent-8.cutting-1.noise"), "calibrations[0].channel", "channel: agent-8"),
        (("2026-10-28T09:30:00+07:00", "2026-10-28T09:30:00"), "calibrations[0].performed_at", "performed_at"),
        (("offset: 0.2", "gain: 0"), "calibrations[0].gain", "offset: 0.2"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_named_with_file_line_field_and_remedy(change: tuple[str, str], field: str, at: str) -> None:
    text = SAMPLE.replace(*change, 1)
    assert text != SAMPLE
    with pytest.raises(BadInput) as caught:
        parse_site_file(text, "site.yaml")
    error = caught.value
    assert (error.source, error.field) == ("site.yaml", field)
    assert error.remedy
    assert error.line == line(at)


def test_a_channel_needs_a_zone_of_the_file() -> None:
    with pytest.raises(BadInput, match=r"no zone 'ironing-2'.*known: ironing-1, cutting-1"):
        parse_site_file(SAMPLE.replace("zone: ironing-1", "zone: ironing-2", 1), "site.yaml")


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        ('{name: B, start: "16:00", stop: "22:00"}', False),
        ('{name: B, start: "15:59", stop: "22:00"}', True),
        ('{name: B, start: "23:00", stop: "07:01", days: [sun]}', True),  # over midnight and over the week's end into Monday's A
        ('{name: B, start: "23:00", stop: "07:00", days: [sun]}', False),
        ('{name: B, start: "08:00", stop: "09:00", days: [sun]}', False),
        ('{name: B, start: "08:00", stop: "09:00", zones: [z2]}', True),  # A is everywhere
    ],
)
def test_shifts_overlap_only_in_different_zones(other: str, meets: bool) -> None:
    text = f"""
site: {{id: f1, name: F, timezone: Asia/Dhaka, country: BD}}
shifts:
  - {{name: A, start: "07:00", stop: "16:00", days: [mon, tue, wed, thu, fri, sat]}}
  - {other}
zones: [{{id: z1, name: Z1}}, {{id: z2, name: Z2}}]
"""
    if meets:
        with pytest.raises(BadInput, match="overlap"):
            parse_site_file(text, "site.yaml")
    else:
        assert len(parse_site_file(text, "site.yaml").shifts) == 2


def test_two_shifts_at_one_time_are_fine_in_two_zones() -> None:
    text = """
site: {id: f1, name: F, timezone: Asia/Dhaka, country: BD}
shifts: [{name: A, start: "07:00", stop: "16:00", zones: [z1]}, {name: A, start: "08:00", stop: "17:00", zones: [z2]}]
zones: [{id: z1, name: Z1}, {id: z2, name: Z2}]
"""
    assert len(parse_site_file(text, "site.yaml").shifts) == 2


def test_a_date_begins_at_midnight_of_the_site() -> None:
    assert instant_of("2026-11-01", "Asia/Ho_Chi_Minh", field="valid_from") == from_datetime(datetime(2026, 10, 31, 17, tzinfo=UTC))
    assert instant_of("2026-11-01T00:00:00Z", "Asia/Ho_Chi_Minh", field="valid_from") == from_datetime(datetime(2026, 11, 1, tzinfo=UTC))
