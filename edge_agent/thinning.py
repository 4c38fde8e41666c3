"""Raw readings thinned to one a minute, for an outbox without room. Pure; what alarms is never averaged away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from domain.ids import channel_parts
from domain.quality import COUNTS_FROM, Quality, Reason
from domain.quantities import Averaging, quantity_of
from domain.reading import Reading
from domain.times import minute_of

DECIMALS = 4


def thinned(readings: Iterable[Reading]) -> list[Reading]:
    """By channel and minute: the mean of its quantity's own kind at the time of the last sample, q 3 so that a raw sample that arrives after all outranks it.

    Saturated values stay as they are. A minute without a value keeps its last record.
    """
    minutes: dict[tuple[int, str], list[Reading]] = {}
    kept: list[Reading] = []
    for reading in readings:
        if Reason.SATURATED in reading.r:
            kept.append(reading)
        else:
            minutes.setdefault((minute_of(reading.time_us), reading.channel), []).append(reading)
    kept += [_one(group) for group in minutes.values()]
    return sorted(kept, key=lambda reading: (reading.time_us, reading.channel))


def _one(group: Sequence[Reading]) -> Reading:
    ordered = sorted(group, key=lambda reading: reading.time_us)
    good = [reading for reading in ordered if reading.value is not None and reading.q >= COUNTS_FROM]
    if len(good) < 2:
        return (good or ordered)[-1]
    reasons = {code for reading in good for code in reading.r} | {int(Reason.BACKFILLED)}
    value = _mean([reading.value for reading in good if reading.value is not None], _averaging(good[0].channel))
    return Reading(good[-1].channel, good[-1].time_us, round(value, DECIMALS), int(Quality.SUSPICIOUS), tuple(sorted(reasons)))


def _averaging(channel: str) -> Averaging:
    quantity = quantity_of(channel_parts(channel)[2])
    return quantity.averaging if quantity else Averaging.ARITHMETIC


def _mean(values: Sequence[float], averaging: Averaging) -> float:
    if averaging is Averaging.MAXIMUM:
        return max(values)
    if averaging is Averaging.ENERGY:
        return 10.0 * math.log10(math.fsum(10.0 ** (value / 10.0) for value in values) / len(values))
    return math.fsum(values) / len(values)
