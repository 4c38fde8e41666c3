"""Room in the outbox. What everybody has goes first; then the newest raw packs are thinned to minutes; the oldest packs go last, events never."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence

from domain.ids import channel_parts
from domain.messages import GapCause
from domain.reading import Reading
from domain.senml import PackRefused, decode_pack
from domain.times import SECOND_US
from edge_agent.outbox_disk import DROP_SHARE, OutboxDisk
from edge_agent.outbox_file import SEQ_BITS, SEQ_MASK, Damaged, Kind, Row, Unavailable
from edge_agent.outbox_memory import PACK_READINGS, Victim
from edge_agent.ranges import Ranges
from edge_agent.thinning import thinned

log = logging.getLogger(__name__)

TRIM_ROWS = 2_000
TOO_YOUNG_US = 120 * SECOND_US
"""Packs of the minute that is being measured, and of the one before, are on their way or will be soon: they stay raw."""
WORTH_IT = 0.75
"""Thinning that leaves more than this share of the bytes is none: a channel of one sample a minute has nothing to thin."""
ROW_BYTES = 64
"""What a row takes beside its body."""
PACKS, ALL = (Kind.PACK, Kind.MINUTES), (Kind.PACK, Kind.MINUTES, Kind.EVENT)


class OutboxSpace(OutboxDisk):
    """`trim` is called every few seconds."""

    def trim(self) -> None:
        """Let acknowledged rows go that are older than `keep_hours`; over the cap more, in the order that the head of this module tells."""
        with self._lock:
            if not self._file.is_open:
                return
            try:
                self._trim_old()
                self._trim_to_cap()
                self._forget_empty_boots()
            except Unavailable as error:
                self._failed(str(error))
            except Damaged as error:
                self._replace(str(error))
                self.commit()

    def _trim_old(self) -> None:
        before_us = self._clock.now_us() - self._keep_us
        settled = self._existing.minus(self._existing.minus(self._acked_by_all()))
        old: list[int] = []
        for low, high in settled:
            outlines = self._file.outlines(low, high, TRIM_ROWS)
            young = [outline[0] for outline in outlines if outline[2] >= before_us]
            old += [outline[0] for outline in outlines if outline[2] < before_us]
            if young or len(old) >= TRIM_ROWS:
                break
        self._let_go(old)
        self.commit()

    def _trim_to_cap(self) -> None:
        for _ in range(DROP_SHARE):
            excess = self._file.used_bytes() - self._max_bytes
            if excess <= 0 or not self._make_room(excess + self._max_bytes // DROP_SHARE) or not self.commit():
                return

    def _make_room(self, target_bytes: int) -> bool:
        """Take the next step of the policy; False when nothing is left that may go."""
        settled, home = self._acked_by_all(), self._acked[self._destinations[0]]
        if victims := self._oldest(self._here(settled), target_bytes, ALL):
            self._let_go([victim[0] for victim in victims])
            return True
        if victims := self._oldest(self._here(home.minus(settled)), target_bytes, PACKS):
            self._drop(victims)
            return True
        lacking = self._existing.minus(home)
        if self._thin(lacking, target_bytes):
            return True
        if victims := self._oldest(lacking, target_bytes, PACKS):
            self._drop(victims)
            return True
        return False

    def _here(self, ids: Ranges) -> Ranges:
        return self._existing.minus(self._existing.minus(ids))

    def _drop(self, victims: Sequence[Victim]) -> None:
        self._let_go([victim[0] for victim in victims])
        self._declare_dropped(victims)

    # --- thinning ---

    def _thin(self, lacking: Ranges, target_bytes: int) -> bool:
        """Replace the newest raw packs by packs of minutes, under new numbers of the same run: a pack that was published is never changed."""
        while rows := self._newest_raw(lacking.minus(self._kept_raw), target_bytes):
            readings = {row.id: found for row in rows if (found := _readings(row)) is not None}
            victims = [row for row in rows if row.id in readings]
            minutes = [(number, sync, thinned(reading for row in of for reading in readings[row.id])) for (number, sync), of in _by_run(victims)]
            if victims and sum(len(part) for _, _, part in minutes) <= WORTH_IT * sum(len(readings[row.id]) for row in victims):
                self._let_go([row.id for row in victims])
                for number, sync, part in minutes:
                    for start in range(0, len(part), PACK_READINGS):
                        self._append_pack(number, part[start : start + PACK_READINGS], sync, Kind.MINUTES)
                self._declare_thinned([(row.id, row.first_us, row.last_us) for row in victims])
                return True
            for row in rows:
                self._kept_raw.add(row.id, row.id)
        return False

    def _newest_raw(self, candidates: Ranges, target_bytes: int) -> list[Row]:
        """The newest raw packs that take up about `target_bytes`, without those that are about to go out, oldest first."""
        before_us, chosen, size = self._clock.now_us() - TOO_YOUNG_US, list[Row](), 0
        for low, high in reversed(list(candidates)):
            for row in self._file.newest_packs(low, high, TRIM_ROWS, before_us):
                chosen.append(row)
                size += len(row.body) + ROW_BYTES
                if size >= target_bytes or len(chosen) >= TRIM_ROWS:
                    return chosen[::-1]
        return chosen[::-1]

    def _declare_thinned(self, victims: Sequence[Victim]) -> None:
        self._declare_lost(victims, GapCause.OUTBOX_FULL, "the outbox was over its cap: these packs were thinned to minutes")
        self.thinned_rows += len(victims)
        log.error("the outbox is over its cap of %d MB: the newest %d raw packs were thinned to minutes", self._max_bytes // 1_000_000, len(victims))

    # --- what is left ---

    def _forget_empty_boots(self) -> None:
        """Runs of which nothing is left leave no trace; otherwise a year of restarts would be read at every start."""
        empty = [number for number in self._boots if number != self._current and not self._existing.within(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK)]
        if not empty or not self.commit():
            return
        with self._file.transaction() as db:
            for number in empty:
                self._file.delete_boot(db, number)
        for number in empty:
            del self._boots[number], self._next[number]
            for acked in self._acked.values():
                acked.remove(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK)

    def _oldest(self, candidates: Ranges, target_bytes: int, kinds: Collection[Kind]) -> list[Victim]:
        """The oldest rows of these kinds that free about `target_bytes`."""
        chosen: list[Victim] = []
        size = 0
        for low, high in candidates:
            for row in self._file.rows(low, high, TRIM_ROWS):
                if row.kind not in kinds:
                    continue
                chosen.append((row.id, row.first_us, row.last_us))
                size += len(row.body) + ROW_BYTES
                if size >= target_bytes:
                    return chosen
            if len(chosen) >= TRIM_ROWS:
                return chosen
        return chosen


def _readings(row: Row) -> list[Reading] | None:
    """What a pack of ours holds; None where the centre would refuse a part of it, which is not ours to average."""
    agent = row.body.partition(b'"bn":"')[2].partition(b'/"')[0].decode(errors="replace")
    try:
        pack = decode_pack(row.body, agent)
    except PackRefused:
        return None
    whole = not pack.refused and all(channel_parts(reading.channel)[0] == agent for reading in pack.readings)
    return pack.readings if whole else None


def _by_run(rows: Sequence[Row]) -> Iterator[tuple[tuple[int, bool], list[Row]]]:
    """Rows of one run and one state of its clock."""
    runs: dict[tuple[int, bool], list[Row]] = {}
    for row in rows:
        runs.setdefault((row.boot_no, row.sync), []).append(row)
    yield from runs.items()
