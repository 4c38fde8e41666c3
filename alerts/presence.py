"""Whether a device still speaks: one rule for alerts and for what people are shown."""

from __future__ import annotations

from domain.clock import Clock, patience_us
from domain.times import SECOND_US
from storage.records.agents import AgentRow

SILENT_AGENT_US = 120 * SECOND_US
"""Two keep-alive periods of 60 s: an agent that lives speaks at least each 30 s (its health)."""
UNHEARD_US = 45 * SECOND_US
"""One and a half health intervals: not offline yet, but its channels' silence is laid to it."""


def is_offline(row: AgentRow, now_us: int, clock: Clock) -> bool:
    """By its last will, or by its silence."""
    return row.state == "offline" or now_us - row.last_seen_us > patience_us(clock, SILENT_AGENT_US)


def is_unheard(row: AgentRow, now_us: int, clock: Clock) -> bool:
    return now_us - row.last_seen_us > patience_us(clock, UNHEARD_US)


def state_of(row: AgentRow, now_us: int, clock: Clock) -> tuple[str, int]:
    """What a device counts as now, and since when: its own last word, unless it has gone silent since."""
    if row.state != "offline" and is_offline(row, now_us, clock):
        return "offline", row.last_seen_us
    return row.state, row.state_since_us
