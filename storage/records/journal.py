"""The alert journal: append-only steps. What an alert is now is a fold of its steps (`alerts.state`); `open_alerts` only keeps to one open alert a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, delete, func, select, update

from domain.hazards import Severity
from domain.verdict import LimitOf
from storage.records.alert_states import StateRow, mark_stale, put_state
from storage.records.sql import insert_on, reading, writing
from storage.records.tables import alert_journal, open_alerts

_ASK_AT_ONCE = 500


class StepKind(StrEnum):
    """Everything that can happen to an alert."""

    RAISED = "raised"
    ESCALATED = "escalated"  # a higher severity: same alert, acknowledgements cleared
    REACTIVATED = "reactivated"  # over again while still open: a new excursion, acknowledgements cleared
    REVISED = "revised"  # a worse value, another member, proof
    DATA_LOST = "data_lost"
    DATA_BACK = "data_back"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    COMMENTED = "commented"
    CONFIRMED = "confirmed"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"  # by design: a closed line, a calibration
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    RETURNED_TO_SERVICE = "returned_to_service"
    RESET = "reset"


class Key(NamedTuple):
    """There is one open alert a key."""

    zone: str
    hazard: str
    type: str


Evidence = dict[str, str | float | int | bool | list[str] | None]


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step carries beside who and when; each kind uses its share."""

    severity: Severity | None = None
    channel: str | None = None
    value: float | None = None
    unit: str = ""
    limit: LimitOf | None = None
    evidence: Evidence = {}
    simulated: bool = False
    latching: bool = False
    respond_within_min: int | None = None
    text: str = ""
    until_us: int | None = None
    via: str = ""  # from where a person took it: page, api, link; "" for the system


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the journal; `id` 0 until it is appended."""

    alert: str
    site: str
    zone: str
    hazard: str
    type: str
    kind: StepKind
    event_us: int
    recorded_us: int
    by: str = ""  # "" for the system
    role: str = ""
    detail: Detail = Detail()
    id: int = 0

    @property
    def key(self) -> Key:
        return Key(self.zone, self.hazard, self.type)


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision under the lock came to: steps to append, whether the alert is open after them, and what it is then (by the steps as appended; None: it is folded anew later)."""

    steps: Sequence[Step]
    open: bool
    state: Callable[[list[Step]], StateRow] | None = None


Decision = Callable[[list[Step]], Change]


class JournalRepository:
    """Appends under a lock on the alert, so that ingest, the alerts process and the console never decide on an old state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def change_key(self, key: Key, new_alert: str, decide: Decision) -> list[Step]:
        """Decide on the steps of the key's open alert ([]: none is open), and append; `new_alert` is the id if one is raised. Returns what was appended."""
        with writing(self._engine) as connection:
            alert = _guard(connection, key, new_alert)
            return _apply(connection, alert, decide)

    def change(self, alert: str, decide: Decision) -> list[Step]:
        """Decide on the steps of one alert, open or closed ([]: no such alert), and append."""
        with writing(self._engine) as connection:
            _lock(connection, alert)
            return _apply(connection, alert, decide)

    def steps(self, alert: str) -> list[Step]:
        return self.steps_of([alert]).get(alert, [])

    def steps_of(self, alerts: Sequence[str]) -> dict[str, list[Step]]:
        """Steps by alert, in the order they were appended."""
        with reading(self._engine) as connection:
            return _steps_of(connection, alerts)

    def load_open(self, sites: Sequence[str] | None = None) -> dict[str, list[Step]]:
        """Steps of every open alert; `sites` None: of all sites."""
        with reading(self._engine) as connection:
            alerts = list(connection.scalars(select(open_alerts.c.alert)))
            found = _steps_of(connection, alerts)
        return {alert: steps for alert, steps in found.items() if sites is None or steps[0].site in sites}

    def since(self, id: int, limit: int = 10_000) -> list[Step]:
        """Steps appended after this id, in order. Every writer appends under a lock, but ids of different alerts may be committed out of order on PostgreSQL:
        use it to learn that something changed, and read the alert again."""
        with reading(self._engine) as connection:
            return [_step(row) for row in connection.execute(select(alert_journal).where(alert_journal.c.id > id).order_by(alert_journal.c.id).limit(limit))]

    def last_id(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.coalesce(func.max(alert_journal.c.id), 0))) or 0)

    def last_of(self, key: Key) -> list[Step]:
        """Steps of the latest alert of a key, open or closed."""
        where = (alert_journal.c.zone == key.zone, alert_journal.c.hazard == key.hazard, alert_journal.c.type == key.type)
        with reading(self._engine) as connection:
            alert = connection.scalar(select(alert_journal.c.alert).where(*where, alert_journal.c.step == StepKind.RAISED).order_by(alert_journal.c.id.desc()).limit(1))
            return _steps_of(connection, [alert])[alert] if alert else []

    def raised_between(self, key: Key, start_us: int, stop_us: int) -> bool:
        """Whether an alert of this key was raised in [start, stop), by event time."""
        where = (alert_journal.c.zone == key.zone, alert_journal.c.hazard == key.hazard, alert_journal.c.type == key.type, alert_journal.c.step == StepKind.RAISED)
        with reading(self._engine) as connection:
            found = connection.scalar(select(alert_journal.c.id).where(*where, alert_journal.c.event_us >= start_us, alert_journal.c.event_us < stop_us).limit(1))
            return found is not None

    def raised(self, sites: Sequence[str] | None, *, since_us: int | None = None, after: int = 0, limit: int = 200) -> list[Step]:
        """First steps of the alerts of these sites (None: all), in the order they were raised, after a row id."""
        query = select(alert_journal).where(alert_journal.c.step == StepKind.RAISED, alert_journal.c.id > after)
        if sites is not None:
            query = query.where(alert_journal.c.site.in_(list(sites)))
        if since_us is not None:
            query = query.where(alert_journal.c.event_us >= since_us)
        with reading(self._engine) as connection:
            return [_step(row) for row in connection.execute(query.order_by(alert_journal.c.id).limit(limit))]


def _guard(connection: Connection, key: Key, new_alert: str) -> str:
    """The open alert of a key, its row locked; where there is none the key is taken for `new_alert`."""
    row = {**key._asdict(), "alert": new_alert}
    where = (open_alerts.c.zone == key.zone, open_alerts.c.hazard == key.hazard, open_alerts.c.type == key.type)
    while True:
        connection.execute(insert_on(connection, open_alerts).on_conflict_do_nothing(), row)
        locked = connection.execute(update(open_alerts).where(*where).values(alert=open_alerts.c.alert))
        if locked.rowcount:  # 0: another process closed it between the two statements
            return str(connection.scalar(select(open_alerts.c.alert).where(*where)))


def _lock(connection: Connection, alert: str) -> None:
    connection.execute(update(open_alerts).where(open_alerts.c.alert == alert).values(alert=alert))


def _apply(connection: Connection, alert: str, decide: Decision) -> list[Step]:
    before = _steps_of(connection, [alert]).get(alert, [])
    change = decide(before)
    appended = [_append(connection, msgspec.structs.replace(step, alert=alert)) for step in change.steps]
    if appended and change.state is not None:
        put_state(connection, change.state(appended))
    elif appended:
        mark_stale(connection, _stale(before[0] if before else appended[0]))
    if not change.open:
        connection.execute(delete(open_alerts).where(open_alerts.c.alert == alert))
    return appended


def _stale(first: Step) -> StateRow:
    return StateRow(
        alert=first.alert,
        raised_id=first.id,
        site=first.site,
        zone=first.zone,
        hazard=first.hazard,
        type=first.type,
        severity="",
        state="",
        open=False,
        raised_us=first.event_us,
        returned_us=None,
        acknowledged_us=None,
        acknowledged_role="",
        last_id=0,
        excursions=1,
        calls=1,
        body=b"",
    )


def _append(connection: Connection, step: Step) -> Step:
    values = {
        "alert": step.alert,
        "site": step.site,
        "zone": step.zone,
        "hazard": step.hazard,
        "type": step.type,
        "step": step.kind.value,
        "event_us": step.event_us,
        "recorded_us": step.recorded_us,
        "by": step.by,
        "role": step.role,
        "body": msgspec.json.encode(step.detail),
    }
    key = connection.execute(alert_journal.insert().values(values)).inserted_primary_key
    return msgspec.structs.replace(step, id=int(key[0]) if key else 0)


def _steps_of(connection: Connection, alerts: Sequence[str]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for some in _chunks(alerts):
        for row in connection.execute(select(alert_journal).where(alert_journal.c.alert.in_(some)).order_by(alert_journal.c.id)).all():
            step = _step(row)
            found.setdefault(step.alert, []).append(step)
    return found


def _chunks(alerts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (alerts[start : start + _ASK_AT_ONCE] for start in range(0, len(alerts), _ASK_AT_ONCE))


_KINDS = {kind.value: kind for kind in StepKind}
_decode = msgspec.json.Decoder(Detail).decode


def _step(row: Any) -> Step:
    """By the order of the table's columns."""
    id, alert, site, zone, hazard, type, step, event_us, recorded_us, by, role, body = row
    return Step(
        id=id,
        alert=alert,
        site=site,
        zone=zone,
        hazard=hazard,
        type=type,
        kind=_KINDS[step],
        event_us=event_us,
        recorded_us=recorded_us,
        by=by,
        role=role,
        detail=_decode(body),
    )
