"""An outbox and its file: what waits in memory is written all at once or not at all, and a file that fails costs no service (decision 18)."""

from __future__ import annotations

import logging

from domain.messages import GapCause
from domain.times import SECOND_US, to_rfc3339
from edge_agent.outbox_file import SEQ_BITS, SEQ_MASK, BootRecord, Damaged, Kind, Row, Unavailable
from edge_agent.outbox_memory import OutboxMemory, Victim
from edge_agent.ranges import Ranges
from edge_agent.salvage import salvage

log = logging.getLogger(__name__)

MEMORY_BYTES = 16 * 1024 * 1024
"""What may wait in memory while the disk does not take it: hours of a usual agent, and the Pi still has room."""
REOPEN_AFTER_S = 5.0
DROP_SHARE = 50
"""Over the cap a fiftieth of it goes at once, so that one gap event stands for many rows."""


class OutboxDisk(OutboxMemory):
    """When the disk fails rows wait in memory, are sent from there, and are written as soon as it works again. `_open` comes first."""

    def commit(self, *, flush: bool = True) -> bool:
        """Write what waits in memory; False when the disk does not take it (it stays in memory)."""
        with self._lock:
            if (self._stale or not self._file.is_open) and not self._reopen():
                self._shed_memory()
                return False
            try:
                if self._buffer or self._dirty_boots or self._dirty_gone or self._dirty_acks or self._leaving:
                    self._write()
                    self._unflushed = True
                if flush and self._unflushed:
                    self._file.flush()
                    self._unflushed = False
            except Unavailable as error:
                self._failed(str(error))
                self._stale = error.stale
                self._shed_memory()
                return False
            except Damaged as error:
                return self._replace(str(error)) and self.commit()
            self._trouble = ""
            return True

    def _begin(self, *, after_stop: bool = True) -> int:
        if self._current is None:
            previous = self._last_row() if after_stop else None
            number = self._add_boot(BootRecord(self._free_number(), self._new_boot_id(), self._machine(), imported=False, clean=False))
            self._current = number
            self._opening_gap(number, previous)
        return self._current

    def _opening_gap(self, number: int, previous: Row | None) -> None:
        """From the last record of the run before until now nothing was measured; an imported run is followed at once by whoever imported it."""
        if previous is None or self._boots[previous.boot_no].imported:
            return
        before, now = self._boots[previous.boot_no], self._boots[number]
        if before.clean:
            cause, text = GapCause.UNKNOWN, "the agent was stopped and started again"
        elif before.machine and before.machine != now.machine:
            cause, text = GapCause.POWER, "the machine went off or was restarted"
        else:
            cause, text = GapCause.UNKNOWN, "the agent died and was started again"
        self._opening_from_s = previous.last_us / SECOND_US
        stop_s = max(self._clock.now_us() / SECOND_US, self._opening_from_s)
        self._append_event(number, {"type": "gap", "start": self._opening_from_s, "stop": stop_s, "cause": cause, "text": text})

    def _load(self, low_id: int, high_id: int, limit: int) -> list[Row]:
        try:
            rows = self._file.rows(low_id, high_id, limit) if self._file.is_open else []
        except Unavailable as error:
            self._failed(str(error))
            rows = []
        except Damaged as error:
            self._replace(str(error))
            self.commit()
            rows = self._file.rows(low_id, high_id, limit) if self._file.is_open else []
        if self._leaving:
            rows = [row for row in rows if row.id not in self._leaving]
        waiting = [row for row_id, row in self._buffer.items() if low_id <= row_id <= high_id]
        if waiting:
            rows = sorted({row.id: row for row in (*rows, *waiting)}.values(), key=lambda row: row.id)[:limit]
        return rows

    def _last_row(self) -> Row | None:
        if self._buffer:
            return self._buffer[max(self._buffer)]
        try:
            return self._file.last_row() if self._file.is_open else None
        except (Unavailable, Damaged):
            return None

    def _open(self) -> bool:
        try:
            self._file.open()
            self._load_state()
        except Unavailable as error:
            self._file.close()
            self._failed(str(error))
            return False
        except Damaged as error:
            return self._replace(str(error))
        return True

    def _reopen(self) -> bool:
        now = self._clock.monotonic_us() / SECOND_US
        if now - self._last_open < REOPEN_AFTER_S:
            return False
        self._last_open, self._stale = now, False
        self._file.close()
        return self._open()

    def _load_state(self) -> None:
        """Take over what the file knows; boots begun in memory while it could not be read get numbers after its own."""
        gone = self._file.gone()
        records = {record.no: record for record in self._file.boots()}
        if any(number in records and records[number].boot != record.boot for number, record in self._boots.items()):
            self._renumber(max(records))
        only_in_memory = self._boots.keys() - records.keys()
        for record in records.values():
            base = record.no << SEQ_BITS
            missing = gone.get(record.no, Ranges())
            self._boots.setdefault(record.no, record)
            self._next[record.no] = max(self._file.last_seq(record.no) + 1, missing.last + 1, self._next.get(record.no, 0))
            self._existing.add(base, base + self._next[record.no] - 1)
            for low, high in missing:
                self._existing.remove(base + low, base + high)
        for low, high in self._leaving:
            self._existing.remove(low, high)
        for (destination, boot_no), ranges in self._file.cursors().items():
            if destination in self._acked:
                for low, high in ranges:
                    self._acked[destination].add(boot_no << SEQ_BITS | low, boot_no << SEQ_BITS | high)
        for number in only_in_memory:
            ids = self._existing.within(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK)
            self._forget(ids.minus((row_id, row_id) for row_id in self._buffer), "the outbox file was lost")
            self._mark_dirty(number)

    def _write(self) -> None:
        with self._file.transaction() as db:
            for number in self._dirty_boots:
                self._file.write_boot(db, self._boots[number])
            self._file.write_rows(db, self._buffer.values())
            self._file.delete_rows(db, self._leaving)
            for number in self._dirty_gone & self._boots.keys():
                self._file.write_ranges(db, None, number, self._gone(number))
            for destination, number in self._dirty_acks:
                self._file.write_ranges(db, destination, number, self._of_boot(self._acked[destination], number))
        self._buffer.clear()
        self._leaving = Ranges()
        self._buffer_bytes = 0
        self._dirty_boots.clear()
        self._dirty_gone.clear()
        self._dirty_acks.clear()

    def _failed(self, text: str) -> None:
        if not self._trouble:
            log.error("the outbox's disk does not take data: %s; packs wait in memory", text)
        self._trouble = text

    def _replace(self, why: str) -> bool:
        """Set a damaged file aside, start a fresh one, bring over what can still be read, and say what is lost."""
        log.error("the outbox file is damaged (%s): it is set aside and a fresh one is started", why)
        self.files_set_aside += 1
        stamp = to_rfc3339(self._clock.now_us()).replace(":", "").replace("-", "")
        try:
            aside = self._file.set_aside(stamp)
            self._file.open()
            saved = salvage(aside, self._file)
        except (Unavailable, Damaged) as error:
            self._file.close()
            self._failed(str(error))
            return False
        known = bool(self._boots)
        lost = self._existing.minus(saved.ids).minus((row_id, row_id) for row_id in self._buffer)
        if known:
            self._forget(lost, f"the outbox file was damaged and is kept as {aside.name}")
            for number in self._boots:
                self._mark_dirty(number)
        else:
            self._load_state()
            self._note_salvage(saved.ids, aside.name)
        return True

    def _forget(self, lost: Ranges, text: str) -> None:
        """Rows that are gone: those that somebody had not acknowledged are declared."""
        for low, high in lost:
            self._existing.remove(low, high)
        settled = self._acked_by_all()
        for low, high in lost.minus(settled):
            self._declare_gap(low >> SEQ_BITS, low & SEQ_MASK, high & SEQ_MASK, None, None, GapCause.UNKNOWN, text)

    def _note_salvage(self, saved: Ranges, name: str) -> None:
        """After a start with a damaged file: the holes between what could be read are declared, in the boot they are of."""
        for number in list(self._boots):
            base, top = number << SEQ_BITS, self._next[number] - 1
            self._forget(self._existing.within(base, base + top).minus(saved), f"the outbox file was damaged and is kept as {name}")
            self._dirty_gone.add(number)
        if not self._boots:
            self._begin()
            self._append_event(self._begin(), {"type": "gap", "cause": GapCause.UNKNOWN, "text": f"the outbox file could not be read and is kept as {name}"})

    def _shed_memory(self) -> None:
        """What waits in memory has a cap too: the oldest packs go, declared."""
        if self._buffer_bytes <= MEMORY_BYTES:
            return
        victims: list[Victim] = []
        for row in list(self._buffer.values()):
            if self._buffer_bytes <= MEMORY_BYTES * (DROP_SHARE - 1) // DROP_SHARE:
                break
            if row.kind is Kind.PACK:
                del self._buffer[row.id]
                self._buffer_bytes -= len(row.body)
                self._existing.remove(row.id, row.id)
                self._dirty_gone.add(row.boot_no)
                victims.append((row.id, row.first_us, row.last_us))
        if victims:
            self._declare_dropped([victim for victim in victims if victim[0] not in self._acked_by_all()])
