"""How big the outbox must be to carry an agent through an outage."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.sampler import TICK_S

READING_BYTES = 95
"""JSON of one reading in a pack: 55 bytes for short names, and room for long placements, times and quality."""
PACK_BYTES = 150
"""Base fields of a pack and its row in SQLite, page overhead included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an outage of `hours` leaves behind."""

    hours: float
    channels: int
    readings: int
    packs: int

    @property
    def megabytes(self) -> float:
        return (self.readings * READING_BYTES + self.packs * PACK_BYTES) * 1.1 / 1_000_000


def need(hours: float, rates_hz: list[tuple[int, float]]) -> Need:
    """`rates_hz`: channels and readings a second of each sensor. Sensors that report together share packs; the bound is every frame a pack of its own, or every tick.

    >>> need(1.0, [(3, 1.0)]).readings
    10800
    """
    seconds = hours * 3600
    readings = sum(channels * rate for channels, rate in rates_hz) * seconds
    packs = min(sum(rate for _, rate in rates_hz), 1 / TICK_S) * seconds
    return Need(hours=hours, channels=sum(channels for channels, _ in rates_hz), readings=round(readings), packs=round(packs))
