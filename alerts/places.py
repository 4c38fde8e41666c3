"""Where an alert about a measuring device belongs."""

from __future__ import annotations

from domain.registry import Snapshot


def home_of(held: Snapshot, agent: str) -> tuple[str, str]:
    """Site of an agent and the first of its zones; "" for what the registry does not know."""
    site = held.agents.get(agent, "")
    zones = sorted({channel.zone for channel in held.channels.values() if channel.agent == agent})
    return site, zones[0] if zones else ""
