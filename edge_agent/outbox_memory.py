"""What an outbox knows in memory: runs, rows by number, what each destination has acknowledged. Used under the outbox's lock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from domain.clock import Clock
from domain.ids import channel_parts
from domain.messages import Event, GapCause
from domain.reading import Reading
from domain.senml import MAX_PACK_BYTES, encode_pack
from domain.times import SECOND_US
from edge_agent.outbox_file import SEQ_BITS, SEQ_MASK, BootRecord, Kind, OutboxFile, Row
from edge_agent.ranges import Ranges
from edge_agent.retime import encode_event, unsynchronised

log = logging.getLogger(__name__)

PACK_READINGS = 300
"""About 33 KB of JSON: half of what a pack may have."""
_MACHINE_BOOT = Path("/proc/sys/kernel/random/boot_id")
MAX_ID = 2**63 - 1
Victim = tuple[int, int, int]
"""A row that has to go: (id, first_us, last_us)."""


def machine_boot() -> str:
    """The kernel's own boot id; another one than last time means a reboot or a power cut."""
    try:
        return _MACHINE_BOOT.read_text().strip()
    except OSError:
        return ""


class OutboxMemory:
    """Rows get their numbers here, without holes; the ids of rows are those of `OutboxFile`."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        destinations: Sequence[str],
        *,
        max_bytes: int,
        keep_us: int,
        new_boot_id: Callable[[], str],
        machine: Callable[[], str],
    ) -> None:
        self._clock, self._destinations = clock, tuple(destinations)
        self._max_bytes, self._keep_us = max_bytes, keep_us
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
        self._leaving = Ranges()  # to be deleted from the file with the next commit
        self._kept_raw = Ranges()  # of no use to thin
        self.dropped_rows = self.thinned_rows = 0
        self.files_set_aside = self.foreign_acks = 0

    def _add_boot(self, record: BootRecord) -> int:
        self._boots[record.no] = record
        self._next[record.no] = 0
        self._dirty_boots.add(record.no)
        return record.no

    def _number_of(self, boot: str) -> int | None:
        return next((number for number, record in self._boots.items() if record.boot == boot), None)

    def _free_number(self) -> int:
        return max(self._boots, default=0) + 1

    def _append_pack(self, number: int, readings: Sequence[Reading], sync: bool, kind: Kind = Kind.PACK) -> None:
        seq = self._next[number]
        tagged = list(readings) if sync else [unsynchronised(reading) for reading in readings]
        agent = channel_parts(tagged[0].channel)[0]
        body = encode_pack(agent, self._boots[number].boot, seq, sync, tagged)
        if len(body) > MAX_PACK_BYTES:
            half = len(readings) // 2
            self._append_pack(number, readings[:half], sync, kind)
            self._append_pack(number, readings[half:], sync, kind)
            return
        times = [reading.time_us for reading in tagged]
        self._add_row(number, kind, sync, min(times), max(times), body)

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

    def _declare_gap(self, number: int, from_seq: int, to_seq: int, from_us: int | None, to_us: int | None, cause: GapCause, text: str) -> None:
        """A gap of that boot takes its seq from that boot's own counter, so `from`, `to` mean that boot."""
        fields: dict[str, object] = {"type": "gap", "cause": cause, "from": from_seq, "to": to_seq, "text": text}
        if from_us is not None and to_us is not None:
            fields |= {"start": from_us / SECOND_US, "stop": to_us / SECOND_US}
        self._append_event(number, fields)

    def _declare_lost(self, victims: Sequence[Victim], cause: GapCause, text: str) -> None:
        times = {row_id: (first_us, last_us) for row_id, first_us, last_us in victims}
        for low, high in Ranges((row_id, row_id) for row_id in times):
            inside = [times[row_id] for row_id in range(low, high + 1)]
            from_us, to_us = min(first for first, _ in inside), max(last for _, last in inside)
            self._declare_gap(low >> SEQ_BITS, low & SEQ_MASK, high & SEQ_MASK, from_us, to_us, cause, text)

    def _declare_dropped(self, victims: Sequence[Victim]) -> None:
        self._declare_lost(victims, GapCause.OUTBOX_FULL, "the outbox was over its cap: the oldest packs went")
        self.dropped_rows += len(victims)
        log.error("the outbox is over its cap of %d MB: %d of the oldest packs were dropped", self._max_bytes // 1_000_000, len(victims))

    def _let_go(self, ids: Sequence[int]) -> None:
        """These rows leave with the next commit, together with what is said of them."""
        for low, high in Ranges((row_id, row_id) for row_id in ids):
            self._existing.remove(low, high)
            self._leaving.add(low, high)
            self._dirty_gone.add(low >> SEQ_BITS)

    def _of_boot(self, ids: Ranges, number: int) -> Ranges:
        return Ranges((low & SEQ_MASK, high & SEQ_MASK) for low, high in ids.within(number << SEQ_BITS, number << SEQ_BITS | SEQ_MASK))

    def _gone(self, number: int) -> Ranges:
        return Ranges([(0, self._next[number] - 1)]).minus(self._of_boot(self._existing, number))

    def _acked_by_all(self) -> Ranges:
        common = self._acked[self._destinations[0]]
        for name in self._destinations[1:]:
            common = common.minus(common.minus(self._acked[name]))
        return common

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
        self._leaving, self._kept_raw = Ranges(), Ranges()
        self._current = None if self._current is None else self._current + shift
        self._unreleased_from = None if self._unreleased_from is None else self._unreleased_from + (shift << SEQ_BITS)
