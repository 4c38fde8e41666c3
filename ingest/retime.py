"""A clock event re-times what its boot sent with a wrong clock (contract 3): copies at the right time; the originals stay, in no window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from domain.quality import Reason
from domain.reading import Reading
from domain.senml import PackRefused, Refusal, decode_pack
from ingest.minutebook import Reader
from ingest.work import BootKey, Retiming, Work
from storage.records.quarantine import QuarantineItem

_UNSYNCED = int(Reason.CLOCK_UNSYNCED)


class Unsynchronised:
    """Which spans of which channels each boot filled with a wrong clock, since this process runs. Used by the committer's thread."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._spans: dict[BootKey, dict[str, tuple[int, int]]] = {}

    def note(self, groups: Iterable[tuple[BootKey, Sequence[Reading]]]) -> None:
        for key, readings in groups:
            spans = self._spans.setdefault(key, {})
            for reading in readings:
                first_us, last_us = spans.get(reading.channel, (reading.time_us, reading.time_us))
                spans[reading.channel] = min(first_us, reading.time_us), max(last_us, reading.time_us)

    def retimed(self, retiming: Retiming, waiting: Sequence[Reading]) -> list[Reading]:
        """Copies of that boot's unsynchronised readings, stored or `waiting` to be, at the right time."""
        spans = self._spans.pop((retiming.agent, retiming.boot), {})
        if not spans:
            return []
        start_us, stop_us = min(first for first, _ in spans.values()), max(last for _, last in spans.values()) + 1
        stored = self._reader.read(sorted(spans), start_us, stop_us)
        found = [*(reading for readings in stored.values() for reading in readings), *(reading for reading in waiting if reading.channel in spans)]
        return [shifted(reading, retiming.offset_us) for reading in found if _UNSYNCED in reading.r and spans[reading.channel][0] <= reading.time_us <= spans[reading.channel][1]]


def retime_quarantined(items: Iterable[QuarantineItem], retiming: Retiming, channels: Collection[str], site: str, horizon_us: int, work: Work) -> None:
    """Enter into `work` what was kept out because its time lay in the future, where the offset brings it back."""
    for item in items:
        if item.boot != retiming.boot or item.refusal != Refusal.FUTURE_TIME or item.whole:
            continue
        try:
            readings = [shifted(reading, retiming.offset_us) for reading in decode_pack(item.payload, item.agent).readings]
        except PackRefused:
            continue
        if readings and all(reading.channel in channels and reading.time_us <= horizon_us for reading in readings):
            work.readings += readings
            work.accepted.append((item.id, site))


def shifted(reading: Reading, offset_us: int) -> Reading:
    return msgspec.structs.replace(reading, time_us=reading.time_us + offset_us, r=tuple(code for code in reading.r if code != _UNSYNCED))
