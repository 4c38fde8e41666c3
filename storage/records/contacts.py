"""How people want to be reached, who is on duty, and each site's times of the daily digest and the weekly test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, insert, select, update

from storage.records.sql import reading, upsert, writing
from storage.records.tables import contacts, notification_settings, rosters

Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
MaybeClock = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]
Day = Annotated[str, Meta(pattern=r"^(mon|tue|wed|thu|fri|sat|sun)$")]
LocalDate = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's wishes. No channel named: all by which there is an address. Quiet hours are local time of the site and never hold at stop level."""

    phone: Annotated[str, Meta(max_length=32, pattern=r"^(\+?[0-9][0-9 -]*)?$")] = ""
    chat: Annotated[str, Meta(max_length=64, pattern=r"^[-@\w]*$")] = ""
    channels: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=16)] = []
    quiet_from: MaybeClock = ""
    quiet_to: MaybeClock = ""
    digest: bool = True


class SiteTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Local time of the site."""

    digest_at: Clock = "07:30"
    test_day: Day = "mon"
    test_at: Clock = "10:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A person is on duty at a site in a shift ("": in all) from one local date to another, both inclusive."""

    site: str
    shift: str
    first: str
    last: str
    user: str
    set_by: str
    set_us: int
    id: int = 0
    ended_by: str = ""
    ended_us: int | None = None


decode_contact = msgspec.json.Decoder(Contact).decode
_times = msgspec.json.Decoder(SiteTimes).decode


class ContactsRepository:
    """What is not on record is the default."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contact(self, user: str) -> Contact:
        with reading(self._engine) as connection:
            body = connection.scalar(select(contacts.c.body).where(contacts.c.user == user))
        return decode_contact(body) if body else Contact()

    def set_contact(self, user: str, contact: Contact, now_us: int) -> None:
        with writing(self._engine) as connection:
            upsert(connection, contacts, [{"user": user, "body": msgspec.json.encode(contact), "changed_us": now_us}])

    def times(self, site: str) -> SiteTimes:
        with reading(self._engine) as connection:
            body = connection.scalar(select(notification_settings.c.body).where(notification_settings.c.site == site))
        return _times(body) if body else SiteTimes()

    def set_times(self, site: str, times: SiteTimes, *, by: str, now_us: int) -> None:
        with writing(self._engine) as connection:
            upsert(connection, notification_settings, [{"site": site, "body": msgspec.json.encode(times), "changed_by": by, "changed_us": now_us}])

    def put_on_duty(self, duty: Duty) -> int:
        """Its id."""
        values = {name: getattr(duty, name) for name in ("site", "shift", "first", "last", "user", "set_by", "set_us", "ended_by", "ended_us")}
        with writing(self._engine) as connection:
            key = connection.execute(insert(rosters).values(values)).inserted_primary_key
        return int(key[0]) if key else 0

    def end_duty(self, id: int, *, by: str, now_us: int) -> None:
        """From now on; what was stays on record."""
        with writing(self._engine) as connection:
            connection.execute(update(rosters).where(rosters.c.id == id, rosters.c.ended_us.is_(None)).values(ended_by=by, ended_us=now_us))

    def duty(self, id: int) -> Duty | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(rosters).where(rosters.c.id == id)).first()
        return Duty(**row._asdict()) if row else None

    def roster(self, sites: Sequence[str], since: str) -> list[Duty]:
        """What holds on or after this local date and has not been ended, by date."""
        where = (rosters.c.site.in_(list(sites)), rosters.c.last >= since, rosters.c.ended_us.is_(None))
        with reading(self._engine) as connection:
            rows = connection.execute(select(rosters).where(*where).order_by(rosters.c.first, rosters.c.shift, rosters.c.user))
            return [Duty(**row._asdict()) for row in rows]
