"""Which agents a worker has: all of them, or those of the slots that it holds a lease on (decision 28)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from domain.topics import ROOT, SHARDS, parse, shard_of
from ingest.intake import RETRY_TOPIC
from storage.records.leases import Lease, LeasesRepository, fence

SERVICE = "ingest"
CLIENT_ID = "oshwatch-ingest"
"""Of the one worker's session; a slot's has its number behind it."""
_AGENTS_MAX = 100_000


def slot_of(agent: str, slots: int) -> int:
    return shard_of(agent) % slots


def client_id_of(slot: int) -> str:
    return f"{CLIENT_ID}-{slot}"


def subscriptions_of(slot: int, slots: int) -> tuple[str, ...]:
    """The shards of this slot by topic. What has no shard in its topic comes to every slot, and all but its owner put it aside."""
    shards = tuple(f"{ROOT}/+/data/{shard:02d}" for shard in range(slot, SHARDS, slots))
    return (*shards, *(f"{ROOT}/+/{kind}" for kind in ("data", "status", "health", "event", "cmd/result")), RETRY_TOPIC)


class Topics:
    """Whether a topic belongs to a slot: by its agent. What names no agent is the first slot's, to be put in quarantine once; the centre's own are everybody's."""

    def __init__(self, slot: int, slots: int) -> None:
        self._slot, self._slots = slot, slots
        self._known: dict[str, bool] = {}

    def mine(self, topic: str) -> bool:
        known = self._known.get(topic)
        if known is None:
            if len(self._known) >= _AGENTS_MAX:
                self._known.clear()
            known = self._known[topic] = self._look(topic)
        return known

    def _look(self, topic: str) -> bool:
        parsed = parse(topic)
        if parsed is not None:
            return slot_of(parsed[0], self._slots) == self._slot
        return topic.startswith(f"{ROOT}/_centre/") or self._slot == 0 or "/data/" in topic


class Share:
    """Without slots: all agents, as one worker has them, and nothing to be fenced by."""

    def __init__(self, held: Sequence[Lease] = (), slots: int = 0, *, leases: LeasesRepository | None = None, name: str = "", takeovers: int = 0) -> None:
        self.held, self.slots = tuple(held), slots
        self.service = f"{SERVICE}-{name}" if slots else SERVICE
        self._mine = frozenset(lease.slot for lease in held)
        self._leases, self._takeovers = leases, takeovers
        self._agents: dict[str, bool] = {}

    def mine(self, agent: str) -> bool:
        if not self.slots:
            return True
        known = self._agents.get(agent)
        if known is None:
            if len(self._agents) >= _AGENTS_MAX:
                self._agents.clear()
            known = self._agents[agent] = slot_of(agent, self.slots) in self._mine
        return known

    def check(self) -> None:
        """Raises `Fenced` when another worker owns one of the slots by now."""
        if self._leases is not None:
            self._leases.check(self.held)

    def fence(self, connection: Connection) -> None:
        """The same, binding for the transaction."""
        if self._leases is not None:
            fence(connection, self.held)

    def counters(self) -> dict[str, float]:
        return {"slots": float(self.slots), "slots_held": float(len(self.held)), "slots_taken_over": float(self._takeovers)} if self.slots else {}
