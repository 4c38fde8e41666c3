"""Readings and minutes from one store to another: a day of a channel at a time, verified by counts and checksums; what is there already and the same is not written again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from domain.errors import Refused
from domain.reading import Minute, Reading
from domain.times import DAY_US
from storage.timeseries.port import Batch, Fidelity, TimeSeries

DAYS_BACK_MAX = 40_000


@dataclass(slots=True)
class Copied:
    """What a run did and found; `wrong` names the days of channels that differ after all."""

    channels: int = 0
    days: int = 0
    readings: int = 0
    minutes: int = 0
    same: int = 0  # days that the target had already
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    checksum: str = ""  # over all that the target holds of it


def copy(source: TimeSeries, target: TimeSeries, *, told: Callable[[str, int, int], None] = lambda channel, done, of: None, verify_only: bool = False) -> Copied:
    """Safe to stop at any moment and to run again, also while the source is written."""
    if source.fidelity.lacks() and not target.fidelity.lacks():
        raise Refused(f"{source.fidelity.name} {'; '.join(source.fidelity.lacks())}: what it gives is no evidence, and would look like it")
    channels, copied, digest = source.channels(), Copied(), hashlib.sha256()
    for number, channel in enumerate(channels):
        told(channel, number, len(channels))
        copied.channels += 1
        for start_us in _days(source, channel):
            copied.days += 1
            digest.update(_day(source, target, channel, start_us, copied, verify_only=verify_only))
    copied.checksum = digest.hexdigest()
    return copied


def _days(source: TimeSeries, channel: str) -> Iterator[int]:
    span = source.span([channel]).get(channel)
    if span is None:
        return
    first, last = span[0] // DAY_US, (span[1] - 1) // DAY_US
    if last - first > DAYS_BACK_MAX:
        raise Refused(f"{channel} spans {last - first} days: one of its times is wrong")
    yield from range(first * DAY_US, (last + 1) * DAY_US, DAY_US)


def _day(source: TimeSeries, target: TimeSeries, channel: str, start_us: int, copied: Copied, *, verify_only: bool) -> bytes:
    """Writes what is missing or other, reads it back, and returns the checksum of what stands in the target."""
    fidelity = target.fidelity
    readings, minutes = _read(source, channel, start_us)
    wanted = checksum(readings, minutes, fidelity)
    found = checksum(*_read(target, channel, start_us), fidelity)
    if found == wanted:
        copied.same += 1
    elif not verify_only:
        refused = target.write(Batch(rewritten=readings, minutes=minutes))
        copied.refused += len(refused)
        copied.readings += len(readings) - len(refused)
        copied.minutes += len(minutes)
        found = checksum(*_read(target, channel, start_us), fidelity)
    if found != wanted:
        copied.wrong.append(f"{channel} {start_us}")
    return found


def _read(store: TimeSeries, channel: str, start_us: int) -> tuple[list[Reading], list[Minute]]:
    stop_us = start_us + DAY_US
    return store.read([channel], start_us, stop_us).get(channel, []), store.read_minutes([channel], start_us, stop_us).get(channel, [])


def checksum(readings: list[Reading], minutes: list[Minute], fidelity: Fidelity) -> bytes:
    """Over what a store of this fidelity can hold of them; count, times, values, qualities and reasons."""
    digest = hashlib.sha256(f"{len(readings)} {len(minutes)}".encode())
    for reading in readings:
        value = None if reading.value is None else _number(reading.value, fidelity)
        digest.update(f"\n{reading.time_us // fidelity.step_us} {value} {reading.q} {reading.r if fidelity.keeps_reasons else ()}".encode())
    for minute in minutes:
        values = [None if value is None else _number(value, fidelity) for value in (minute.total, minute.low, minute.high)]
        reasons = minute.reasons if fidelity.keeps_reasons else ()
        digest.update(f"\n{minute.start_us} {minute.valid} {minute.rejected} {values} {minute.saturated} {minute.below_detection} {reasons}".encode())
    return digest.digest()


def _number(value: float, fidelity: Fidelity) -> str:
    return repr(value) if fidelity.exact else f"{value:.9g}"
