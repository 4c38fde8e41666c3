"""Ids and how they are joined: a zone is `site.zone`, a channel `agent.placement.quantity`; on the wire the channel's dots are slashes."""

from __future__ import annotations

import re

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
QUANTITY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}(:[a-z0-9][a-z0-9_-]{0,62})?")
ID_RULE = "lower-case letters, digits, '_' and '-', starting with a letter or digit, at most 63"


def is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None


def is_boot(text: str) -> bool:
    """1 to 64 printable characters without a space: what every log, page and database shows as it is."""
    return 1 <= len(text) <= 64 and text.isprintable() and " " not in text


def channel_id(agent: str, placement: str, quantity: str) -> str:
    """The id used inside the house, in paths and in JSON."""
    return f"{agent}.{placement}.{quantity}"


def channel_parts(channel: str) -> tuple[str, str, str]:
    """(agent, placement, quantity); raises ValueError for anything that is not a channel id."""
    parts = channel.split(".")
    if len(parts) != 3 or not (is_id(parts[0]) and is_id(parts[1]) and QUANTITY.fullmatch(parts[2])):
        raise ValueError(f"'{channel}' is not agent.placement.quantity")
    return parts[0], parts[1], parts[2]


def wire_name(channel: str) -> str:
    """SenML's resolved name of a channel."""
    return channel.replace(".", "/")


def zone_id(site: str, zone: str) -> str:
    return f"{site}.{zone}"


def zone_parts(zone: str) -> tuple[str, str]:
    site, _, name = zone.partition(".")
    if not (is_id(site) and is_id(name)):
        raise ValueError(f"'{zone}' is not site.zone")
    return site, name
