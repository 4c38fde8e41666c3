"""InfluxQL over HTTP `GET /query`, which InfluxDB 1.8, 2.x and 3.x answer alike: statements for many channels at once, and their answers as tuples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

CHANNELS_AT_ONCE = 100
MIN_US, MAX_US = -9_223_372_036_854_775, 9_223_372_036_854_775
"""InfluxDB keeps nanoseconds in 64 bits."""

ReadingRow = tuple[int, float | None, int | None, str | None]
MinuteRow = tuple[int, int, int | None, float, float | None, float | None, int | None, int | None, str | None]
StartRow = tuple[int, int | None]
CountRow = tuple[int, int]

READING = "SELECT v, q, r FROM reading"
MINUTE = "SELECT valid, rejected, total, low, high, saturated, below_detection, reasons FROM minute"

LAST_VALUE = "SELECT last(v) AS v, q, r FROM reading"
LAST_QUALITY = "SELECT v, last(q) AS q, r FROM reading"
LAST_MINUTE = "SELECT last(valid) FROM minute"
COUNT = "SELECT count(v) FROM reading"
ENDS = (
    "SELECT first(v) FROM reading",
    "SELECT first(q) FROM reading",
    "SELECT first(valid) FROM minute",
    "SELECT last(v) FROM reading",
    "SELECT last(q) FROM reading",
    "SELECT last(valid) FROM minute",
)


@dataclass(frozen=True, slots=True)
class _Series(Generic[T]):
    values: list[T]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Result(Generic[T]):
    series: list[_Series[T]] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the server says; `error` of the whole or of its one statement."""

    results: list[_Result[T]] = field(default_factory=list)
    error: str = ""

    def problem(self) -> str:
        return self.error or next((result.error for result in self.results if result.error), "")

    def rows(self) -> Iterator[tuple[str, list[T]]]:
        """(channel, its rows)."""
        for result in self.results:
            for series in result.series:
                yield series.tags.get("channel", ""), series.values


READING_ANSWER = msgspec.json.Decoder(Answer[ReadingRow])
MINUTE_ANSWER = msgspec.json.Decoder(Answer[MinuteRow])
START_ANSWER = msgspec.json.Decoder(Answer[StartRow])
NAMES_ANSWER = msgspec.json.Decoder(Answer[tuple[str, str]])
POLICIES_ANSWER = msgspec.json.Decoder(Answer[tuple[str, str, str, int, bool]])
END_ANSWER = msgspec.json.Decoder(Answer[tuple[int, float]])
COUNT_ANSWER = msgspec.json.Decoder(Answer[CountRow])


def parts(channels: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many channels as fit one statement, each once."""
    names = list(dict.fromkeys(channels))
    for start in range(0, len(names), CHANNELS_AT_ONCE):
        yield names[start : start + CHANNELS_AT_ONCE]


def where_channel(channels: Sequence[str]) -> str:
    if len(channels) == 1:
        return f"channel = '{_quoted(channels[0])}'"
    names = "|".join(re.escape(channel).replace("/", r"\/") for channel in channels)
    return f"channel =~ /^({names})$/"


def where(channels: Sequence[str], start_us: int = MIN_US, stop_us: int = MAX_US) -> str:
    """The half-open span of these channels."""
    return f"WHERE {where_channel(channels)} AND time >= {max(start_us, MIN_US)}u AND time < {min(stop_us, MAX_US)}u"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
