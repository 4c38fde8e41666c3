"""What the agent has measured and not yet seen acknowledged: durable, numbered without holes, with a cursor for each destination (decisions 1 and 18).

A row leaves only after every destination's application acknowledgement and `keep_hours` more, or over the cap, and then a gap event says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from domain.clock import Clock
from domain.messages import Ack, GapCause, Held
from domain.reading import Reading
from domain.times import HOUR_US, SECOND_US
from edge_agent.outbox_file import SEQ_BITS, SEQ_MASK, BootRecord, Row
from edge_agent.outbox_memory import MAX_ID as _MAX_ID
from edge_agent.outbox_memory import PACK_READINGS, machine_boot
from edge_agent.outbox_space import OutboxSpace
from edge_agent.ranges import Ranges
from edge_agent.retime import retimed

__all__ = ["PACK_READINGS", "Outbox"]


class Outbox(OutboxSpace):
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
        super().__init__(path, clock, destinations, max_bytes=int(max_mb * 1_000_000), keep_us=int(keep_hours * HOUR_US), new_boot_id=new_boot_id, machine=machine)
        with self._lock:
            self._open()

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
            return next(iter(self._load(row_id, row_id, 1)), None) if row_id in self._existing else None

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
            if self.thinned_rows:
                found.append(f"outbox: full, {self.thinned_rows} of the newest packs were thinned to minutes since the start")
            if self.dropped_rows:
                found.append(f"outbox: full, {self.dropped_rows} of the oldest packs were dropped since the start")
            if self.foreign_acks:
                found.append("outbox: the centre acknowledges packs of this run that were never sent: another device uses its boot id")
            if self.files_set_aside:
                found.append(f"outbox: {self.files_set_aside} damaged file(s) were set aside as *.corrupt-*")
            return found

    def ack(self, destination: str, ack: Ack, *, sent: Ranges | None = None) -> Ranges:
        """Take a centre's acknowledgement; returns the row ids that it newly settles. An unknown boot settles nothing.

        Of this run only rows in `sent` are settled, where it is given: what was never sent has been committed for another device that uses this boot's id.
        """
        with self._lock:
            number = self._number_of(ack.boot)
            if number is None:
                return Ranges()
            acked, base, top = self._acked[destination], number << SEQ_BITS, self._next[number] - 1
            given = Ranges((base | max(low, 0), base + min(high, top)) for low, high in ((0, ack.upto), *ack.also))
            settled = given.minus(acked.within(base, base | SEQ_MASK))
            if sent is not None and number == self._current and (never_sent := settled.minus(sent)):
                self.foreign_acks += len(never_sent)
                settled = settled.minus(never_sent)
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
            had = self._acked[destination].within(base, base | SEQ_MASK)
            for cause, part in ((GapCause.CENTRE, gone.minus(gone.minus(had))), (GapCause.UNKNOWN, gone.minus(had))):
                for first, last in part:
                    self._declare_gap(number, first & SEQ_MASK, last & SEQ_MASK, None, None, cause, "asked for, and no longer kept")
            self._dirty_acks.add((destination, number))
            self.commit()
            return len(here), len(gone)

    def take_asked(self, destination: str) -> Ranges:
        """Rows that `resend` brought back since this was last called: they go out at once, also where an answer to them is still awaited."""
        with self._lock:
            asked, self._asked[destination] = self._asked[destination], Ranges()
            return asked

    def _retime(self, from_id: int, offset_us: int) -> None:
        next_id = from_id
        while rows := self._load(next_id, _MAX_ID, 500):
            for row in rows:
                corrected = retimed(row, offset_us, opening_from_s=self._opening_from_s)
                self._buffer_bytes += len(corrected.body) - (len(self._buffer[row.id].body) if row.id in self._buffer else 0)
                self._buffer[row.id] = corrected
            next_id = rows[-1].id + 1
        self.commit()
