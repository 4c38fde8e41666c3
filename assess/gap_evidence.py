"""What the stores know of samples that are not there: what was said of them, and how high their channels ever went."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Engine

from assess.gather import RecordHigh
from assess.outcome import DeclaredGap
from assess.plan import Span
from domain.times import DAY_US, HOUR_US
from storage.records.gaps import GapsRepository
from storage.timeseries.port import TimeSeries

RECORD_BACK_US = 30 * DAY_US
"""How far back the highest minute on record is looked for."""
_MOST_RECORDS = 10_000


class GapEvidence:
    """Asked only where a result has gaps."""

    def __init__(self, timeseries: TimeSeries, engine: Engine) -> None:
        self._timeseries, self._gaps = timeseries, GapsRepository(engine)
        self._records: dict[tuple[str, int], float | None] = {}

    def record_high(self, before_us: int) -> RecordHigh:
        """For the highest valid minute of a channel in the weeks before the hour of this instant."""
        hour_us = before_us - before_us % HOUR_US
        return lambda channel: self._record_high(channel, hour_us)

    def _record_high(self, channel: str, before_us: int) -> float | None:
        key = (channel, before_us)
        if key not in self._records:
            if len(self._records) > _MOST_RECORDS:
                self._records.clear()
            minutes = self._timeseries.read_minutes([channel], before_us - RECORD_BACK_US, before_us).get(channel, [])
            self._records[key] = max((minute.high for minute in minutes if minute.high is not None), default=None)
        return self._records[key]

    def declared(self, span: Span) -> Sequence[DeclaredGap]:
        """What its agents and the centre said of samples that are not there."""
        return self._declared_by(_agents(span), span.start_us, span.stop_us)

    def declared_of_some(self) -> Callable[[Span], Sequence[DeclaredGap]]:
        """As `declared`, for zones that ask one after the other for the same minutes: the first to ask asks for all agents."""
        found: dict[tuple[int, int], list[DeclaredGap]] = {}

        def declared(span: Span) -> Sequence[DeclaredGap]:
            minutes, agents = (span.start_us, span.stop_us), _agents(span)
            if minutes not in found:
                found[minutes] = self._declared_by(None, *minutes)
            return [gap for gap in found[minutes] if gap.agent in agents]

        return declared

    def _declared_by(self, agents: Collection[str] | None, start_us: int, stop_us: int) -> list[DeclaredGap]:
        """None: by all agents."""
        found = self._gaps.between(agents, start_us, stop_us)
        return [DeclaredGap(agent=gap.agent, start_us=gap.start_us, stop_us=gap.stop_us, cause=gap.cause) for gap in found if not gap.sensor]


def _agents(span: Span) -> set[str]:
    return {channel.agent for channel in span.channels.values()}
