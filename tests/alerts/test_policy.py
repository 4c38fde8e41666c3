"""The master alarm table: complete, and no alarm in code without its row."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from alerts.policy import AlarmClass, Source, load_policy
from alerts.policy.site import SitePolicy
from alerts.policy.table import DEFAULT, PolicyFile
from alerts.systems import EVENTS
from domain.errors import BadInput
from domain.hazards import Severity
from ingest.rules import NoticeKind

ROOM = DEFAULT.parents[1]
POLICY = load_policy()


@pytest.mark.check
@pytest.mark.parametrize("type", list(POLICY.rows))
def test_every_row_says_cause_consequence_who_response_and_review_date(type: str) -> None:
    row = POLICY.rows[type]
    assert all(len(text) > 5 for text in (row.title, row.cause, row.consequence, row.who))
    assert all(level.response and level.set_point for level in row.levels.values())
    assert date.fromisoformat(row.review_by).year >= 2026


def test_every_alarm_has_a_time_to_respond_and_a_notice_has_none() -> None:
    for row in POLICY.rows.values():
        for severity, level in row.levels.items():
            assert (level.respond_within_min is None) == (severity is Severity.NOTICE), row.type


@pytest.mark.check
def test_every_type_named_in_code_has_its_row() -> None:
    code = "\n".join(path.read_text() for path in ROOM.rglob("*.py"))
    named = set(re.findall(r'rows\["([a-z_]+)"\]', code)) | set(re.findall(r'_Seen\(\s*"([a-z_]+)"', code)) | set(re.findall(r'type[a-z_]*(?:=| = | == )"([a-z_]+)"', code))
    assert {"zone_no_data", "channel_silent", "agent_offline", "notification_failed"} <= named
    assert named <= POLICY.rows.keys()


def test_every_class_says_how_its_priority_follows_and_a_forecast_never_stops_anybody() -> None:
    assert set(POLICY.file.classes) == set(AlarmClass)
    assert all(len(kind.priority) > 40 for kind in POLICY.file.classes.values())
    for row in POLICY.rows.values():
        if row.class_ is AlarmClass.MODEL:
            assert row.lowest is Severity.NOTICE
            assert Severity.STOP not in row.levels
        if row.class_ is AlarmClass.ACUTE:
            assert Severity.STOP in row.levels


@pytest.mark.check
def test_what_ingest_and_the_systems_notice_has_a_row() -> None:
    assert {str(kind) for kind in NoticeKind} <= POLICY.rows.keys()
    assert set(EVENTS) <= POLICY.rows.keys()
    assert all(POLICY.rows[type].source is Source.SYSTEM for type in EVENTS)


def test_every_window_over_its_limit_finds_a_row() -> None:
    for hazard in ("heat", "noise", "dust", "gas:co", "chemical:108-88-3", "air_quality", "something new"):
        for metric in ("wbgt_effective_60min", "dose_3db", "twa", "stel_15min", "ceiling", "mean_1h", "unheard_of"):
            assert POLICY.window_row(hazard, metric).source is Source.WINDOW


@pytest.mark.parametrize("hazard", ["heat", "noise", "gas:co", "chemical:108-88-3", "air_quality", "dust"])
def test_advice_tells_people_what_to_do(hazard: str) -> None:
    assert POLICY.advice(hazard, "within") == ""
    assert len({POLICY.advice(hazard, status) for status in ("action", "stop", "unknown")} - {""}) == 3


def test_stop_level_heat_moves_people_to_a_cooler_place_with_water_and_pay() -> None:
    text = POLICY.advice("heat", "stop")
    assert all(word in text for word in ("Stop work", "cooler rest place", "pay", "water", "medical help"))


def test_a_stop_level_alert_calls_both_sides_when_raised() -> None:
    assert {"officer", "worker_representative"} <= {role.value for role in POLICY.paging.stop}


def test_the_table_holds_no_duration_beyond_what_protects() -> None:
    for row in POLICY.rows.values():
        if Severity.STOP in row.levels:
            assert row.levels[Severity.STOP].on_delay_s == 0, row.type


@pytest.mark.check
@pytest.mark.parametrize(("file", "shape"), [("schema.json", PolicyFile), ("site-schema.json", SitePolicy)])
def test_the_published_schema_is_the_one_in_the_code(file: str, shape: type) -> None:
    assert msgspec.json.decode((DEFAULT.with_name(file)).read_bytes()) == msgspec.json.schema(shape)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("        respond_within_min: 30\n", "", "levels"),
        ("    review_by: \"2027-06-30\"\n", "    review_by: soon\n", "review_by"),
        ("source: window", "source: gossip", "source"),
        ("type: noise_dose", "type: heat", "type"),
        ("    cause: Heat from", "    causes: Heat from", "causes"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_line_and_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    text = DEFAULT.read_text()
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput) as refused:
        load_policy(path)
    assert field in refused.value.field
    assert refused.value.line
