"""What held when: dated entries, folded."""

from __future__ import annotations

import msgspec
import pytest

from domain.errors import BadInput
from domain.registry import ALWAYS_US, Entry, Registry, SiteFile, entries_of
from domain.yamltext import parse_yaml

FILE = """
site: {id: f1, name: Sunrise Garments, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}
shifts: [{name: A, start: "07:00", stop: "16:00", days: [mon, tue], breaks: [["11:30", "12:15"]]}]
zones:
  - {id: ironing-1, name: Ironing line 1, metabolic_rate_w: 300, workers: {women: 41, men: 9}}
agents:
  - id: agent-7
    channels:
      - {placement: ironing-1, quantity: air_temperature, zone: ironing-1, interval_s: 10, instrument: {model: sht45, serial: "0xA1"}}
"""


def registry(*changes: tuple[int, str]) -> Registry:
    entries: list[Entry] = []
    for recorded, (valid_from, text) in enumerate(changes):
        entries += entries_of(parse_yaml(text, SiteFile, source="f1.yaml"), valid_from_us=valid_from, recorded_us=recorded, author="a", reason="r")
    return Registry(entries)


def test_the_contracts_registry_file_is_read() -> None:
    held = registry((ALWAYS_US, FILE)).at(0)
    channel = held.channels["agent-7.ironing-1.air_temperature"]
    assert (channel.zone, channel.agent, channel.site, channel.spec.interval_s) == ("f1.ironing-1", "agent-7", "f1", 10)
    assert held.zones["f1.ironing-1"].spec.metabolic_rate_w == 300
    assert held.agents == {"agent-7": "f1"}


def test_a_value_holds_from_its_date_on_and_the_past_keeps_its_own() -> None:
    changing = registry((ALWAYS_US, FILE), (1_000, FILE.replace("300", "180")))
    assert [changing.at(moment).zones["f1.ironing-1"].spec.metabolic_rate_w for moment in (999, 1_000)] == [300, 180]
    assert changing.changes_between(0, 2_000) == [1_000]


def test_of_two_changes_for_one_date_the_later_recorded_holds() -> None:
    changing = registry((5, FILE), (5, FILE.replace("300", "180")))
    assert changing.at(5).zones["f1.ironing-1"].spec.metabolic_rate_w == 180


def test_a_retired_thing_is_gone_from_its_date_on() -> None:
    entries = [*registry((0, FILE)).entries]
    zone = next(entry for entry in entries if entry.kind == "zone")
    retired = Registry([*entries, msgspec.structs.replace(zone, valid_from_us=10, body=b"")])
    assert "f1.ironing-1" in retired.at(9).zones
    assert "f1.ironing-1" not in retired.at(10).zones


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        (("metabolic_rate_w", "metabolic_rate"), 5, "zones[0].metabolic_rate"),
        (("women: 41", "women: many"), 5, "zones[0].workers.women"),
        (("interval_s: 10,", ""), 9, "agents[0].channels[0]"),
        (("zones:", "zones: ["), 6, ""),
    ],
)
def test_an_error_names_file_line_and_field(change: tuple[str, str], line: int, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_yaml(FILE.replace(*change), SiteFile, source="f1.yaml")
    assert (caught.value.source, caught.value.field) == ("f1.yaml", field)
    assert caught.value.line is not None
    assert abs(caught.value.line - line) <= 1


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="twice"):
        parse_yaml("site: {id: a, id: b, name: x, timezone: UTC, country: VN}", SiteFile, source="f1.yaml")
