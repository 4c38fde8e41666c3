"""Verdict revisions: updated in place while the shift runs, append-only afterwards, and silent when nothing changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.times import HOUR_US, parse_instant
from domain.verdict import Assumptions, Bounds, LimitOf, ShiftOf, Verdict, Window
from storage.records.assessed import AssessedRepository, AssessedShift
from storage.records.engine import open_records
from storage.records.tables import verdicts
from storage.records.verdicts import EndedShift, VerdictRepository

NOW = parse_instant("2026-11-22T05:00:00Z")


def verdict(**changes: object) -> Verdict:
    plain = Verdict(
        site="f1",
        zone="f1.ironing-1",
        placement="ironing-1",
        hazard="heat",
        metric="wbgt_effective_60min_worst",
        basis="area",
        shift=ShiftOf(date="2026-11-22", name="A", start="2026-11-22T00:00:00Z", stop="2026-11-22T09:00:00Z"),
        window=Window(start="2026-11-22T03:00:00Z", stop="2026-11-22T04:00:00Z"),
        value=29.4,
        low=28.6,
        high=30.3,
        unit="Cel",
        bounds=Bounds(kind="worst_case"),
        limit=LimitOf(id="niosh-rel", value=28.2, profile="us-niosh", law=False, averaging="60 min", clause="8.1", status="verified"),
        state="exceeds",
        over_action_level="yes",
        coverage=0.97,
        expected=480,
        valid=466,
        max_gap_min=4,
        grade="compliance",
        calibration="in_date",
        workers=None,
        channels=[],
        assumptions=Assumptions(metabolic_rate_w=300),
    )
    return msgspec.structs.replace(plain, **changes)


def on(date: str, name: str = "A") -> ShiftOf:
    return ShiftOf(date=date, name=name, start=f"{date}T00:00:00Z", stop=f"{date}T09:00:00Z")


@pytest.fixture
def repository(engine: Engine) -> VerdictRepository:
    return VerdictRepository(engine)


def save(repository: VerdictRepository, result: Verdict, *, final: bool = False, new: bool = False, at: int = NOW, why: str = "minutes") -> Verdict:
    return repository.save(result, final=final, why=why, computed_us=at, new_revision=new)


def test_a_verdict_comes_back_with_its_revision_and_time(repository: VerdictRepository) -> None:
    saved = save(repository, verdict())
    assert (saved.revision, saved.computed_at) == (1, "2026-11-22T05:00:00Z")
    (stored,) = repository.latest(site="f1")
    assert stored.verdict == saved
    assert (stored.final, stored.why, stored.computed_us) == (False, "minutes", NOW)
    assert stored.shift_stop_us - stored.shift_start_us == 9 * HOUR_US


def test_in_a_running_shift_it_is_updated_in_place(repository: VerdictRepository) -> None:
    save(repository, verdict())
    updated = save(repository, verdict(value=29.9), at=NOW + 60_000_000)
    assert (updated.revision, updated.computed_at) == (1, "2026-11-22T05:01:00Z")
    assert [(each.verdict.value, each.verdict.revision) for each in repository.revisions(site="f1")] == [(29.9, 1)]


def test_a_new_revision_keeps_the_old_one(repository: VerdictRepository) -> None:
    save(repository, verdict())
    save(repository, verdict(value=30.1), new=True, why="late data")
    assert [(each.verdict.revision, each.verdict.value, each.why) for each in repository.revisions(site="f1")] == [(1, 29.4, "minutes"), (2, 30.1, "late data")]
    assert [each.verdict.revision for each in repository.latest(site="f1")] == [2]


@pytest.mark.parametrize("new", [False, True])
def test_what_says_nothing_new_writes_nothing(repository: VerdictRepository, new: bool) -> None:
    first = save(repository, verdict(), final=True)
    assert save(repository, verdict(revision=9, computed_at="2027-01-01T00:00:00Z"), new=new, at=NOW + 5, final=True) == first
    (stored,) = repository.revisions(site="f1")
    assert (stored.verdict, stored.computed_us) == (first, NOW)


def test_a_shift_that_ends_makes_its_verdict_final(repository: VerdictRepository) -> None:
    save(repository, verdict())
    save(repository, verdict(), final=True)
    assert [each.final for each in repository.revisions(site="f1")] == [True]


def test_a_final_verdict_is_never_rewritten(repository: VerdictRepository) -> None:
    save(repository, verdict(), final=True)
    save(repository, verdict(value=31.0), final=False, new=False)
    save(repository, verdict(value=32.0), final=True, new=False)
    assert [(each.verdict.revision, each.verdict.value) for each in repository.revisions(site="f1")] == [(1, 29.4), (2, 32.0)]


def test_each_zone_shift_placement_metric_and_limit_has_its_own(repository: VerdictRepository) -> None:
    others = [
        verdict(zone="f1.cutting-1"),
        verdict(shift=on("2026-11-21")),
        verdict(shift=on("2026-11-22", "B")),
        verdict(placement="ironing-1b"),
        verdict(hazard="noise"),
        verdict(metric="lex_8h"),
        verdict(limit=msgspec.structs.replace(verdict().limit, id="niosh-ral")),
        verdict(limit=msgspec.structs.replace(verdict().limit, profile="vn")),
    ]
    saved = repository.save_many([verdict(), *others], final=False, why="minutes", computed_us=NOW, new_revision=True)
    assert [each.revision for each in saved] == [1] * 9
    assert len(repository.latest(site="f1")) == 9


def test_they_are_found_by_zone_date_shift_hazard_and_time(repository: VerdictRepository) -> None:
    results = [verdict(), verdict(zone="f1.cutting-1", hazard="noise"), verdict(shift=on("2026-11-21")), verdict(shift=on("2026-11-22", "B"))]
    results.append(verdict(site="f2", zone="f2.ironing-1"))
    repository.save_many(results, final=False, why="minutes", computed_us=NOW, new_revision=False)

    def found(**filters: object) -> int:
        assert [each.id for each in repository.latest(**filters)] == [each.id for each in repository.revisions(**filters)]
        return len(repository.latest(**filters))

    assert (found(), found(site="f1"), found(zones=["f1.cutting-1", "f2.ironing-1"]), found(zones=[])) == (5, 4, 2, 0)
    assert (found(date="2026-11-21"), found(site="f1", date="2026-11-22", shift="A"), found(hazard="noise")) == (1, 2, 1)
    start = parse_instant("2026-11-22T00:00:00Z")
    assert (found(start_us=start), found(stop_us=start), found(start_us=start + 9 * HOUR_US), found(start_us=start - 15 * HOUR_US, stop_us=start)) == (4, 1, 0, 0)


def test_the_latest_of_several_shifts_are_found_at_once(repository: VerdictRepository) -> None:
    repository.save_many([verdict(), verdict(shift=on("2026-11-21")), verdict(shift=on("2026-11-22", "B"))], final=True, why="", computed_us=NOW, new_revision=False)
    save(repository, verdict(value=1.0), final=True)
    found = repository.for_shifts("f1", [("2026-11-22", "A"), ("2026-11-21", "A"), ("2026-11-21", "B")])
    assert [(each.verdict.shift.date, each.verdict.revision) for each in found] == [("2026-11-21", 1), ("2026-11-22", 2)]
    assert repository.for_shifts("f2", [("2026-11-22", "A")]) == repository.for_shifts("f1", []) == []


def test_of_two_results_for_one_key_the_last_is_saved(repository: VerdictRepository) -> None:
    saved = repository.save_many([verdict(value=1.0), verdict(value=2.0)], final=False, why="minutes", computed_us=NOW, new_revision=True)
    assert [each.value for each in saved] == [2.0, 2.0]
    assert [each.verdict for each in repository.revisions()] == saved[:1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.0]), st.booleans(), st.booleans()), min_size=1, max_size=10))
def test_whatever_is_saved_the_latest_is_the_last_and_what_was_final_stays(tmp_path_factory: pytest.TempPathFactory, steps) -> None:
    engine = open_records(f"sqlite:///{tmp_path_factory.getbasetemp()}/laws.db")
    with engine.begin() as connection:
        connection.execute(verdicts.delete())
    repository = VerdictRepository(engine)
    finals: list[Verdict] = []
    for value, final, new in steps:
        saved = save(repository, verdict(value=value), final=final, new=new)
        (latest,) = repository.latest(site="f1")
        assert latest.verdict == saved
        assert saved.value == value
        history = repository.revisions(site="f1")
        assert [each.verdict.revision for each in history] == list(range(1, len(history) + 1))
        assert [each.verdict for each in history if each.verdict in finals] == finals, "what was final once is still there"
        finals = [each.verdict for each in history if each.final]
    engine.dispose()


def ended(zone: str, *results: Verdict, why: str = "ended") -> EndedShift:
    """Of the day and zone, computed now."""
    own = [msgspec.structs.replace(result, zone=zone) for result in results]
    return EndedShift(own, AssessedShift(zone=zone, shift_date="2026-11-22", shift_name="A", start_us=NOW - 5 * HOUR_US, stop_us=NOW, computed_us=NOW), why)


def nothing_withdrawn(_results: list[Verdict], _on_record: list[Verdict]) -> list[Verdict]:
    return []


def test_shifts_kept_together_are_kept_as_each_alone(engine: Engine, tmp_path: Path) -> None:
    alone, other = VerdictRepository(engine), open_records(f"sqlite:///{tmp_path}/other.db")
    together = VerdictRepository(other)
    for value in (29.4, 29.9, 29.9):
        shifts = [ended("f1.a", verdict(value=value), verdict(metric="twa")), ended("f1.b", verdict(), why="late"), ended("f1.c")]
        each = [alone.save_shift(one.results, one.shift, why=one.why, withdrawn=nothing_withdrawn) for one in shifts]
        assert together.save_shifts(shifts, withdrawn=nothing_withdrawn) == each
    shown = [[(one.verdict, one.final, one.why, one.computed_us) for one in kept.revisions()] for kept in (alone, together)]
    assert shown[0] == shown[1]
    assert [one.zone for one in AssessedRepository(other).between(["f1.a", "f1.b", "f1.c"], 0, NOW)] == ["f1.a", "f1.b", "f1.c"]
    other.dispose()


def test_of_shifts_kept_together_one_that_fails_leaves_none(engine: Engine, repository: VerdictRepository) -> None:
    def failing(results: list[Verdict], _on_record: list[Verdict]) -> list[Verdict]:
        if results[0].zone == "f1.b":
            raise ValueError("no")
        return []

    with pytest.raises(ValueError, match="no"):
        repository.save_shifts([ended("f1.a", verdict()), ended("f1.b", verdict())], withdrawn=failing)
    assert not repository.revisions()
    assert not AssessedRepository(engine).between(["f1.a"], 0, NOW)


def test_only_what_is_on_record_under_no_key_of_the_results_is_asked_about(repository: VerdictRepository) -> None:
    asked: list[str] = []

    def withdrawn(_results: list[Verdict], on_record: list[Verdict]) -> list[Verdict]:
        asked.extend(one.metric for one in on_record)
        return []

    repository.save_shifts([ended("f1.a", verdict(), verdict(metric="twa"))], withdrawn=withdrawn)
    repository.save_shifts([ended("f1.a", verdict())], withdrawn=withdrawn)
    assert asked == ["twa"]


def test_a_body_that_is_written_otherwise_and_says_the_same_is_no_revision(engine: Engine, repository: VerdictRepository) -> None:
    saved = save(repository, verdict(), final=True)
    with engine.begin() as connection:
        connection.execute(verdicts.update().values(body=b" " + msgspec.json.encode(saved)))
    assert save(repository, verdict(), final=True, at=NOW + HOUR_US) == saved
    assert len(repository.revisions()) == 1
