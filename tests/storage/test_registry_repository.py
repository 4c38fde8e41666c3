"""The dated registry on disk: imports are idempotent, the past keeps its own, nothing is deleted."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import Engine, select

from domain.errors import NotFound, Refused
from domain.registry import ALWAYS_US, SiteFile, entries_of
from domain.sitefile import parse_site_file
from domain.times import DAY_US, from_datetime, parse_instant, to_datetime
from storage.records.engine import open_records
from storage.records.registry import Change, RegistryRepository
from storage.records.tables import registry_entries

TEXT = """
site: {id: f1, name: Sunrise Garments, timezone: Asia/Ho_Chi_Minh, country: VN, profiles: [us-niosh]}
shifts: [{name: A, start: "07:00", stop: "16:00", breaks: [["11:30", "12:15"]]}]
zones:
  - {id: ironing-1, name: Ironing line 1, metabolic_rate_w: 300, workers: {women: 41, men: 9}}
  - {id: cutting-1, name: Cutting}
agents:
  - id: agent-7
    channels:
      - {placement: ironing-1, quantity: air_temperature, zone: ironing-1, interval_s: 10, instrument: {model: sht45, serial: "0xA1"}}
calibrations:
  - {id: cal-1, channel: agent-7.ironing-1.air_temperature, type: zero, performed_at: 2026-01-01, by: lab}
monitoring_plan: [{hazard: heat, zones: [ironing-1]}]
"""
NOW = parse_instant("2026-11-22T07:00:00Z")


@pytest.fixture
def repository(engine: Engine) -> RegistryRepository:
    return RegistryRepository(engine)


def site_file(*changes: tuple[str, str]) -> SiteFile:
    text = TEXT
    for change in changes:
        assert change[0] in text
        text = text.replace(*change)
    return parse_site_file(text, "f1.yaml")


def imported(repository: RegistryRepository, file: SiteFile, now_us: int = NOW, valid_from_us: int | None = None):
    return repository.import_file(file, valid_from_us=valid_from_us, author="linh", reason="new line", now_us=now_us)


def test_a_new_database_knows_nothing(repository: RegistryRepository) -> None:
    assert repository.version() == 0
    assert repository.load().latest().sites == {}


def test_the_first_import_holds_from_always_and_comes_out_as_it_went_in(repository: RegistryRepository) -> None:
    report = imported(repository, site_file())
    assert report.valid_from_us == ALWAYS_US
    assert {change.what for change in report.changes} == {"added"}
    assert [(change.kind, change.id) for change in report.changes] == [
        ("site", "f1"), ("shifts", "shifts"), ("zone", "f1.ironing-1"), ("zone", "f1.cutting-1"), ("agent", "agent-7"),
        ("channel", "agent-7.ironing-1.air_temperature"), ("calibration", "cal-1"), ("monitoring_plan", "monitoring_plan"),
    ]  # fmt: skip
    assert repository.export("f1", 0) == site_file()


def test_importing_the_same_again_adds_nothing(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    version, registry = repository.version(), repository.load()
    again = imported(repository, site_file(), NOW + 5)
    assert (again.changes, again.not_mentioned, repository.version()) == ([], [], version)
    assert repository.load() is registry


def test_a_later_import_holds_from_now_and_says_what_changes(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    report = imported(repository, site_file(("300", "180"), ("women: 41", "women: 40")), NOW)
    assert report.changes == [
        Change(kind="zone", id="f1.ironing-1", what="changed", fields=("metabolic_rate_w: 300 → 180", 'workers: {"women":41,"men":9} → {"women":40,"men":9}'))
    ]
    held = repository.load()
    assert [held.at(moment).zones["f1.ironing-1"].spec.metabolic_rate_w for moment in (NOW - 1, NOW)] == [300, 180]
    assert repository.export("f1", NOW - 1) == site_file()


def test_a_date_in_the_file_is_midnight_of_the_site_and_may_lie_in_the_past(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    report = imported(repository, site_file(("300", "180"), ("\nsite:", "\nvalid_from: 2026-11-01\nsite:")))
    assert to_datetime(report.valid_from_us).isoformat() == "2026-10-31T17:00:00+00:00"
    entry = repository.load().entries[-1]
    assert (entry.author, entry.reason, entry.recorded_us, entry.valid_from_us) == ("linh", "new line", NOW, report.valid_from_us)


def test_a_date_given_by_the_caller_outranks_the_file_s(repository: RegistryRepository) -> None:
    assert imported(repository, site_file(("\nsite:", "\nvalid_from: 2026-11-01\nsite:")), valid_from_us=7).valid_from_us == 7


def test_a_change_before_a_later_one_leaves_the_later_one_in_force(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    imported(repository, site_file(("300", "180")), valid_from_us=NOW)
    imported(repository, site_file(("300", "250")), valid_from_us=NOW - DAY_US)
    held = repository.load()
    assert [held.at(moment).zones["f1.ironing-1"].spec.metabolic_rate_w for moment in (0, NOW - DAY_US, NOW)] == [300, 250, 180]


def test_what_a_file_no_longer_mentions_still_holds_and_is_listed(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    without = site_file(("  - {id: cutting-1, name: Cutting}\n", ""))
    report = imported(repository, msgspec.structs.replace(without, agents=[], calibrations=[]), NOW)
    assert report.changes == []
    assert report.not_mentioned == [("zone", "f1.cutting-1"), ("agent", "agent-7"), ("channel", "agent-7.ironing-1.air_temperature")]
    assert "f1.cutting-1" in repository.load().latest().zones


def test_until_retires_what_the_file_names_and_no_more(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    ending = msgspec.structs.replace(site_file(("  - {id: cutting-1, name: Cutting}\n", "")), until="2026-12-01")
    report = imported(repository, ending)
    end = from_datetime(to_datetime(parse_instant("2026-12-01T00:00:00+07:00")))
    assert {(change.kind, change.what) for change in report.changes} == {("zone", "retired"), ("agent", "retired"), ("channel", "retired")}
    before, after = repository.load().at(end - 1), repository.load().at(end)
    assert "agent-7" in before.agents
    assert (set(after.zones), after.agents, after.channels, set(after.sites)) == ({"f1.cutting-1"}, {}, {}, {"f1"})
    assert imported(repository, ending).changes == []


def test_an_agent_of_another_site_is_refused_and_nothing_of_the_file_is_kept(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    version = repository.version()
    with pytest.raises(Refused, match=r"agent-7.*'f1'"):
        imported(repository, site_file(("id: f1", "id: f2")))
    assert repository.version() == version


def test_an_agent_may_move_once_it_is_retired_there(repository: RegistryRepository) -> None:
    imported(repository, msgspec.structs.replace(site_file(), until="2026-12-01"), valid_from_us=0)
    with pytest.raises(Refused):
        imported(repository, site_file(("id: f1", "id: f2")), valid_from_us=NOW)
    moved = parse_instant("2026-12-01T00:00:00+07:00")
    imported(repository, site_file(("id: f1", "id: f2"), ("id: cal-1", "id: cal-2")), valid_from_us=moved)
    assert [repository.load().at(moment).agents.get("agent-7") for moment in (NOW, moved)] == ["f1", "f2"]
    assert repository.load().at(moved).channels["agent-7.ironing-1.air_temperature"].zone == "f2.ironing-1"


def test_entries_are_added_only_when_they_say_something_new(repository: RegistryRepository) -> None:
    entries = entries_of(site_file(), valid_from_us=5, recorded_us=NOW, author="a", reason="r")
    assert repository.add(entries) == entries
    assert repository.add([msgspec.structs.replace(entry, valid_from_us=9) for entry in entries]) == []
    assert repository.add([msgspec.structs.replace(entries[2], body=b"", id="f1.never-was")]) == []
    assert repository.add([msgspec.structs.replace(entries[2], body=b"", valid_from_us=9)]) != []


def test_another_process_s_change_is_seen(repository: RegistryRepository, records_url: str) -> None:
    assert repository.load().latest().sites == {}
    other = open_records(records_url)
    imported(RegistryRepository(other), site_file())
    assert set(repository.load().latest().sites) == {"f1"}
    other.dispose()


def test_a_site_that_is_not_there_cannot_be_exported(repository: RegistryRepository) -> None:
    with pytest.raises(NotFound, match="f9"):
        repository.export("f9", NOW)


def test_what_was_entered_is_never_rewritten(repository: RegistryRepository) -> None:
    imported(repository, site_file())
    engine: Engine = repository._engine
    with engine.connect() as connection:
        before = connection.execute(select(registry_entries)).all()
    for rate in ("180", "200", "300"):
        imported(repository, site_file(("metabolic_rate_w: 300", f"metabolic_rate_w: {rate}")), NOW)
    with engine.connect() as connection:
        assert connection.execute(select(registry_entries)).all()[: len(before)] == before
    assert repository.load().at(NOW).zones["f1.ironing-1"].spec.metabolic_rate_w == 300


def test_a_body_of_an_earlier_version_says_the_same_without_the_fields_that_have_come_since(repository: RegistryRepository) -> None:
    entries = entries_of(site_file(), valid_from_us=ALWAYS_US, recorded_us=NOW, author="a", reason="r")
    older = [msgspec.structs.replace(entry, body=entry.body.replace(b'"rest_zone":"",', b"")) for entry in entries]
    assert older != entries
    repository.add(older)
    assert imported(repository, site_file()).changes == []
