"""JSON of meetings and of their minutes. Field names are public and stay."""

from __future__ import annotations

import msgspec

from alerts.review.attendance import Counted, attendance
from alerts.review.meetings import AgendaItem, Meeting
from alerts.review.paper import sheet_digest
from domain.agreements import Side
from domain.times import to_rfc3339


class MeetingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    on: str
    place: str = ""


class AttendanceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mandates: list[str]


class PaperBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`digest`: at least sixteen characters from the sheet; `reference`: where the paper or its scan is."""

    side: Side
    mandates: list[str]
    on: str
    digest: str
    reference: str = ""


class SeatJson(msgspec.Struct, frozen=True, kw_only=True):
    mandate: str
    name: str
    side: Side
    elected: bool


class PaperJson(msgspec.Struct, frozen=True, kw_only=True):
    """A side's record that its people signed the sheet in ink; it is no digital signature."""

    side: Side
    names: list[str]
    on: str
    digest: str
    reference: str
    by: str
    role: str
    at: str
    touched: list[str]


class MeetingJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    site: str
    on: str
    place: str
    called_by: str
    present: list[SeatJson]
    attendance: dict[str, Counted]  # worker, management, both
    agenda: list[AgendaItem]
    minutes: list[str]
    closed_at: str | None
    quorate: bool | None  # null until the minutes are closed
    digest: str | None  # of the sheet, SHA-256; null until the minutes are closed
    signed_on_paper: list[PaperJson]


def meeting_json(meeting: Meeting, items: list[AgendaItem], reader_side: str) -> MeetingJson:
    return MeetingJson(
        id=meeting.id,
        site=meeting.site,
        on=meeting.on,
        place=meeting.place,
        called_by=meeting.called_by,
        present=[SeatJson(mandate=seat.mandate, name=seat.name, side=seat.side, elected=seat.elected) for seat in meeting.seats],
        attendance=attendance(meeting.seats, meeting.told, reader_side),
        agenda=items,
        minutes=meeting.minutes,
        closed_at=None if meeting.closed_us is None else to_rfc3339(meeting.closed_us),
        quorate=meeting.quorate if meeting.closed else None,
        digest=sheet_digest(meeting) if meeting.closed else None,
        signed_on_paper=[
            PaperJson(
                side=one.side,
                names=one.names,
                on=one.on,
                digest=one.digest,
                reference=one.reference,
                by=one.by,
                role=one.role,
                at=to_rfc3339(one.at_us),
                touched=one.touched,
            )
            for one in meeting.papers
        ],
    )
