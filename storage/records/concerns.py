"""Boards of the zones, and what workers write without a name: sealed before it comes here, and counted by month only."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, delete, func, insert, select

from storage.records.sql import insert_new, reading, upsert, writing
from storage.records.tables import audit, board_settings, boards, concern_keys, concern_releases, concerns

Side = Literal["worker", "inspectorate"]
SIDES: tuple[Side, ...] = ("worker", "inspectorate")
Line = Annotated[str, Meta(max_length=200)]

_CODE_BYTES = 15  # 120 bits: a code can be read from a wall and not be guessed


class BoardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site's boards say about whom to reach."""

    phone: Line = ""  # of somebody outside the employer's control
    phone_of: Line = ""
    representatives: Line = ""  # where the worker representatives are found
    other_contact: Line = ""  # for violence, harassment, wages: past the committee
    other_text: Annotated[str, Meta(max_length=1000)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A zone and its code."""

    zone: str
    site: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """Who can open what is sealed from now on."""

    side: Side
    public_key: bytes
    made_by: str
    made_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedConcern:
    """As it is stored: all but the site and the month of its shift can be read with a private key only."""

    site: str
    month: str
    for_worker_side: bytes
    for_inspectorate: bytes | None

    def box(self, side: Side) -> bytes | None:
        return self.for_worker_side if side == "worker" else self.for_inspectorate


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The worker side's own decision to let a month be seen."""

    site: str
    month: str
    text: str
    released_by: str
    released_us: int


_settings = msgspec.json.Decoder(BoardSettings).decode


class BoardsRepository:
    """Codes and settings."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_code(self, code: str) -> Board | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(boards.c.zone, boards.c.site, boards.c.code).where(boards.c.code == code)).first()
        return Board(**row._asdict()) if row else None

    def of(self, site: str) -> dict[str, Board]:
        """By zone."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(boards.c.zone, boards.c.site, boards.c.code).where(boards.c.site == site))
            return {row.zone: Board(**row._asdict()) for row in rows}

    def make(self, site: str, zones: Sequence[str], *, by: str, now_us: int, renew: bool = False) -> None:
        """A code for each zone that has none; `renew`: also for those that have, whose old code then opens nothing."""
        with writing(self._engine) as connection:
            if renew:
                connection.execute(delete(boards).where(boards.c.zone.in_(list(zones))))
            rows = [{"zone": zone, "site": site, "code": secrets.token_urlsafe(_CODE_BYTES), "made_by": by, "made_us": now_us} for zone in zones]
            insert_new(connection, boards, rows)
            connection.execute(insert(audit).values(at_us=now_us, by=by, action="board codes renewed" if renew else "board codes made", subject=site, detail=" ".join(zones)))

    def settings(self, site: str) -> BoardSettings:
        with reading(self._engine) as connection:
            body = connection.scalar(select(board_settings.c.body).where(board_settings.c.site == site))
        return _settings(body) if body else BoardSettings()

    def set_settings(self, site: str, settings: BoardSettings, *, by: str, now_us: int) -> None:
        body = msgspec.json.encode(settings)
        with writing(self._engine) as connection:
            upsert(connection, board_settings, [{"site": site, "body": body, "changed_by": by, "changed_us": now_us}])
            connection.execute(insert(audit).values(at_us=now_us, by=by, action="board settings", subject=site, detail=body.decode()))


class ConcernsRepository:
    """Public keys, sealed concerns, and releases. There is no way to change or delete a concern, and none to ask when it came."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_key(self, site: str, side: Side, public_key: bytes, *, by: str, now_us: int) -> None:
        """The latest counts; what was sealed before stays with the key before."""
        with writing(self._engine) as connection:
            connection.execute(insert(concern_keys).values(site=site, side=side, public_key=public_key, made_by=by, made_us=now_us))
            connection.execute(insert(audit).values(at_us=now_us, by=by, action="concern key", subject=site, detail=f"{side} {public_key.hex()}"))

    def keys(self, site: str) -> dict[Side, PublicKey]:
        """The key of each side that has one."""
        columns = (concern_keys.c.side, concern_keys.c.public_key, concern_keys.c.made_by, concern_keys.c.made_us)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*columns).where(concern_keys.c.site == site).order_by(concern_keys.c.id))
            return {row.side: PublicKey(**row._asdict()) for row in rows}

    def add(self, concern: SealedConcern) -> None:
        values = {"site": concern.site, "month": concern.month, "for_worker_side": concern.for_worker_side, "for_inspectorate": concern.for_inspectorate}
        with writing(self._engine) as connection:
            connection.execute(insert(concerns).values(id=secrets.token_hex(16), **values))

    def sealed(self, site: str) -> list[SealedConcern]:
        """In an order that says nothing."""
        columns = (concerns.c.site, concerns.c.month, concerns.c.for_worker_side, concerns.c.for_inspectorate)
        with reading(self._engine) as connection:
            return [SealedConcern(**row._asdict()) for row in connection.execute(select(*columns).where(concerns.c.site == site).order_by(concerns.c.id))]

    def monthly(self, site: str) -> dict[str, int]:
        """Month → how many: for the rule of `console.concerns`, never for a page."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(concerns.c.month, func.count().label("held")).where(concerns.c.site == site).group_by(concerns.c.month))
            return {row.month: int(row.held) for row in rows}

    def release(self, release: Release) -> None:
        values = {name: getattr(release, name) for name in ("site", "month", "text", "released_by", "released_us")}
        with writing(self._engine) as connection:
            connection.execute(insert(concern_releases).values(**values))
            connection.execute(
                insert(audit).values(at_us=release.released_us, by=release.released_by, action="concerns released", subject=release.site, detail=f"{release.month}: {release.text}")
            )

    def releases(self, site: str) -> list[Release]:
        columns = [concern_releases.c[name] for name in ("site", "month", "text", "released_by", "released_us")]
        with reading(self._engine) as connection:
            return [Release(**row._asdict()) for row in connection.execute(select(*columns).where(concern_releases.c.site == site).order_by(concern_releases.c.id))]
