"""Application acknowledgements: each boot that has something new, or asked again, is answered once for all of it (contract 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from domain.messages import Ack
from domain.seqset import SeqSet
from domain.topics import topic
from ingest.source import PackSource
from ingest.work import BootKey

QUIET_S, BUSY_S = 0.1, 1.0
"""How long a boot waits for its next answer: the contract allows 5 s, a publish costs paho 100 µs."""
BUSY_FROM = 50
ALSO_MAX = 1_000
REMEMBERED_MAX = 10_000


class Acks:
    """Used by the committer's thread."""

    def __init__(self, source: PackSource, monotonic: Callable[[], float]) -> None:
        self._source, self._monotonic = source, monotonic
        self._due: set[BootKey] = set()
        self._sent_s: dict[BootKey, float] = {}
        self.published = 0

    def due(self, boots: set[BootKey]) -> None:
        self._due |= boots

    @property
    def waiting(self) -> int:
        return len(self._due)

    def flush(self, cursors: Mapping[BootKey, SeqSet], *, at_once: bool = False) -> None:
        """Publish what is due; what cannot be sent stays due."""
        if not self._due:
            return
        now_s, spacing_s = self._monotonic(), BUSY_S if len(self._due) > BUSY_FROM else QUIET_S
        for key in list(self._due):
            if not at_once and now_s - self._sent_s.get(key, 0.0) < spacing_s:
                continue
            if not self._source.publish(topic(key[0], "ack"), ack_of(key[1], cursors.get(key)), qos=1):
                return
            self._due.discard(key)
            self._sent_s[key] = now_s
            self.published += 1
        if len(self._sent_s) > REMEMBERED_MAX:
            self._sent_s = {key: sent_s for key, sent_s in self._sent_s.items() if now_s - sent_s < BUSY_S}


def ack_of(boot: str, seqs: SeqSet | None) -> bytes:
    seqs = seqs or SeqSet()
    return msgspec.json.encode(Ack(boot=boot, upto=seqs.upto, also=seqs.also[-ALSO_MAX:]))
