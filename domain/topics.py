"""MQTT topics of contract 3. The agent's id comes first, so that a broker's pattern confines a device to its own."""

from __future__ import annotations

import re
import zlib

ROOT = "osh/v1"
CENTRE = f"{ROOT}/_centre"
SHARDS = 64

_AGENT_TOPIC = re.compile(r"osh/v1/([a-z0-9][a-z0-9_-]{0,62})/(data|ack|status|health|event|cmd|cmd/result)(?:/(\d{2}))?")


def shard_of(agent: str) -> int:
    """crc32(agent) mod 64: which share of the agents this one is in."""
    return zlib.crc32(agent.encode()) % SHARDS


def topic(agent: str, kind: str) -> str:
    """`kind`: data, ack, status, health, event, cmd, cmd/result."""
    return f"{ROOT}/{agent}/{kind}"


def sharded_data_topic(agent: str) -> str:
    return f"{ROOT}/{agent}/data/{shard_of(agent):02d}"


def parse(text: str) -> tuple[str, str] | None:
    """(agent, kind) of an agent's topic in either form; None for any other topic. Only `data` may carry a shard, and only the agent's own."""
    match = _AGENT_TOPIC.fullmatch(text)
    if match is None or (match[3] is not None and (match[2] != "data" or int(match[3]) != shard_of(match[1]))):
        return None
    return match[1], match[2]


SUBSCRIPTIONS = tuple(f"{ROOT}/+/{kind}" for kind in ("data/#", "status", "health", "event", "cmd/result"))
"""What the centre listens to. `data/#` matches `data` itself too."""
