"""Who is in the registry, as the intake asks it for every reading."""

from __future__ import annotations

from domain.reading import Reading
from domain.registry import Registry


class Directory:
    """Who may send what, as the registry has it at an instant. Replaced as a whole when something changes."""

    __slots__ = ("_registry", "agents", "channels", "snapshot")

    def __init__(self, registry: Registry, now_us: int) -> None:
        self._registry = registry
        self.snapshot = registry.at(now_us)
        self.agents = self.snapshot.agents
        self.channels = self.snapshot.channels

    def site(self, agent: str) -> str:
        return self.agents.get(agent, "")

    def knew(self, reading: Reading) -> bool:
        """Whether the channel was there when the reading was taken: it may have been retired since, or be entered for a later date."""
        return reading.channel in self.channels or reading.channel in self._registry.at(reading.time_us).channels
