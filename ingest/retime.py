"""A clock event re-times what its boot sent with a wrong clock (contract 3): copies at the right time, and then a mark without a value where each original was.

The copies are in the store before an original is marked, and the ledger says until then that marks are due: a crash at any moment loses no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import msgspec

from domain.quality import Reason
from domain.reading import Reading, superseded
from domain.senml import PackRefused, Refusal, decode_pack
from ingest.intake import Intake
from ingest.minutebook import Reader
from ingest.patience import Patience
from ingest.work import BootKey, Retiming, Work
from storage.records.ledger import QuarantineRow
from storage.records.quarantine import QuarantineItem, QuarantineRepository
from storage.records.unsynchronised import ClockEventRow, UnsynchronisedRepository, UnsynchronisedRow

_UNSYNCED = int(Reason.CLOCK_UNSYNCED)
_REMEMBERED_MAX = 1_000
"""Boots."""


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


class AheadOfTime:
    """What was kept out because its time lay in the future, and comes in once a clock event brings it back: from quarantine, from commits on their way to it, and late. Used by one thread."""

    def __init__(self, repository: QuarantineRepository, clocks: UnsynchronisedRepository, intake: Intake, patience: Patience) -> None:
        self._repository, self._clocks, self._intake, self._patience = repository, clocks, intake, patience
        self._on_their_way: dict[BootKey, set[int]] = {}
        self._events: dict[BootKey, list[ClockEventRow]] = {}
        self._asked: set[BootKey] = set()

    def open(self) -> None:
        """Look again at what is on record: another worker may have had the agents meanwhile."""
        self._asked.clear()

    def retime(self, retiming: Retiming, work: Work, horizon_us: int) -> None:
        """Enter into `work` what quarantine holds of that boot; commits on their way to it are waited for."""
        agent, boot = key = (retiming.agent, retiming.boot)
        for seq in self._on_their_way.pop(key, ()):
            self._patience.until(partial(self._intake.on_record, agent, boot, seq))
        for item in self._held(agent):
            if item.boot == boot and item.seq < retiming.seq and (readings := self._right(item.payload, agent, retiming.offset_us, horizon_us)):
                work.readings += readings
                work.accepted.append((item.id, self._intake.directory.site(agent)))
        event = ClockEventRow(agent=agent, boot=boot, seq=retiming.seq, offset_us=retiming.offset_us)
        self._events[key] = sorted({*self._of(key), event}, key=lambda each: each.seq)
        work.clock_events.append(event)

    def note(self, work: Work, horizon_us: int) -> None:
        """What is kept out of this commit: brought back where an event that comes after it is known, remembered otherwise."""
        kept = []
        for row in work.quarantine:
            if row.refusal == Refusal.FUTURE_TIME and not row.whole:
                event = self._after(row)
                if event is not None and (readings := self._right(row.payload, row.agent, event.offset_us, horizon_us)):
                    work.readings += readings
                    continue
                self._is_on_its_way((row.agent, row.boot), row.seq)
            kept.append(row)
        work.quarantine = kept
        if len(self._on_their_way) > _REMEMBERED_MAX:
            self._on_their_way.pop(next(iter(self._on_their_way)))

    def again(self, work: Work, horizon_us: int) -> None:
        """What a person had tried again: at its right time where that is known, else at its own once that has come."""
        while work.ahead_again:
            item = work.ahead_again[-1]
            event = self._after(item)
            if readings := self._right(item.payload, item.agent, event.offset_us if event else 0, horizon_us):
                work.readings += readings
                work.accepted.append((item.id, self._intake.directory.site(item.agent)))
                if event is None and any(_UNSYNCED in reading.r for reading in readings):
                    work.unsynchronised.append(((item.agent, item.boot), readings))
            work.ahead_again.pop()

    def _is_on_its_way(self, key: BootKey, seq: int) -> None:
        """Until it is on record, where `retime` finds it in quarantine: a clock that nobody mends must not fill the memory."""
        before = self._on_their_way.get(key, set())
        self._on_their_way[key] = {one for one in before if not self._intake.on_record(*key, one)} | {seq}

    def _after(self, kept: QuarantineRow | QuarantineItem) -> ClockEventRow | None:
        """The first event that came after it."""
        return next((event for event in self._of((kept.agent, kept.boot)) if kept.seq < event.seq), None)

    def _of(self, key: BootKey) -> list[ClockEventRow]:
        """What is on record, and what is on its way there."""
        if key not in self._asked:
            on_record = self._patience(partial(self._clocks.events, *key))
            self._events[key] = sorted({*self._events.get(key, ()), *on_record}, key=lambda each: each.seq)
            self._asked.add(key)
            if len(self._events) > _REMEMBERED_MAX:
                oldest = next(iter(self._events))
                self._events.pop(oldest)
                self._asked.discard(oldest)
        return self._events[key]

    def _held(self, agent: str) -> Iterator[QuarantineItem]:
        """An hour of a busy device is more than one portion."""
        after_id = 0
        while portion := self._patience(partial(self._repository.held, [Refusal.FUTURE_TIME.value], agent=agent, after_id=after_id)):
            yield from portion
            after_id = portion[-1].id

    def _right(self, payload: bytes, agent: str, offset_us: int, horizon_us: int) -> list[Reading]:
        """At the right time; none when the offset does not make all of it acceptable."""
        try:
            pack = decode_pack(payload, agent)
        except PackRefused:
            return []
        readings = [shifted(reading, offset_us) for reading in pack.readings] if offset_us else list(pack.readings)
        channels = self._intake.directory.channels
        return readings if not pack.refused and all(reading.channel in channels and reading.time_us <= horizon_us for reading in readings) else []


def shifted(reading: Reading, offset_us: int) -> Reading:
    return msgspec.structs.replace(reading, time_us=reading.time_us + offset_us, r=tuple(code for code in reading.r if code != _UNSYNCED))
