"""Whether alerts of models were right, in the word of who looked; append-only, the latest word on an alert counts."""

from __future__ import annotations

from sqlalchemy import Engine, func, insert, select

from storage.records.sql import reading, writing
from storage.records.tables import alarm_feedback


class AlarmFeedbackRepository:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, *, alert: str, site: str, type: str, is_true: bool, by: str, role: str, at_us: int, text: str) -> None:
        values = {"alert": alert, "site": site, "type": type, "is_true": is_true, "by": by, "role": role, "at_us": at_us, "text": text}
        with writing(self._engine) as connection:
            connection.execute(insert(alarm_feedback).values(values))

    def counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(site, type) → (right, looked at)."""
        latest = select(func.max(alarm_feedback.c.id)).group_by(alarm_feedback.c.alert)
        found: dict[tuple[str, str], tuple[int, int]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(select(alarm_feedback.c.site, alarm_feedback.c.type, alarm_feedback.c.is_true).where(alarm_feedback.c.id.in_(latest))):
                right, looked_at = found.get((row.site, row.type), (0, 0))
                found[row.site, row.type] = (right + bool(row.is_true), looked_at + 1)
        return found
