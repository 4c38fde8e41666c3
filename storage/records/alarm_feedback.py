"""Whether alerts of models were right, in the word of who looked; append-only, the latest word of each side on an alert counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select

from storage.records.sql import reading, writing
from storage.records.tables import alarm_feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One word on one alert of a model."""

    alert: str
    site: str
    type: str
    is_true: bool
    by: str
    role: str
    at_us: int
    text: str
    is_over: bool = False  # a limit was exceeded there when it was said
    is_checked: bool = False  # against a reference instrument, in the field


class AlarmFeedbackRepository:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, judgement: Judgement) -> None:
        values = {name: getattr(judgement, name) for name in judgement.__slots__}
        with writing(self._engine) as connection:
            connection.execute(insert(alarm_feedback).values(values))

    def all(self, alert: str | None = None) -> list[Judgement]:
        """In the order in which they were said."""
        wanted = select(alarm_feedback).order_by(alarm_feedback.c.id)
        wanted = wanted.where(alarm_feedback.c.alert == alert) if alert is not None else wanted
        with reading(self._engine) as connection:
            rows = [row._asdict() for row in connection.execute(wanted)]
        return [Judgement(**{name: value for name, value in row.items() if name != "id"}) for row in rows]
