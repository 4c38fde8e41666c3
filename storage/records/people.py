"""Who may log in: users, sessions, API tokens and the audit trail. Only hashes of secrets are stored; there is no default user and no default password."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pwdlib import PasswordHash
from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update

from domain.clock import Clock, SystemClock
from domain.errors import BadInput, NotFound, Refused
from domain.ids import ID_RULE, is_id
from domain.scope import Role, Scope
from domain.times import DAY_US, HOUR_US, MINUTE_US
from storage.records.sql import reading, writing
from storage.records.tables import audit, sessions, tokens, users

Operator = Literal["factory", "administration"]

SESSION_US = 12 * HOUR_US
"""A session outlives one shift, never two."""
IDLE_US = HOUR_US
TOUCH_US = MINUTE_US
PASSWORD_MIN, PASSWORD_MAX = 12, 256
WORKER_ACCOUNTS_BY_FACTORY = 2
"""Contract 1: on a factory's own centre only a site's first two worker-side accounts are made by its administrator."""

_ONE_TIME = "once:"
_TOKEN_PREFIX = "osh_"  # noqa: S105 - says what it is where one is found by accident
_HASHING = threading.Semaphore(2)  # argon2id takes 64 MiB a hash: two at once fit a small machine


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may log in."""

    name: str
    role: Role
    grant: str
    email: str
    locale: str
    active: bool
    must_choose_password: bool  # holds a one-time password only

    @property
    def scope(self) -> Scope:
        return Scope(user=self.name, role=self.role, grant=self.grant)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom, when."""

    at_us: int
    by: str
    action: str
    subject: str
    detail: str


class PeopleRepository:
    """All of it, on the records database. `clock` is real time: a session does not run faster in a demo that does."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        self._engine, self._clock = engine, clock or SystemClock()
        self._hasher = PasswordHash.recommended()
        self._nobody = ""  # a hash to compare with where there is no such person

    def add_user(
        self,
        *,
        name: str,
        role: Role | str,
        grant: str,
        password: str | None = None,
        email: str = "",
        locale: str = "",
        by: str = "",
        operator: Operator = "administration",
        one_time: bool = False,
    ) -> User:
        """A new person; without a password they can only use API tokens. Raises `BadInput`, or `Refused` where this centre may not have such an account."""
        role = _role(role)
        _check_name(name)
        _check_grant(grant)
        if password is not None:
            check_password(password, name)
        with writing(self._engine) as connection:
            one_time = self._admit(connection, role, grant, operator) or one_time
            if connection.execute(select(users.c.name).where(users.c.name == name)).first():
                raise BadInput(f"'{name}' exists already", field="name", remedy="choose another name")
            row = {
                "name": name,
                "role": role.value,
                "grant": grant,
                "password_hash": "" if password is None else (_ONE_TIME if one_time else "") + self._hash(password),
                "email": email,
                "locale": locale,
                "active": True,
                "created_us": self._clock.now_us(),
            }
            connection.execute(insert(users).values(row))
            self._audit(connection, by, "user added", name, f"{role.value} {grant}")
        return User(name=name, role=role, grant=grant, email=email, locale=locale, active=True, must_choose_password=one_time and password is not None)

    def user(self, name: str) -> User | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        return _user(row) if row else None

    def list_users(self, scope: Scope | None = None) -> list[User]:
        """All, or those of the caller's own grant (of every grant for `*`)."""
        query = select(users).order_by(users.c.name)
        if scope is not None and scope.grant != "*":
            query = query.where(users.c.grant == scope.grant)
        with reading(self._engine) as connection:
            return [_user(row) for row in connection.execute(query)]

    def change_role(self, name: str, *, role: Role | str, grant: str, by: str = "") -> None:
        """Another role or scope; every session of theirs ends."""
        role = _role(role)
        _check_grant(grant)
        with writing(self._engine) as connection:
            self._must_exist(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(role=role.value, grant=grant))
            connection.execute(delete(sessions).where(sessions.c.user == name))
            self._audit(connection, by, "role changed", name, f"{role.value} {grant}")

    def deactivate(self, name: str, *, by: str = "") -> None:
        """Ends their sessions and tokens at once; what they did stays on record."""
        with writing(self._engine) as connection:
            self._must_exist(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(active=False))
            connection.execute(delete(sessions).where(sessions.c.user == name))
            connection.execute(delete(tokens).where(tokens.c.user == name))
            self._audit(connection, by, "user deactivated", name, "")

    def set_reach(self, name: str, *, email: str, locale: str, by: str = "") -> None:
        """By which address and in which language a person is written to."""
        with writing(self._engine) as connection:
            self._must_exist(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(email=email, locale=locale))
            self._audit(connection, by, "contact changed", name, "")

    def choose_password(self, name: str, old: str, new: str) -> User | None:
        """Replaces the password by the person's own choice; None when the old one is wrong. Ends their other sessions."""
        found = self.verify_password(name, old)
        if found is None:
            return None
        check_password(new, name)
        if new == old:
            raise BadInput("the new password is the old one", field="password", remedy="choose another")
        hashed = self._hash(new)
        with writing(self._engine) as connection:
            connection.execute(update(users).where(users.c.name == name).values(password_hash=hashed))
            connection.execute(delete(sessions).where(sessions.c.user == name))
            self._audit(connection, name, "password chosen", name, "")
        return self.user(name)

    def verify_password(self, name: str, password: str) -> User | None:
        """The person, or None; takes as long for a name that does not exist."""
        with reading(self._engine) as connection:
            row = connection.execute(select(users).where(users.c.name == name, users.c.active.is_(True))).first()
        stored = row.password_hash.removeprefix(_ONE_TIME) if row else ""
        known = bool(stored)
        if not known:
            self._nobody = self._nobody or self._hash(secrets.token_urlsafe(16))
            stored = self._nobody
        with _HASHING:
            right = self._hasher.verify(password[:PASSWORD_MAX], stored)
        return _user(row) if row and known and right else None

    def create_session(self, name: str) -> str:
        """The secret that goes into the cookie; expired sessions are swept on the way."""
        token, now = secrets.token_urlsafe(32), self._clock.now_us()
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_us <= now))
            connection.execute(insert(sessions).values(token_hash=_digest(token), user=name, created_us=now, expires_us=now + SESSION_US, last_used_us=now))
            self._audit(connection, name, "logged in", name, "")
        return token

    def session_user(self, token: str) -> User | None:
        """Who this session is; None when it is unknown, over, or was idle for an hour."""
        now = self._clock.now_us()
        query = (
            select(users, sessions.c.last_used_us)
            .join(sessions, sessions.c.user == users.c.name)
            .where(sessions.c.token_hash == _digest(token), sessions.c.expires_us > now, sessions.c.last_used_us > now - IDLE_US, users.c.active.is_(True))
        )
        row = self._first(query)
        if row is not None and row.last_used_us < now - TOUCH_US:
            with writing(self._engine) as connection:
                connection.execute(update(sessions).where(sessions.c.token_hash == _digest(token)).values(last_used_us=now))
        return _user(row) if row else None

    def session_scope(self, token: str) -> Scope | None:
        user = self.session_user(token)
        return user.scope if user else None

    def end_session(self, token: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == _digest(token)))

    def end_sessions(self, name: str, *, by: str = "") -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.user == name))
            self._audit(connection, by, "sessions ended", name, "")

    def create_token(self, name: str, days: int | None = None, *, by: str = "") -> str:
        """An API token, shown once; it stands until revoked when `days` is None."""
        if days is not None and not 1 <= days <= 3660:
            raise BadInput(f"{days} is not between 1 and 3660", field="days", remedy="leave it out for a token without an end")
        token, now = _TOKEN_PREFIX + secrets.token_urlsafe(32), self._clock.now_us()
        with writing(self._engine) as connection:
            self._must_exist(connection, name)
            connection.execute(insert(tokens).values(token_hash=_digest(token), user=name, created_us=now, expires_us=None if days is None else now + days * DAY_US))
            self._audit(connection, by, "token created", name, "" if days is None else f"{days} days")
        return token

    def token_user(self, token: str) -> User | None:
        """Who this API token stands for; None when it is unknown or expired."""
        now = self._clock.now_us()
        query = (
            select(users, tokens.c.last_used_us)
            .join(tokens, tokens.c.user == users.c.name)
            .where(tokens.c.token_hash == _digest(token), (tokens.c.expires_us.is_(None)) | (tokens.c.expires_us > now), users.c.active.is_(True))
        )
        row = self._first(query)
        if row is not None and (row.last_used_us or 0) < now - TOUCH_US:
            with writing(self._engine) as connection:
                connection.execute(update(tokens).where(tokens.c.token_hash == _digest(token)).values(last_used_us=now))
        return _user(row) if row else None

    def token_scope(self, token: str) -> Scope | None:
        user = self.token_user(token)
        return user.scope if user else None

    def record(self, by: str, action: str, subject: str, detail: str = "") -> None:
        """One line of the audit trail."""
        with writing(self._engine) as connection:
            self._audit(connection, by, action, subject, detail)

    def audit_entries(self, limit: int = 100) -> list[AuditEntry]:
        """The latest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit))
            return [AuditEntry(at_us=row.at_us, by=row.by, action=row.action, subject=row.subject, detail=row.detail) for row in rows]

    def audit_of(self, subjects: Sequence[str], actions: Sequence[str]) -> list[AuditEntry]:
        """What was done to these people, the oldest first."""
        where = (audit.c.subject.in_(list(subjects)), audit.c.action.in_(list(actions)))
        with reading(self._engine) as connection:
            rows = connection.execute(select(audit).where(*where).order_by(audit.c.id))
            return [AuditEntry(at_us=row.at_us, by=row.by, action=row.action, subject=row.subject, detail=row.detail) for row in rows]

    def reset_password(self, name: str, code: str, *, by: str) -> None:
        """A one-time code instead of the password; every session and token of theirs ends."""
        check_password(code, name)
        hashed = _ONE_TIME + self._hash(code)
        with writing(self._engine) as connection:
            self._must_exist(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(password_hash=hashed))
            connection.execute(delete(sessions).where(sessions.c.user == name))
            connection.execute(delete(tokens).where(tokens.c.user == name))
            self._audit(connection, by, "password reset", name, "")

    def _admit(self, connection: Connection, role: Role, grant: str, operator: Operator) -> bool:
        """Whether the password must be a one-time code; raises `Refused` for accounts that an employer's centre may not have."""
        if operator != "factory":
            return False
        if role in (Role.INSPECTOR, Role.PROGRAMME):
            raise Refused(f"a factory's own centre has no {role.value} accounts; they are made on the administration's centre")
        if role is not Role.WORKER_REPRESENTATIVE:
            return False
        count = connection.execute(select(func.count()).select_from(users).where(users.c.role == role.value, users.c.grant == grant)).scalar_one()
        if count >= WORKER_ACCOUNTS_BY_FACTORY:
            raise Refused(f"{grant} has its first two worker-side accounts; further ones are made by the worker side or the inspectorate")
        return True

    def _hash(self, password: str) -> str:
        with _HASHING:
            return self._hasher.hash(password)

    def _must_exist(self, connection: Connection, name: str) -> None:
        if connection.execute(select(users.c.name).where(users.c.name == name)).first() is None:
            raise NotFound(f"no user '{name}'")

    def _first(self, query: Select[Any]) -> Row[Any] | None:
        with reading(self._engine) as connection:
            return connection.execute(query).first()

    def _audit(self, connection: Connection, by: str, action: str, subject: str, detail: str) -> None:
        connection.execute(insert(audit).values(at_us=self._clock.now_us(), by=by, action=action, subject=subject, detail=detail))


def check_password(password: str, name: str) -> None:
    """Length and not the name; no composition rules (ASVS 6.2). Raises `BadInput`."""
    if len(password) < PASSWORD_MIN:
        raise BadInput(f"shorter than {PASSWORD_MIN} characters", field="password", remedy="a few words make a good one")
    if len(password) > PASSWORD_MAX:
        raise BadInput(f"longer than {PASSWORD_MAX} characters", field="password", remedy="shorten it")
    if password.lower().strip("0123456789 ") == name.lower():
        raise BadInput("is the name", field="password", remedy="a few words make a good one")


def new_password() -> str:
    """A random one-time password that can be read aloud."""
    return "-".join(secrets.token_hex(2) for _ in range(6))


def _user(row: Row[Any]) -> User:
    return User(
        name=row.name,
        role=Role(row.role),
        grant=row.grant,
        email=row.email,
        locale=row.locale,
        active=row.active,
        must_choose_password=row.password_hash.startswith(_ONE_TIME),
    )


def _digest(token: str) -> bytes:
    """256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise BadInput(f"no role '{role}'", field="role", remedy="one of " + ", ".join(Role)) from None


def _check_name(name: str) -> None:
    if not is_id(name):
        raise BadInput(f"'{name}' is not a name", field="name", remedy=ID_RULE)


def _check_grant(grant: str) -> None:
    country = grant.removeprefix("country:")
    if grant == "*" or is_id(grant) or (country != grant and len(country) == 2 and country.isalpha() and country.isupper()):
        return
    raise BadInput(f"'{grant}' is not a scope", field="scope", remedy="a site id, country:XX or *")
