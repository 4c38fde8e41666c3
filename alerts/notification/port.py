"""The port behind which every channel stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

AddressKind = Literal["email", "phone", "chat", "machine"]


class Permanent(Exception):
    """The other side refuses this message for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel as those who write messages see it."""

    name: str
    kind: AddressKind = "email"
    is_short: bool = False  # a text message: one line and a link
    site: str = ""  # a machine's own site; "": of every site


class Notifier(Protocol):
    """One way to reach people or machines."""

    @property
    def way(self) -> Way: ...

    def send(self, address: str, subject: str, text: str) -> None:
        """Hand a message over, within seconds; raises `Permanent` where another try is useless, anything else to be tried again."""
        ...

    def prove(self) -> bool:
        """As far as a message would get without anybody noticing; False where this channel has no silent way, raises what `send` would."""
        ...
