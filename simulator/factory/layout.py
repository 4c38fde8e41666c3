"""Every channel of a factory: those of its lines, then those of its posts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.factory.signals import dice
from simulator.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Channel:
    """Where it measures what, and from how far it hears its zone's machines."""

    id: str
    quantity: str
    zone: int
    place: str  # the post or unit that it shares a box with
    distance_m: float
    on_battery: bool


def channels_of(scenario: Scenario) -> list[Channel]:
    """In the order of the record's columns."""
    zones = {area.zone.id: index for index, area in enumerate(scenario.areas)}
    found = [
        Channel(f"{line.agent}.{unit.placement}.{quantity}", quantity, zones[unit.zone], f"{line.id}/{unit.unit}", unit.distance_to_source_m, False)
        for line in scenario.lines
        for unit in line.units
        for quantity in line.senses(unit)
    ]
    for post in scenario.course.posts:
        for number in range(1, post.count + 1):
            place = f"{post.agent}-{number}"
            distance_m = float(np.round(dice(scenario.seed, "distance", place).uniform(1.5, 6), 1))
            found += [Channel(f"{place}.{post.zone}-{number}.{quantity}", quantity, zones[post.zone], place, distance_m, True) for quantity in post.senses]
    return found
