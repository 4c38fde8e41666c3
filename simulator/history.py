"""The past part of a shift, as the agents would have reported it: raw values on the wire's resolution, marked simulated and backfilled."""

from __future__ import annotations

from collections.abc import Iterator

from domain.quality import Reason
from domain.reading import Reading
from domain.senml import MAX_RECORDS
from domain.times import SECOND_US
from simulator.plant import Plant
from simulator.scenario import Line, Scenario, Unit
from simulator.sensing import Instrument

REASONS = (int(Reason.SIMULATED), int(Reason.BACKFILLED))
PACK_S = 60
"""A pack holds a minute: well under the limits of size and number of records."""
_RECORDS_WANTED = MAX_RECORDS // 2


def backfill(scenario: Scenario, start_us: int, from_us: int, to_us: int) -> Iterator[tuple[str, list[list[Reading]]]]:
    """For each agent its packs of [from, to), oldest first; `start_us` is the demo's start, to which events and faults are tied.

    Each unit has a plant of its own, since a plant is asked in increasing time.
    """
    by_agent: dict[str, list[list[Reading]]] = {agent: [] for agent in scenario.agents}
    instruments = [(line, unit, Instrument(scenario, line, unit, start_us), Plant(scenario, start_us)) for line in scenario.lines for unit in line.units]
    for minute_us in range(from_us, to_us, PACK_S * SECOND_US):
        until_us = min(minute_us + PACK_S * SECOND_US, to_us)
        fresh: dict[str, list[Reading]] = {agent: [] for agent in by_agent}
        for line, unit, instrument, plant in instruments:
            fresh[line.agent] += _readings(plant, line, unit, instrument, minute_us, until_us)
        for agent, readings in fresh.items():
            ordered = sorted(readings, key=lambda reading: reading.time_us)
            by_agent[agent] += [ordered[first : first + _RECORDS_WANTED] for first in range(0, len(ordered), _RECORDS_WANTED)]
    yield from by_agent.items()


def _readings(plant: Plant, line: Line, unit: Unit, instrument: Instrument, from_us: int, to_us: int) -> Iterator[Reading]:
    quantities = line.senses(unit)
    for time_us in range(from_us, to_us, round(line.interval_s * SECOND_US)):
        if instrument.wire_fault("unplugged", time_us):
            continue
        truth = plant.quantities(unit.placement, time_us)
        for quantity in quantities:
            yield Reading(f"{line.agent}.{unit.placement}.{quantity}", time_us, instrument.says(quantity, truth[quantity], time_us), 4, REASONS)
