"""What the agent has measured and not yet seen acknowledged: durable, numbered without holes, with a cursor for each destination (decisions 1 and 18).

A row leaves only after every destination's application acknowledgement and `keep_hours` more, or over the cap, and then a gap event says so. When the
disk fails rows wait in memory, are sent from there, and are written as soon as it works again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from domain.clock import Clock
from domain.ids import channel_parts
from domain.messages import Ack, Event, GapCause, Held
from domain.reading import Reading
from domain.senml import MAX_PACK_BYTES, encode_pack
from domain.times import HOUR_US, SECOND_US, to_rfc3339
from edge_agent.outbox_file import SEQ_BITS, SEQ_MASK, BootRecord, Damaged, Kind, OutboxFile, Row, Unavailable
from edge_agent.ranges import Ranges
from edge_agent.retime import encode_event, retimed, unsynchronised
from edge_agent.salvage import salvage

log = logging.getLogger(__name__)

PACK_READINGS = 300
"""About 33 KB of JSON: half of what a pack may have."""
MEMORY_BYTES = 16 * 1024 * 1024
"""What may wait in memory while the disk does not take it: hours of a usual agent, and the Pi still has room."""
REOPEN_AFTER_S = 5.0
DROP_SHARE = 50
"""Over the cap a fiftieth of it goes at once, so that one gap event stands for many rows."""
TRIM_ROWS = 2_000
_MACHINE_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MAX_ID = 2**63 - 1


def machine_boot() -> str:
    """The kernel's own boot id; another one than last time means a reboot or a power cut."""
    try:
        return _MACHINE_BOOT.read_text().strip()
    except OSError:
        return ""


class Outbox:
    """Thread-safe. Instants are the clock's that is handed in; the first destination is home."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        destinations: Sequence[str] = ("home",),
        max_mb: float = 512.0,
        keep_hours: float = 72.0,
        new_boot_id: Callable[[], str] = lambda: secrets.token_hex(8),
        machine: Callable[[], str] = machine_boot,
    ) -> None:
        self._clock, self._destinations = clock, tuple(destinations)
        self._max_bytes, self._keep_us = int(max_mb * 1_000_000), int(keep_hours * HOUR_US)
        self._new_boot_id, self._machine = new_boot_id, machine
        self._lock = threading.RLock()
        self._file = OutboxFile(path)
        self._boots: dict[int, BootRecord] = {}
        self._next: dict[int, int] = {}
        self._existing = Ranges()
        self._acked: dict[str, Ranges] = {name: Ranges() for name in self._destinations}
        self._asked: dict[str, Ranges] = {name: Ranges() for name in self._destinations}
        self._buffer: dict[int, Row] = {}
        self._buffer_bytes = 0
        self._dirty_boots: set[int] = set()
        self._dirty_gone: set[int] = set()
        self._dirty_acks: set[tuple[str, int]] = set()
        self._current: int | None = None
        self._unreleased_from: int | None = None  # row id; from here on rows wait for a synchronised clock
        self._opening_from_s: float | None = None
        self._trouble = ""
        self._stale = False
        self._unflushed = False
        self._last_open = float("-inf")
        self.dropped_rows = 0
        self.files_set_aside = 0
        with self._lock:
            self._open()

    # --- writing ---

    @property
    def boot(self) -> str:
        """This run's id; begins the boot on first use."""
        with self._lock:
            return self._boots[self._begin()].boot

    def begin(self, *, synchronised: bool = True, after_stop: bool = True) -> str:
        """Begin this run: a new boot id, and (unless it follows at once) a gap event for the time since the last record of the run before."""
        with self._lock:
            self.close_boot()
            number = self._begin(after_stop=after_stop)
            self._unreleased_from = None if synchronised else number << SEQ_BITS
            self.commit()
            return self._boots[number].boot

    def append(self, readings: Sequence[Reading], *, sync: bool = True, commit: bool = True, flush: bool = True) -> int:
        """Store readings of one agent as a pack (several, if they are many); returns the last seq.

        When it returns, and the disk does not fail, the pack survives a power cut; without `flush` a kill -9, and a power cut from the next flush on;
        without `commit` neither, until the next commit.
        """
        with self._lock:
            number = self._begin()
            for start in range(0, len(readings), PACK_READINGS):
                self._append_pack(number, readings[start : start + PACK_READINGS], sync)
            if commit:
                self.commit(flush=flush)
            return self._next[number] - 1

    def append_event(
        self,
        type: str,
        *,
        start_s: float | None = None,
        stop_s: float | None = None,
        cause: GapCause | None = None,
        sensor: str = "",
        offset_s: float | None = None,
        text: str = "",
    ) -> int:
        """Store an event of this boot; returns its seq."""
        with self._lock:
            number = self._begin()
            event: dict[str, object] = {"type": type, "start": start_s, "stop": stop_s, "cause": cause, "sensor": sensor, "offset_s": offset_s, "text": text}
            seq = self._append_event(number, event)
            self.commit()
            return seq

    def commit(self, *, flush: bool = True) -> bool:
        """Write what waits in memory; False when the disk does not take it (it stays in memory)."""
        with self._lock:
            if (self._stale or not self._file.is_open) and not self._reopen():
                self._shed_memory()
                return False
            try:
                if self._buffer or self._dirty_boots or self._dirty_gone or self._dirty_acks:
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

    def import_boot(self, boot: str, packs: Iterable[list[Reading]], sync: bool = True) -> int:
        """Seed a run of the past, closed, before the agent starts; returns how many packs. The boot id must be new."""
        with self._lock:
            if any(record.boot == boot for record in self._boots.values()):
                raise ValueError(f"boot '{boot}' is already in the outbox")
            number = self._add_boot(BootRecord(self._free_number(), boot, self._machine(), imported=True, clean=True))
            for count, readings in enumerate(packs):
                self._append_pack(number, readings, sync)
                if count % 500 == 499:
                    self.commit()
            self.commit()
            return self._next[number]

    def close_boot(self) -> None:
        """This run ended on purpose."""
        with self._lock:
            if self._current is None:
                return
            record = self._boots[self._current]
            self._boots[self._current] = msgspec.structs.replace(record, clean=True)
            self._dirty_boots.add(self._current)
            self._current, self._unreleased_from = None, None
            self.commit()

    def close(self) -> None:
        """Flush and let go of the file."""
        with self._lock:
            self.close_boot()
            self.commit()
            self._file.close()

    # --- the clock ---

    def release_unsynchronised(self, before_us: int) -> None:
        """Let rows that have waited for a synchronised clock since before `before_us` go out as they are."""
        with self._lock:
            if self._unreleased_from is None or self._current is None:
                return
            while row := next(iter(self._load(self._unreleased_from, _MAX_ID, 1)), None):
                if row.created_us >= before_us:
                    break
                self._unreleased_from = row.id + 1

    def synchronised(self, offset_us: int) -> None:
        """The clock is right now, and was wrong by `offset_us`: rewrite what has not been sent, and tell the centre for what has."""
        with self._lock:
            if self._unreleased_from is not None:
                self._retime(self._unreleased_from, offset_us)
                self._unreleased_from = None
            self.append_event("clock", offset_s=offset_us / SECOND_US, text="the clock was synchronised")

    # --- reading ---

    def pending(self, destination: str, limit: int, *, low_id: int = 0, high_id: int = _MAX_ID, skip: Ranges | None = None) -> list[Row]:
        """The oldest rows of [low_id, high_id] that `destination` has not acknowledged, without those in `skip`."""
        with self._lock:
            waiting = self._existing.within(low_id, high_id).minus(self._acked[destination])
            if skip is not None:
                waiting = waiting.minus(skip)
            if self._unreleased_from is not None:
                waiting.remove(self._unreleased_from, _MAX_ID)
            rows: list[Row] = []
            for low, high in waiting:
                rows += self._load(low, high, limit - len(rows))
                if len(rows) >= limit:
                    break
            return rows

    def row(self, row_id: int) -> Row | None:
        with self._lock:
            return next(iter(self._load(row_id, row_id, 1)), None)

    def next_id(self) -> int:
        """The id that the next row of this boot will have."""
        with self._lock:
            number = self._begin()
            return number << SEQ_BITS | self._next[number]

    def boot_of(self, row: Row) -> str:
        return self._boots[row.boot_no].boot

    def held(self) -> list[Held]:
        """What is still here, sent or not: what `resend` can bring back."""
        with self._lock:
            return [Held(boot=self._boots[low >> SEQ_BITS].boot, from_=low & SEQ_MASK, to=high & SEQ_MASK) for low, high in self._existing]

    def depth(self, destination: str) -> tuple[int, int | None]:
        """(how many rows wait for an acknowledgement, since when the oldest)."""
        with self._lock:
            waiting = self._existing.minus(self._acked[destination])
            oldest = next(iter(waiting), None)
            row = next(iter(self._load(oldest[0], oldest[1], 1)), None) if oldest else None
            return len(waiting), row.created_us if row else None

    def problems(self) -> list[str]:
        """What an operator should know, in plain words."""
        with self._lock:
            found = []
            if self._trouble:
                found.append(f"outbox: the disk does not take data ({self._trouble}); {len(self._buffer)} packs wait in memory")
            if self.dropped_rows:
                found.append(f"outbox: full, {self.dropped_rows} of the oldest packs were dropped since the start")
            if self.files_set_aside:
                found.append(f"outbox: {self.files_set_aside} damaged file(s) were set aside as *.corrupt-*")
            return found

    # --- acknowledgements ---

    def ack(self, destination: str, ack: Ack) -> Ranges:
        """Take a centre's acknowledgement; returns the row ids that it newly settles. An unknown boot settles nothing."""
        with self._lock:
            number = self._number_of(ack.boot)
            if number is None:
                return Ranges()
            acked, base, top = self._acked[destination], number << SEQ_BITS, self._next[number] - 1
            given = Ranges((base | max(low, 0), base + min(high, top)) for low, high in ((0, ack.upto), *ack.also))
            settled = given.minus(acked.within(base, base | SEQ_MASK))
            for low, high in settled:
                acked.add(low, high)
                self._dirty_acks.add((destination, number))
            return settled

    def resend(self, destination: str, boot: str, low: int, high: int) -> tuple[int, int]:
        """(how many rows of [low, high] will be sent again, how many are gone, now declared by gap events); unknown boots have nothing."""
        with self._lock:
            number = self._number_of(boot)
            if number is None:
                return 0, 0
            low, high = max(low, 0), min(high, self._next[number] - 1)
            base = number << SEQ_BITS
            here = self._existing.within(base + low, base + high) if low <= high else Ranges()
            for first, last in here:
                self._acked[destination].remove(first, last)
                self._asked[destination].add(first, last)
            gone = Ranges([(base + low, base + high)]).minus(here)
            for first, last in gone:
                self._declare_gap(number, first & SEQ_MASK, last & SEQ_MASK, None, None, GapCause.UNKNOWN, "asked for, and no longer kept")
            self._dirty_acks.add((destination, number))
            self.commit()
            return len(here), len(gone)

    def take_asked(self, destination: str) -> Ranges:
        """Rows that `resend` brought back since this was last called: they go out at once, also where an answer to them is still awaited."""
        with self._lock:
            asked, self._asked[destination] = self._asked[destination], Ranges()
            return asked

    # --- space ---

    def trim(self) -> None:
        """Let acknowledged rows go that are older than `keep_hours`; over the cap also younger ones, then what only other destinations lack, then the oldest packs."""
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

    # --- private: boots and rows ---

    def _begin(self, *, after_stop: bool = True) -> int:
        if self._current is None:
            previous = self._last_row() if after_stop else None
            number = self._add_boot(BootRecord(self._free_number(), self._new_boot_id(), self._machine(), imported=False, clean=False))
            self._current = number
            self._opening_gap(number, previous)
        return self._current

    def _add_boot(self, record: BootRecord) -> int:
        self._boots[record.no] = record
        self._next[record.no] = 0
        self._dirty_boots.add(record.no)
        return record.no

    def _number_of(self, boot: str) -> int | None:
        return next((number for number, record in self._boots.items() if record.boot == boot), None)

    def _free_number(self) -> int:
        return max(self._boots, default=0) + 1

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

    def _append_pack(self, number: int, readings: Sequence[Reading], sync: bool) -> None:
        seq = self._next[number]
        tagged = list(readings) if sync else [unsynchronised(reading) for reading in readings]
        agent = channel_parts(tagged[0].channel)[0]
        body = encode_pack(agent, self._boots[number].boot, seq, sync, tagged)
        if len(body) > MAX_PACK_BYTES:
            half = len(readings) // 2
            self._append_pack(number, readings[:half], sync)
            self._append_pack(number, readings[half:], sync)
            return
        times = [reading.time_us for reading in tagged]
        self._add_row(number, Kind.PACK, sync, min(times), max(times), body)

    def _append_event(self, number: int, fields: dict[str, object]) -> int:
        seq, at_us = self._next[number], self._clock.now_us()
        event = msgspec.convert({**fields, "boot": self._boots[number].boot, "seq": seq, "at": at_us / SECOND_US}, Event)
        self._add_row(number, Kind.EVENT, True, at_us, at_us, encode_event(event))
        return seq

    def _add_row(self, number: int, kind: Kind, sync: bool, first_us: int, last_us: int, body: bytes) -> None:
        row_id = number << SEQ_BITS | self._next[number]
        self._next[number] += 1
        self._existing.add(row_id, row_id)
        self._buffer[row_id] = Row(row_id, kind, sync, self._clock.now_us(), first_us, last_us, body)
        self._buffer_bytes += len(body)

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

    def _retime(self, from_id: int, offset_us: int) -> None:
        next_id = from_id
        while rows := self._load(next_id, _MAX_ID, 500):
            for row in rows:
                corrected = retimed(row, offset_us, opening_from_s=self._opening_from_s)
                self._buffer_bytes += len(corrected.body) - (len(self._buffer[row.id].body) if row.id in self._buffer else 0)
                self._buffer[row.id] = corrected
            next_id = rows[-1].id + 1
        self.commit()

    # --- private: the file ---

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
        for (destination, boot_no), ranges in self._file.cursors().items():
            if destination in self._acked:
                for low, high in ranges:
                    self._acked[destination].add(boot_no << SEQ_BITS | low, boot_no << SEQ_BITS | high)
        for number in only_in_memory:
            ids = self._existing.within(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK)
            self._forget(ids.minus((row_id, row_id) for row_id in self._buffer), "the outbox file was lost")
            self._mark_dirty(number)

    def _mark_dirty(self, number: int) -> None:
        """Write all that is known of a boot at the next commit."""
        self._dirty_boots.add(number)
        self._dirty_gone.add(number)
        self._dirty_acks |= {(name, number) for name in self._destinations}

    def _renumber(self, shift: int) -> None:
        moved = [(low + (shift << SEQ_BITS), high + (shift << SEQ_BITS)) for low, high in self._existing]
        self._existing = Ranges(moved)
        self._acked = {name: Ranges((low + (shift << SEQ_BITS), high + (shift << SEQ_BITS)) for low, high in ranges) for name, ranges in self._acked.items()}
        self._buffer = {row.id + (shift << SEQ_BITS): msgspec.structs.replace(row, id=row.id + (shift << SEQ_BITS)) for row in self._buffer.values()}
        self._boots = {number + shift: msgspec.structs.replace(record, no=number + shift) for number, record in self._boots.items()}
        self._next = {number + shift: value for number, value in self._next.items()}
        self._dirty_boots, self._dirty_gone, self._dirty_acks = set(), set(), set()
        self._current = None if self._current is None else self._current + shift
        self._unreleased_from = None if self._unreleased_from is None else self._unreleased_from + (shift << SEQ_BITS)

    def _write(self) -> None:
        with self._file.transaction() as db:
            for number in self._dirty_boots:
                self._file.write_boot(db, self._boots[number])
            self._file.write_rows(db, self._buffer.values())
            for number in self._dirty_gone:
                self._file.write_ranges(db, None, number, self._gone(number))
            for destination, number in self._dirty_acks:
                self._file.write_ranges(db, destination, number, self._of_boot(self._acked[destination], number))
        self._buffer.clear()
        self._buffer_bytes = 0
        self._dirty_boots.clear()
        self._dirty_gone.clear()
        self._dirty_acks.clear()

    def _of_boot(self, ids: Ranges, number: int) -> Ranges:
        return Ranges((low & SEQ_MASK, high & SEQ_MASK) for low, high in ids.within(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK))

    def _gone(self, number: int) -> Ranges:
        return Ranges([(0, self._next[number] - 1)]).minus(self._of_boot(self._existing, number))

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

    # --- private: space ---

    def _acked_by_all(self) -> Ranges:
        common = self._acked[self._destinations[0]]
        for name in self._destinations[1:]:
            common = common.minus(common.minus(self._acked[name]))
        return common

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
        self._delete(old)

    def _trim_to_cap(self) -> None:
        for _ in range(DROP_SHARE):
            excess = self._file.used_bytes() - self._max_bytes
            if excess <= 0:
                return
            target = excess + self._max_bytes // DROP_SHARE
            settled, home = self._acked_by_all(), self._acked[self._destinations[0]]
            for candidates, declared in ((settled, False), (home.minus(settled), True), (self._existing.minus(home), True)):
                victims = self._oldest(self._existing.minus(self._existing.minus(candidates)), target, packs_only=declared)
                if victims:
                    break
            else:
                return
            self._delete([victim[0] for victim in victims])
            if declared:
                self._declare_dropped(victims)
            self.commit()

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

    def _oldest(self, candidates: Ranges, target_bytes: int, *, packs_only: bool) -> list[tuple[int, int, int]]:
        """(id, first_us, last_us) of the oldest rows that free about `target_bytes`."""
        chosen: list[tuple[int, int, int]] = []
        size = 0
        for low, high in candidates:
            for row in self._file.rows(low, high, TRIM_ROWS):
                if packs_only and row.kind is not Kind.PACK:
                    continue
                chosen.append((row.id, row.first_us, row.last_us))
                size += len(row.body) + 64
                if size >= target_bytes:
                    return chosen
            if len(chosen) >= TRIM_ROWS:
                return chosen
        return chosen

    def _delete(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        runs = Ranges((row_id, row_id) for row_id in ids)
        for low, high in runs:
            self._existing.remove(low, high)
            self._dirty_gone.add(low >> SEQ_BITS)
        with self._file.transaction() as db:
            db.executemany("DELETE FROM row WHERE id BETWEEN ? AND ?", list(runs))
            for number in self._dirty_gone & self._boots.keys():
                self._file.write_ranges(db, None, number, self._gone(number))

    def _declare_dropped(self, victims: Sequence[tuple[int, int, int]]) -> None:
        times = {row_id: (first_us, last_us) for row_id, first_us, last_us in victims}
        for low, high in Ranges((row_id, row_id) for row_id in times):
            inside = [times[row_id] for row_id in range(low, high + 1)]
            from_us, to_us = min(first for first, _ in inside), max(last for _, last in inside)
            self._declare_gap(low >> SEQ_BITS, low & SEQ_MASK, high & SEQ_MASK, from_us, to_us, GapCause.OUTBOX_FULL, "the outbox was over its cap: the oldest packs went")
        self.dropped_rows += len(victims)
        log.error("the outbox is over its cap of %d MB: %d of the oldest packs were dropped", self._max_bytes // 1_000_000, len(victims))

    def _declare_gap(self, number: int, from_seq: int, to_seq: int, from_us: int | None, to_us: int | None, cause: GapCause, text: str) -> None:
        """A gap of that boot takes its seq from that boot's own counter, so `from`, `to` mean that boot."""
        fields: dict[str, object] = {"type": "gap", "cause": cause, "from": from_seq, "to": to_seq, "text": text}
        if from_us is not None and to_us is not None:
            fields |= {"start": from_us / SECOND_US, "stop": to_us / SECOND_US}
        self._append_event(number, fields)

    def _shed_memory(self) -> None:
        """What waits in memory has a cap too: the oldest packs go, declared."""
        if self._buffer_bytes <= MEMORY_BYTES:
            return
        victims: list[tuple[int, int, int]] = []
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
