"""A clock event re-times what its boot sent with a wrong clock (contract 3): copies at the right time, and then a mark without a value where each original was.

The copies are in the store before an original is marked, and the ledger says until then that marks are due: a crash at any moment loses no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

import msgspec

from domain.quality import Reason
from domain.reading import Reading, superseded
from domain.senml import PackRefused, Refusal, decode_pack
from ingest.minutebook import Reader
from ingest.patience import Patience
from ingest.work import BootKey, Retiming, Work
from storage.records.quarantine import QuarantineItem
from storage.records.unsynchronised import UnsynchronisedRepository, UnsynchronisedRow

_UNSYNCED = int(Reason.CLOCK_UNSYNCED)


class Unsynchronised:
    """Which spans of which channels each boot filled with a wrong clock. Used by one thread; a work may be given again after an exception."""

    def __init__(self, reader: Reader, repository: UnsynchronisedRepository, patience: Patience) -> None:
        self._reader, self._repository, self._patience = reader, repository, patience
        self._boots: dict[BootKey, UnsynchronisedRow] = {}
        self._to_mark: set[BootKey] = set()

    def open(self, mine: Callable[[str], bool]) -> None:
        """Take up the marks that a stop or a crash left out, of agents that are `mine`."""
        for row in self._patience(self._repository.to_supersede):
            if not mine(row.agent):
                continue
            self._boots.setdefault((row.agent, row.boot), row)
            self._to_mark.add((row.agent, row.boot))

    def note(self, work: Work, horizon_us: int) -> None:
        """Remember what came with a wrong clock; where the offset is known already, the right time takes its place."""
        while work.unsynchronised:
            key, readings = work.unsynchronised[-1]
            row = self._row(key)
            offset_us = row.offset_us
            if offset_us is not None:
                right = {id(reading): shifted(reading, offset_us) for reading in readings if reading.time_us + offset_us <= horizon_us}
                work.readings = [right.get(id(reading), reading) for reading in work.readings]
                self._to_mark.add(key)  # a crash before the ledger may have left them in the store at the wrong time
            self._keep(key, replace(row, spans=_widened(row.spans, readings)), work)
            work.unsynchronised.pop()

    def retime(self, retiming: Retiming, work: Work, horizon_us: int) -> None:
        """Enter copies at the right time of what is stored of that boot. The first clock event of a boot counts: what came after it was synchronised."""
        key = (retiming.agent, retiming.boot)
        row = self._row(key)
        if row.offset_us is not None:
            return
        stored = self._stored(row)
        work.readings += [shifted(reading, retiming.offset_us) for reading in stored if reading.time_us + retiming.offset_us <= horizon_us]
        self._keep(key, replace(row, offset_us=retiming.offset_us), work)
        if row.spans:
            self._to_mark.add(key)

    def mark(self, work: Work) -> None:
        """Supersede the originals of copies that are in the store."""
        for key in list(self._to_mark):
            row = self._row(key)
            offset_us = row.offset_us or 0
            originals = self._stored(row)
            copies = self._reader.read(sorted(row.spans), *_around(row, offset_us)) if originals else {}
            known = {(reading.channel, reading.time_us - offset_us) for readings in copies.values() for reading in readings}
            work.superseded += [superseded(reading) for reading in originals if (reading.channel, reading.time_us) in known]
            self._keep(key, replace(row, spans={}), work)
            self._to_mark.discard(key)

    def _stored(self, row: UnsynchronisedRow) -> list[Reading]:
        """What stands at a wrong time in the store."""
        if not row.spans:
            return []
        found = self._reader.read(sorted(row.spans), *_around(row, 0))
        return [
            reading
            for channel, readings in found.items()
            for reading in readings
            if _UNSYNCED in reading.r and row.spans[channel][0] <= reading.time_us <= row.spans[channel][1] and reading != superseded(reading)
        ]

    def _row(self, key: BootKey) -> UnsynchronisedRow:
        row = self._boots.get(key)
        if row is None:
            row = self._patience(lambda: self._repository.get(*key)) or UnsynchronisedRow(agent=key[0], boot=key[1])
            self._boots[key] = row
        return row

    def _keep(self, key: BootKey, row: UnsynchronisedRow, work: Work) -> None:
        self._boots[key] = work.clocks[key] = row


def _widened(spans: dict[str, tuple[int, int]], readings: Iterable[Reading]) -> dict[str, tuple[int, int]]:
    wider = dict(spans)
    for reading in readings:
        first_us, last_us = wider.get(reading.channel, (reading.time_us, reading.time_us))
        wider[reading.channel] = min(first_us, reading.time_us), max(last_us, reading.time_us)
    return wider


def _around(row: UnsynchronisedRow, offset_us: int) -> tuple[int, int]:
    spans = row.spans.values()
    return min(first for first, _ in spans) + offset_us, max(last for _, last in spans) + offset_us + 1


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
