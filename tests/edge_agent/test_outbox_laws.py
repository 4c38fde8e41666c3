"""The outbox as a state machine: whatever order of appends, acknowledgements, crashes and restarts, nothing committed is lost and nothing is settled that was not acknowledged."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from domain.messages import Ack
from domain.reading import Reading
from domain.senml import decode_pack
from edge_agent.outbox import Outbox
from edge_agent.outbox_file import Kind
from oshwatch.testing import FakeClock

DESTINATIONS = ("home", "administration")


class OutboxLaws(RuleBasedStateMachine):
    boots = Bundle("boots")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.committed: dict[tuple[str, int], float] = {}
        self.uncommitted: dict[tuple[str, int], float] = {}
        self.acked: dict[str, set[tuple[str, int]]] = {name: set() for name in DESTINATIONS}
        self.saved: dict[str, set[tuple[str, int]]] = {name: set() for name in DESTINATIONS}
        self.outbox = self.opened()

    def opened(self) -> Outbox:
        return Outbox(Path(self.directory.name) / "outbox.db", self.clock, destinations=DESTINATIONS)

    def teardown(self) -> None:
        self.outbox.close()
        self.directory.cleanup()

    def commit(self) -> None:
        self.committed |= self.uncommitted
        self.uncommitted = {}
        self.saved = {name: set(acked) for name, acked in self.acked.items()}

    @initialize(target=boots)
    def start(self) -> str:
        boot = self.outbox.begin()
        self.commit()
        return boot

    @rule(value=st.floats(0, 5000), commit=st.booleans())
    def append(self, value: float, commit: bool) -> None:
        self.clock.sleep(1)
        seq = self.outbox.append([Reading("agent-7.p.co2", self.clock.now_us(), value)], commit=commit)
        self.uncommitted[(self.outbox.boot, seq)] = value
        if commit:
            self.commit()

    @rule(destination=st.sampled_from(DESTINATIONS), boot=boots, upto=st.integers(-1, 12), also=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=2))
    def ack(self, destination: str, boot: str, upto: int, also: list[tuple[int, int]]) -> None:
        ranges = [(low, low + more) for low, more in also]
        self.outbox.ack(destination, Ack(boot=boot, upto=upto, also=ranges))
        for found, seq in [*self.committed, *self.uncommitted]:
            if found == boot and (seq <= upto or any(low <= seq <= high for low, high in ranges)):
                self.acked[destination].add((found, seq))

    @rule(destination=st.sampled_from(DESTINATIONS), boot=boots, low=st.integers(0, 12), more=st.integers(0, 3))
    def resend(self, destination: str, boot: str, low: int, more: int) -> None:
        self.outbox.resend(destination, boot, low, low + more)
        self.outbox.commit()  # of a run that has left no trace there is nothing to resend, and nothing to commit
        self.acked[destination] -= {(boot, seq) for seq in range(low, low + more + 1)}
        self.commit()

    @rule(target=boots, clean=st.booleans())
    def restart(self, clean: bool) -> str:
        if clean:
            self.outbox.close()
            self.commit()
        else:  # kill -9: what was not committed is gone, acknowledgements since then too
            self.outbox._file.close()
            self.uncommitted = {}
            self.acked = {name: set(saved) for name, saved in self.saved.items()}
        self.outbox = self.opened()
        boot = self.outbox.begin()
        self.commit()
        return boot

    @rule()
    def trim(self) -> None:
        self.outbox.trim()
        self.outbox.commit()
        self.commit()

    @invariant()
    def every_destination_waits_for_just_what_it_has_not_acknowledged(self) -> None:
        everything = self.committed | self.uncommitted
        for destination in DESTINATIONS:
            rows = [row for row in self.outbox.pending(destination, 10_000) if row.kind is Kind.PACK]
            waiting = {(self.outbox.boot_of(row), row.seq): decode_pack(row.body, "agent-7").readings[0].value for row in rows}
            assert waiting == {key: value for key, value in everything.items() if key not in self.acked[destination]}

    @invariant()
    def numbers_have_no_hole(self) -> None:
        held = [(item.boot, item.from_) for item in self.outbox.held()]
        assert len({boot for boot, _ in held}) == len(held)
        assert all(low == 0 for _, low in held)


OutboxLaws.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestOutboxLaws = OutboxLaws.TestCase
