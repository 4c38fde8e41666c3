"""What the model is told of a channel, and who its peers are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array, Mask

LINKED: tuple[frozenset[str], ...] = (
    frozenset({"air_temperature", "globe_temperature", "natural_wet_bulb_temperature", "relative_humidity", "wbgt"}),
    frozenset({"sound_level_a_eq", "sound_level_c_peak"}),
    frozenset({"pm1", "pm2_5", "pm4", "pm10", "respirable_dust"}),
    frozenset({"co2", "tvoc_isobutylene", "voc_index", "formaldehyde"}),
)
"""Quantities that one physical cause moves together: heat and steam, machines, dust, ventilation."""

SMALLEST: dict[str, float] = {
    "air_temperature": 1.5,
    "globe_temperature": 1.5,
    "natural_wet_bulb_temperature": 1.0,
    "wbgt": 1.0,
    "relative_humidity": 8.0,
    "air_speed": 0.3,
    "air_pressure": 3.0,
    "sound_level_a_eq": 5.0,
    "sound_level_c_peak": 8.0,
    "co2": 80.0,
    "tvoc_isobutylene": 4.0,
    "pm1": 25.0,
    "pm2_5": 35.0,
    "pm4": 40.0,
    "pm10": 50.0,
}
"""The smallest change of level worth a person's look, in the quantity's unit; what no table names is judged by its own noise alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """A channel as the model sees it."""

    id: str
    quantity: str
    zone: str
    agent: str = ""
    interval_s: float = 10.0


ALIKE_MOST = 8
"""So many zones are enough to tell what is usual."""
ACTIVITY = "sound_level_a_eq"
"""Machines tell whether people are at work."""


@dataclass(frozen=True, slots=True)
class Groups:
    """A partition of the channels."""

    of: npt.NDArray[np.intp]  # channel → number of its group
    count: int

    def number(self, mask: Mask) -> npt.NDArray[np.intp]:
        """How many of each channel's group, itself included, are in the mask."""
        return np.bincount(self.of[mask], minlength=self.count)[self.of]


@dataclass(frozen=True, slots=True)
class Peers:
    """Who is compared with whom, and what each channel brings along."""

    linked: Groups  # same zone, moved by the same causes
    agent: Groups  # same device
    site: Groups
    alike: Groups  # same quantity, same site
    others: npt.NDArray[np.intp]  # of each channel up to eight of the same quantity in other zones; -1: none
    is_activity: Mask
    is_air: Mask
    is_globe: Mask
    rests_at_zero: Mask
    smallest: Array
    interval_us: Array


def peers_of(channels: Sequence[ChannelInfo]) -> Peers:
    """The groups of these channels."""
    sites = [channel.zone.partition(".")[0] for channel in channels]
    quantities = list(zip(sites, (channel.quantity for channel in channels), strict=True))
    return Peers(
        linked=_groups([(channel.zone, _cause(channel.quantity)) for channel in channels]),
        agent=_groups([(channel.agent,) for channel in channels]),
        site=_groups([(site,) for site in sites]),
        alike=_groups(quantities),
        others=_others(channels, quantities),
        is_activity=np.array([channel.quantity == ACTIVITY for channel in channels], dtype=bool),
        is_air=np.array([channel.quantity == "air_temperature" for channel in channels], dtype=bool),
        is_globe=np.array([channel.quantity == "globe_temperature" for channel in channels], dtype=bool),
        rests_at_zero=np.array(["temperature" not in channel.quantity and channel.quantity not in ("wbgt", "relative_humidity") for channel in channels], dtype=bool),
        smallest=np.array([SMALLEST.get(channel.quantity, 0.0) for channel in channels]),
        interval_us=np.array([channel.interval_s * 1e6 for channel in channels]),
    )


def _cause(quantity: str) -> str:
    return next((min(group) for group in LINKED if quantity in group), quantity)


def _groups(keys: Sequence[tuple[str, ...]]) -> Groups:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return Groups(np.array([numbers[key] for key in keys], dtype=np.intp), len(numbers))


def _others(channels: Sequence[ChannelInfo], quantities: Sequence[tuple[str, str]]) -> npt.NDArray[np.intp]:
    members: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(quantities):
        members.setdefault(key, []).append(index)
    found = np.full((len(channels), ALIKE_MOST), -1, dtype=np.intp)
    for index, key in enumerate(quantities):
        group = members[key]
        start = bisect_right(group, index)  # the next ones in a circle, so that no channel is everybody's peer
        around = (group[(start + step) % len(group)] for step in range(min(len(group), 4 * ALIKE_MOST)))
        chosen = [other for other in around if channels[other].zone != channels[index].zone][:ALIKE_MOST]
        found[index, : len(chosen)] = chosen
    return found
