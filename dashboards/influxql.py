"""InfluxQL over what the time-series store keeps: measurement `minute` (sums by channel and quantity) and `reading` (records as they came).

InfluxQL, not Flux: it is understood by InfluxDB 1.8, 2 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CHOSEN_CHANNELS = r'"channel" =~ /^${agent:regex}\..*$/'
CHOSEN_QUANTITIES = '"quantity" =~ /^${quantity:regex}$/'
BY_CHANNEL = 'GROUP BY time($__interval), "channel" fill(null)'
MEASURED = '"valid" > 0'
"""InfluxQL takes x / 0 for 0: without this a minute in which nothing counts would be drawn as a measured zero."""


def arithmetic_mean(quantities: Iterable[str]) -> str:
    """Mean of all samples that count, by channel: sums of minutes, so that a minute of two samples does not weigh as much as one of sixty."""
    return _by_channel('sum("total") / sum("valid")', _one_of(quantities))


def arithmetic_mean_of_chemicals() -> str:
    """The same of every `concentration:{CAS}`."""
    return _by_channel('sum("total") / sum("valid")', "concentration:.*")


def energy_mean(quantities: Iterable[str]) -> str:
    """Level of the mean energy, in dB. Decibels are never averaged: `total` of such a channel is the sum of 10^(L/10)."""
    return _by_channel('10 * (log10(sum("total")) - log10(sum("valid")))', _one_of(quantities))


def greatest(quantities: Iterable[str]) -> str:
    """The greatest sample that counts."""
    return _by_channel('max("high")', _one_of(quantities))


def sample_counts(field: str) -> str:
    """How many samples of the chosen channels came, of one kind; a time in which none came is 0, not a gap."""
    return _select(f'sum("{field}")', "minute", (CHOSEN_CHANNELS, CHOSEN_QUANTITIES, "$timeFilter"), "GROUP BY time($__interval) fill(0)")


def last_heard(days: int) -> str:
    """The latest minute of each channel, whatever time is looked at: a silent channel must not drop out of sight."""
    return _select('last("valid") AS "counted", "rejected"', "minute", (CHOSEN_CHANNELS, CHOSEN_QUANTITIES, f"time > now() - {days}d"), 'GROUP BY "channel"')


def records(limit: int) -> str:
    """The latest records as they came, with quality and reasons."""
    return _select('"channel", "v", "q", "r"', "reading", (CHOSEN_CHANNELS, CHOSEN_QUANTITIES, "$timeFilter"), f"ORDER BY time DESC LIMIT {limit}")


def tag_values(tag: str, where: str = "") -> str:
    return f'SHOW TAG VALUES FROM "minute" WITH KEY = "{tag}"' + (f" WHERE {where}" if where else "")


def _by_channel(expression: str, quantity_pattern: str) -> str:
    return _select(expression, "minute", (f'"quantity" =~ /^({quantity_pattern})$/', CHOSEN_CHANNELS, MEASURED, "$timeFilter"), BY_CHANNEL)


def _select(fields: str, measurement: str, conditions: Iterable[str], tail: str) -> str:
    return " ".join(("SELECT", fields, "FROM", f'"{measurement}"', "WHERE", " AND ".join(conditions), tail))


def _one_of(quantities: Iterable[str]) -> str:
    return "|".join(re.escape(quantity) for quantity in quantities)
