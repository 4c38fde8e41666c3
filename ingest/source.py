"""Where packs come from (decision 17): a small port, so that the engine behind it can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message as it came. `token` 0: nothing to acknowledge."""

    topic: str
    payload: bytes
    token: int
    arrived_us: int  # wall clock
    received_s: float  # monotonic, for latencies


class Receiver(Protocol):
    """The other end. Both are called from the source's own thread."""

    def deliver(self, messages: list[Message]) -> None:
        """Take messages over, in the order they came; returns quickly."""
        ...

    def has_room(self) -> bool:
        """False: stop reading; what waits stays with the engine, unacknowledged."""
        ...


class PackSource(Protocol):
    """At least once: whatever is not acknowledged comes again after a reconnection."""

    def start(self, receiver: Receiver) -> None: ...

    def ack(self, tokens: Sequence[int]) -> None:
        """Acknowledge messages in the order they came; those of an earlier connection are left out. From any thread."""
        ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Send a message; False when not connected (nothing is queued). From any thread."""
        ...

    def problem(self) -> str:
        """Why nothing can come now, in plain words; "" while connected."""
        ...

    def counters(self) -> Mapping[str, float]: ...

    def stop(self) -> None:
        """Send what was acknowledged, disconnect and return."""
        ...
