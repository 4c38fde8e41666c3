"""Why minutes are missing: what the agent or the centre declared, or that records came without a usable value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np

from assess import texts
from assess.gather import Measured
from assess.outcome import ZoneShift
from domain.times import MINUTE_US, to_datetime
from models.arrays import Mask

SENTENCES: Mapping[str, str] = {
    "power": texts.GAP_POWER,
    "network": texts.GAP_NETWORK,
    "broker": texts.GAP_BROKER,
    "sensor": texts.GAP_SENSOR,
    "clock": texts.GAP_CLOCK,
    "outbox_full": texts.GAP_OUTBOX,
    "centre": texts.GAP_CENTRE,
    "unknown": texts.GAP_UNKNOWN,
}


def longest_gap(counted: Mask, valid: Mask) -> tuple[int, int, int]:
    """First minute, stop and length of the longest run of missing minutes of exposure; a break does not part it."""
    positions = np.flatnonzero(counted)
    edges = np.flatnonzero(np.diff(np.concatenate(([1], valid[counted].astype(np.int8), [1]))))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0, 0
    index = int(np.argmax(stops - starts))
    return int(positions[starts[index]]), int(positions[stops[index] - 1]) + 1, int(stops[index] - starts[index])


def gap_reasons(work: ZoneShift, used: Sequence[Measured], valid: Mask) -> list[str]:
    """A sentence on the longest gap; none where nothing is missing."""
    return work.once(("gap", *map(id, used), valid.tobytes()), lambda: _gap_reasons(work, used, valid))


def longest_of(work: ZoneShift, valid: Mask) -> tuple[int, int, int]:
    """`longest_gap` of the zone's minutes, looked for once."""
    return work.once(("longest", valid.tobytes()), lambda: longest_gap(work.span.counted, valid))


def _gap_reasons(work: ZoneShift, used: Sequence[Measured], valid: Mask) -> list[str]:
    first, stop, minutes = longest_of(work, valid)
    if not minutes or not used:
        return []
    start_us = work.span.start_us + first * MINUTE_US
    sentence = SENTENCES[_cause(work, used, first, stop)]
    return [sentence.format(minutes=minutes, start=to_datetime(start_us).astimezone(ZoneInfo(work.span.site.timezone)).strftime("%H:%M"))]


def _cause(work: ZoneShift, used: Sequence[Measured], first: int, stop: int) -> str:
    """The declared cause that covers most of it; else the sensor's where records came in most of it."""
    start_us, stop_us = (work.span.start_us + minute * MINUTE_US for minute in (first, stop))
    agents = {channel.agent for one in used for channel in one.channels}
    shares: dict[str, int] = defaultdict(int)
    for gap in work.gaps:
        if gap.agent in agents:
            shares[gap.cause] += max(0, min(gap.stop_us, stop_us) - max(gap.start_us, start_us))
    declared = max(shares, key=shares.__getitem__, default="unknown")
    if shares.get(declared, 0) * 2 > stop_us - start_us:
        return declared if declared in SENTENCES else "unknown"
    empty = [_refused(work, one, slice(first, stop)) for one in used]
    return "sensor" if 2 * int(np.logical_or.reduce(empty).sum()) > stop - first else "unknown"


def _refused(work: ZoneShift, one: Measured, minutes: slice) -> Mask:
    """Minutes that are missing although records came."""
    came = [work.series[channel.id].refused[minutes] for channel in one.channels if channel.id in work.series]
    return np.asarray(np.logical_or.reduce(came) & ~one.valid[minutes]) if came else np.zeros(minutes.stop - minutes.start, dtype=bool)
