"""Seqs that the centre lacks: asked for again while the agent keeps them, recorded as a gap when nothing comes (contract 3)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from domain.clock import Clock
from domain.messages import Command, GapCause, Held, Status
from domain.seqset import SeqSet
from domain.times import SECOND_US
from domain.topics import topic
from ingest.source import PackSource
from ingest.work import BootKey, Jump
from storage.records.ledger import GapRow

log = logging.getLogger(__name__)

ASK_AFTER_S, RECORD_AFTER_S = 3.0, 10.0
"""Without progress for this long: a drain that is under way needs no request, and no record."""
ASK_AGAIN_S = (30.0, 60.0, 120.0, 300.0, 600.0)
COMMAND_LIVES_S = 600.0
RANGES_AT_ONCE = 20
SEQS_AT_ONCE = 100_000
"""In one request: a day of packs a second. A seq that jumped to nowhere asks for no more than this."""
HOLES_MAX = 1_000
"""Of one boot, looked at and recorded at once; the others have their turn when these are settled."""
CENTRE_FOUND = -1

Range = tuple[int, int]


@dataclass(slots=True)
class _Watch:
    missing: tuple[int, int]  # what changes when a hole shrinks: (upto, number of seqs lacking)
    since_s: float
    asked: int = 0
    next_ask_s: float = 0.0
    recorded: bool = False


class Holes:
    """Used by the committer's thread."""

    def __init__(
        self,
        *,
        source: PackSource,
        clock: Clock,
        monotonic: Callable[[], float],
        dice: random.Random,
        is_recorded: Callable[[str, str, Range], bool],
    ) -> None:
        self._source, self._clock, self._monotonic, self._dice, self._is_recorded = source, clock, monotonic, dice, is_recorded
        self._watches: dict[BootKey, _Watch] = {}
        self._held_to: dict[BootKey, int] = {}  # the end of what an agent said it holds: seqs that may never have been on the way to us
        self._spans: dict[tuple[str, str, int], tuple[int, int]] = {}
        self.requests = 0

    @property
    def open(self) -> int:
        return len(self._watches)

    def watch(self, keys: Iterable[BootKey], cursors: dict[BootKey, SeqSet]) -> None:
        """Look at these boots, whose cursors changed."""
        for key in keys:
            seqs = cursors[key]
            held_to = self._held_to.get(key, -1)
            if seqs.upto == seqs.top and held_to <= seqs.upto:
                if key in self._watches:
                    del self._watches[key]
                    self._forget(key)
                continue
            missing = (seqs.upto, max(seqs.top, held_to) + 1 - len(seqs))
            found = self._watches.get(key)
            if found is None or found.missing != missing:
                self._watches[key] = _Watch(missing, self._monotonic())

    def jumped(self, jumps: Iterable[Jump]) -> None:
        for jump in jumps:
            self._spans[(jump.agent, jump.boot, jump.from_seq)] = (jump.start_us, jump.stop_us)

    def born(self, agent: str, status: Status, cursors: dict[BootKey, SeqSet], since_us: int) -> list[GapRow]:
        """What the agent no longer holds and the centre lacks, to be recorded and declared; what it holds and the centre lacks is watched."""
        held: dict[str, list[Held]] = {}
        for part in status.held:
            held.setdefault(part.boot, []).append(part)
        gaps: list[GapRow] = []
        at_us = round(status.at * SECOND_US) if 0 < status.at < 9e9 else self._clock.now_us()
        for boot, parts in held.items():
            seqs = cursors.get((agent, boot), SeqSet())
            lost = seqs.holes(below=min(part.from_ for part in parts))
            gaps += [self._lost(agent, boot, hole, since_us, at_us) for hole in lost]
            self._held_to[(agent, boot)] = max(part.to for part in parts)
            cursors.setdefault((agent, boot), seqs)
        for (owner, boot), seqs in cursors.items():
            if owner == agent and boot not in held and boot != status.boot:
                gaps += [self._lost(agent, boot, hole, since_us, at_us) for hole in seqs.holes()]
        self.watch([(agent, boot) for boot in held], cursors)
        return gaps

    def due(self, cursors: dict[BootKey, SeqSet]) -> list[GapRow]:
        """Ask for what is lacking; returns the gaps to record now."""
        now_s, gaps = self._monotonic(), []
        for key, watch in list(self._watches.items()):
            idle_s = now_s - watch.since_s
            holes = cursors[key].holes(max(cursors[key].top, self._held_to.get(key, -1)) + 1)[:HOLES_MAX]
            if idle_s >= ASK_AFTER_S and now_s >= watch.next_ask_s and self._ask(key, holes):
                watch.next_ask_s = now_s + ASK_AGAIN_S[min(watch.asked, len(ASK_AGAIN_S) - 1)]
                watch.asked += 1
            if idle_s >= RECORD_AFTER_S and not watch.recorded:
                watch.recorded = True
                gaps += [self._found(key, hole) for hole in holes if not self._is_recorded(*key, hole)]
        return gaps

    def _ask(self, key: BootKey, holes: list[Range]) -> bool:
        agent, boot = key
        asked = [(first, min(last, first + SEQS_AT_ONCE - 1)) for first, last in holes[:RANGES_AT_ONCE]]
        for first, last in asked:
            command = Command(
                id=f"{self._dice.getrandbits(64):016x}",
                verb="resend",
                args={"boot": boot, "from": first, "to": last},
                expires=self._clock.now_us() / SECOND_US + COMMAND_LIVES_S,
            )
            if not self._source.publish(topic(agent, "cmd"), msgspec.json.encode(command), qos=1):
                return False
            self.requests += 1
        log.info("asked %s for %s of boot %s", agent, asked, boot)
        return True

    def _found(self, key: BootKey, hole: Range) -> GapRow:
        now_us = self._clock.now_us()
        start_us, stop_us = self._spans.get((*key, hole[0]), (now_us, now_us))
        return _gap(key, hole, start_us, stop_us, GapCause.UNKNOWN, "not received; the agent was asked for it")

    def _lost(self, agent: str, boot: str, hole: Range, since_us: int, at_us: int) -> GapRow:
        start_us, stop_us = self._spans.get((agent, boot, hole[0]), (min(since_us, at_us), at_us))
        return _gap((agent, boot), hole, start_us, stop_us, GapCause.CENTRE, "the centre does not have it and the agent no longer keeps it")

    def _forget(self, key: BootKey) -> None:
        for known in [span for span in self._spans if span[:2] == key]:
            del self._spans[known]


def _gap(key: BootKey, hole: Range, start_us: int, stop_us: int, cause: GapCause, text: str) -> GapRow:
    return GapRow(
        agent=key[0],
        boot=key[1],
        seq=CENTRE_FOUND,
        sensor="",
        start_us=start_us,
        stop_us=max(start_us, stop_us),
        cause=cause.value,
        from_seq=hole[0],
        to_seq=hole[1],
        text=text,
    )
