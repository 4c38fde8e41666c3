"""Minutes that are signed in ink, and who learns whose sex."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from alerts.review.attendance import attendance, committee_share, told_of
from alerts.review.book import Book
from alerts.review.mandates import SEXES, SMALLEST, Mandate, Mandates
from alerts.review.meetings import BOTH, Meeting, Meetings, Seat
from alerts.review.paper import Papers, sheet_digest, sheet_of
from domain.agreements import SIDES, Side
from domain.errors import BadInput, Conflict, NotFound, Refused
from domain.registry import Committee
from domain.scope import Role, Scope
from oshwatch.testing import FakeClock
from storage.records.registry import RegistryRepository

HOA = Scope(user="hoa", role=Role.WORKER_REPRESENTATIVE, grant="f1")
MINH = Scope(user="minh", role=Role.MANAGEMENT_REPRESENTATIVE, grant="f1")
LINH = Scope(user="linh", role=Role.OFFICER, grant="f1")
TRAN = Scope(user="tran", role=Role.INSPECTOR, grant="country:VN")
KIM = Scope(user="kim", role=Role.INSPECTOR, grant="country:KH")
TODAY = date(2025, 12, 1)


@dataclass
class Room:
    engine: Engine
    clock: FakeClock

    def __post_init__(self) -> None:
        book = Book(self.engine, self.clock, lambda: RegistryRepository(self.engine).load().latest())
        self.meetings, self.mandates = Meetings(book), Mandates(book)
        self.papers = Papers(book, lambda name: ["password reset by root"] if name == "hoa" else [])

    def meeting(self, *, closed: bool = True) -> Meeting:
        mandates = [
            self.mandates.enter(who, "f1", name=who.user.title(), side=who.role.side, chosen="election", sex=sex, since="2025-01-01", until="2026-12-31")  # type: ignore[arg-type]
            for who, sex in ((HOA, "woman"), (MINH, "man"))
        ]
        id = self.meetings.call(LINH, "f1", on="2025-11-22", place="canteen").id
        self.meetings.attend(LINH, id, mandates, lambda seats: told_of(seats, mandates, self.mandates.released(LINH, "f1")))
        meeting = self.meetings.write(HOA, id, "We looked at fan 3.")
        return self.meetings.close(MINH, id, [], Committee()) if closed else meeting

    def record(self, who: Scope, meeting: Meeting, **other: object) -> Meeting:
        side = str(other.get("side", who.role.side))
        said = {"mandates": [seat.mandate for seat in meeting.seats if seat.side == side], "on": "2025-11-23", "digest": sheet_digest(meeting), "reference": "folder 4", **other}
        return self.papers.record(who, meeting.id, today=TODAY, **{"side": side, **said})  # type: ignore[arg-type]


@pytest.fixture
def room(engine: Engine, clock: FakeClock) -> Room:
    return Room(engine, clock)


def test_each_side_records_who_of_its_own_signed_which_sheet_and_when(room: Room) -> None:
    meeting = room.meeting()
    room.record(HOA, meeting)
    after = room.record(MINH, meeting, reference="")
    assert [(paper.side, paper.names, paper.on, paper.reference, paper.by, paper.touched) for paper in after.papers] == [
        ("worker", ["Hoa"], "2025-11-23", "folder 4", "hoa", ["password reset by root"]),
        ("management", ["Minh"], "2025-11-23", "", "minh", []),
    ]
    assert {paper.digest for paper in after.papers} == {sheet_digest(meeting)} == {hashlib.sha256(sheet_of(after)).hexdigest()}


def test_what_was_recorded_stays_and_a_later_word_stands_beside_it(room: Room) -> None:
    meeting = room.meeting()
    room.record(HOA, meeting)
    assert [paper.on for paper in room.record(HOA, meeting, on="2025-11-24").papers] == ["2025-11-23", "2025-11-24"]


@pytest.mark.parametrize(("who", "side"), [(HOA, "management"), (MINH, "worker"), (LINH, "management"), (LINH, "worker"), (TRAN, "worker"), (TRAN, "management")])
def test_nobody_records_for_another_side(room: Room, who: Scope, side: str) -> None:
    meeting = room.meeting()
    with pytest.raises(Refused):
        room.record(who, meeting, side=side)


def test_a_foreign_meeting_does_not_exist(room: Room) -> None:
    meeting = room.meeting()
    with pytest.raises(NotFound):
        room.record(KIM, meeting, side="worker")


def test_minutes_that_are_not_closed_have_no_sheet(room: Room) -> None:
    meeting = room.meeting(closed=False)
    with pytest.raises(Conflict):
        sheet_of(meeting)
    with pytest.raises(Conflict):
        room.papers.record(HOA, meeting.id, side="worker", mandates=[meeting.seats[0].mandate], on="2025-11-23", digest="0" * 64, reference="", today=TODAY)


def test_the_digest_may_be_typed_in_groups_and_has_to_be_that_of_the_sheet(room: Room) -> None:
    meeting = room.meeting()
    digest = sheet_digest(meeting)
    typed = " ".join(digest[start : start + 4].upper() for start in range(0, 16, 4))
    assert room.record(HOA, meeting, digest=typed).papers[0].digest == digest
    for wrong in ("", digest[:15], "0" * 64, digest + "0", digest[1:]):
        with pytest.raises(BadInput, match="digest"):
            room.record(HOA, meeting, digest=wrong)


@pytest.mark.parametrize("on", ["2025-11-21", "2025-12-02", "yesterday"])
def test_they_signed_after_the_meeting_and_not_in_time_to_come(room: Room, on: str) -> None:
    with pytest.raises(BadInput, match="on:"):
        room.record(HOA, room.meeting(), on=on)


def test_only_those_of_the_side_who_were_there_can_have_signed(room: Room) -> None:
    meeting = room.meeting()
    other = next(seat.mandate for seat in meeting.seats if seat.side == "management")
    for mandates in ([], ["man-unknown"], [other]):
        with pytest.raises(BadInput, match="mandates"):
            room.record(HOA, meeting, mandates=mandates)


def test_the_sheet_says_the_same_after_it_was_signed_and_changes_with_a_word_of_the_minutes(room: Room) -> None:
    meeting = room.meeting()
    digest = sheet_digest(meeting)
    assert sheet_digest(room.record(HOA, meeting)) == digest
    again = Meeting(**{**{name: getattr(meeting, name) for name in meeting.__struct_fields__}, "minutes": ["We looked at fan 4."]})
    assert sheet_digest(again) != digest


def test_nobodys_sex_stands_on_the_sheet(room: Room) -> None:
    content = sheet_of(room.meeting()).decode()
    assert '"sex"' not in content
    assert '"woman":null' in content
    assert '"woman":1' not in content


def seats(side: str, sexes: list[str]) -> list[Seat]:
    return [Seat(mandate=f"{side}{n}", name="x", side=side, sex=sex, elected=True) for n, sex in enumerate(sexes)]  # type: ignore[arg-type]


def in_office(there: list[Seat], absent: list[Seat]) -> list[Mandate]:
    return [Mandate(id=one.mandate, name=one.name, side=one.side, chosen="election", sex=one.sex, since="2025-01-01", until="2026-12-31") for one in [*there, *absent]]  # type: ignore[arg-type]


SOME = st.lists(st.sampled_from(SEXES), max_size=12)
RELEASED = st.sets(st.sampled_from(SIDES))


@given(worker=SOME, management=SOME, away=st.integers(0, 12), released=RELEASED)
def test_no_reader_can_work_out_fewer_than_five_of_a_side_that_has_not_released_them(worker: list[str], management: list[str], away: int, released: set[Side]) -> None:
    sides = {"worker": seats("worker", worker), "management": seats("management", management)}
    there = [*sides["worker"][away:], *sides["management"]]
    holding = in_office([*sides["worker"], *sides["management"]], [])
    told = told_of(there, holding, released)
    share = committee_share(holding, released)
    for reader in ("", *SIDES):
        counts = attendance(there, told, reader)
        for side, other in (("worker", "management"), ("management", "worker")):
            if side in (*released, reader):
                continue
            present, known = [one for one in there if one.side == side], [one for one in sides[side] if one.sex != "not_said"]
            small = 0 < len(present) < SMALLEST or 0 < len(sides[side]) - len(present) < SMALLEST
            told_itself = not counts[side].suppressed
            by_difference = not counts[BOTH].suppressed and not counts[other].suppressed
            assert not (small and (told_itself or by_difference))
            assert not (0 < len(known) < SMALLEST and not share.suppressed and share.all)
        for side in (*SIDES, BOTH):
            of = [one.sex for one in there if side in (one.side, BOTH)]
            assert counts[side].present == len(of)
            if not counts[side].suppressed:
                assert [counts[side].woman, counts[side].man, counts[side].not_said] == [of.count(sex) for sex in SEXES]


def test_a_committee_of_three_and_three_is_counted_where_both_sides_release_it() -> None:
    there = [*seats("worker", ["woman", "woman", "man"]), *seats("management", ["man", "man", "woman"])]
    holding = in_office(there, [])
    for released in (set(), {"worker"}, {"management"}):
        assert committee_share(holding, released).suppressed
        assert attendance(there, told_of(there, holding, released))[BOTH].suppressed
    assert committee_share(holding, set(SIDES)).share == 0.5
    assert attendance(there, told_of(there, holding, set(SIDES)))[BOTH].woman == 3
    assert attendance(there, told_of(there, holding, {"worker"}))["worker"].woman == 2


def test_what_was_told_stays_with_the_sheet_when_a_side_releases_later(room: Room) -> None:
    meeting = room.meeting()
    digest = sheet_digest(meeting)
    assert room.mandates.release(HOA, "f1", side="worker", released=True) == {"worker"}
    assert sheet_digest(room.meetings.one(HOA, meeting.id)) == digest
    assert room.mandates.release(HOA, "f1", side="worker", released=False) == set()
    assert len(room.mandates.of_site(HOA, "f1")) == len(meeting.seats)


def test_a_sheet_signed_before_records_said_what_may_be_told_keeps_its_digest(room: Room) -> None:
    meeting = msgspec.structs.replace(room.meeting(), seats=[*seats("worker", ["woman"] * 2), *seats("management", ["man"] * 3)], told=None)
    assert attendance(meeting.seats, meeting.told)[BOTH].woman == 2
    assert '"woman":2' in sheet_of(meeting).decode()
