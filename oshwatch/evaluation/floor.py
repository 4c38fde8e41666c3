"""Test H: factories of the simulator with random incidents. Is an event called an event, a fault a fault, and a quiet floor nothing?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from domain.times import HOUR_US, SECOND_US
from models.anomaly import AnomalyModel, ChannelInfo, Output
from models.anomaly.suspect import Code
from models.arrays import Array
from oshwatch.evaluation.report import Row, interval, mean_of
from oshwatch.evaluation.split import Half, first_seed
from simulator.history import backfill
from simulator.scenario import Fault, Happening, Scenario, load_scenario

START_US = 1_763_800_000 * SECOND_US // (60 * SECOND_US) * 60 * SECOND_US
HOURS = 1.5
FAULTS: dict[str, dict[str, tuple[float, float]]] = {
    "stuck": {},
    "spike": {"air_temperature": (6, 15), "relative_humidity": (15, 30), "globe_temperature": (6, 15), "co2": (200, 600), "sound_level_a_eq": (15, 30)},
    "bias": {"air_temperature": (3, 8), "relative_humidity": (15, 30), "globe_temperature": (3, 8), "co2": (200, 600), "sound_level_a_eq": (12, 25)},
    "noise": {"air_temperature": (6, 12), "relative_humidity": (6, 12), "globe_temperature": (6, 12), "sound_level_a_eq": (6, 12), "co2": (6, 12)},
    "unplugged": {},
}
EVENTS = {"steam_leak": (0.6, 1.2), "ventilation_stops": (0.7, 0.95), "machine_noise": (86, 98), "solvent_spill": (8, 25)}


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happened, what it was, and what it was called: "event", "fault" or "" for missed."""

    truth: str
    kind: str
    called: str
    delay_min: float
    elsewhere: int  # channels that had nothing to do with it and were called something


def measure(factories: int, half: Half) -> list[Row]:
    """Half of the factories have an event, half a fault."""
    incidents = [_incident(_with_incident(seed, "event" if seed % 2 else "fault")) for seed in range(first_seed(half), first_seed(half) + factories)]
    return [*_rows(incidents), _quiet(max(2, factories // 10), first_seed(half))]


def _rows(incidents: list[Incident]) -> list[Row]:
    low, high = interval(incidents, lambda drawn: _balanced([one for one in drawn if isinstance(one, Incident)]))
    value = _balanced(incidents)
    rows = [
        Row(
            test="H",
            what="events and faults told apart, balanced accuracy",
            target=">= 0.90",
            reached=value,
            low=low,
            high=high,
            is_met=value >= 0.9,
            note=f"{len(incidents)} factories",
        ),
        Row(test="H", what="the same, everything called an event", target="", reached=0.5),
        Row(test="H", what="the same, nothing called anything", target="", reached=0.0),
    ]
    for kind in sorted({one.kind for one in incidents}):
        of_kind = [one for one in incidents if one.kind == kind]
        rows.append(Row(test="H", what=f"{kind}: named right", target="", reached=float(np.mean([one.called == one.truth for one in of_kind])), note=_delays(of_kind)))
    rows.append(mean_of("H", "bystanders called something, a factory", "", np.array([float(one.elsewhere) for one in incidents])))
    return rows


def _delays(incidents: list[Incident]) -> str:
    delays = [one.delay_min for one in incidents if np.isfinite(one.delay_min)]
    return f"{len(incidents)} factories" + (f", median delay {np.median(delays):.1f} min" if delays else "")


def _balanced(incidents: list[Incident]) -> float:
    shares = [[one.called == one.truth for one in incidents if one.truth == truth] for truth in ("event", "fault")]
    return float(np.mean([np.mean(share) for share in shares])) if all(shares) else float("nan")


def _with_incident(seed: int, truth: str) -> Scenario:
    dice = np.random.default_rng(seed)
    base = msgspec.structs.replace(load_scenario("hot-afternoon"), seed=100_000 + seed, events=[], faults=[])
    start_s = float(dice.uniform(300, 2_400))
    if truth == "event":
        kind = str(dice.choice(list(EVENTS)))
        zone = str(dice.choice(_zones_for(base, kind)))
        return msgspec.structs.replace(base, events=[_happening(kind, zone, start_s, float(dice.uniform(*EVENTS[kind])))])
    kind = str(dice.choice(list(FAULTS)))
    line, unit, quantity = _sensor_for(base, kind, dice)
    size = float(dice.uniform(*FAULTS[kind][quantity])) * (float(dice.choice([-1, 1])) if kind == "bias" else 1.0) if FAULTS[kind] else 0.0
    return msgspec.structs.replace(base, faults=[_fault(kind, line, unit, quantity, start_s, size)])


def _happening(kind: str, zone: str, start_s: float, size: float) -> Happening:
    return msgspec.convert({"id": "e", "zone": zone, "kind": kind, "start_s": start_s, "duration_s": 2_400.0, "size": size}, Happening)


def _fault(kind: str, line: str, unit: int, quantity: str, start_s: float, size: float) -> Fault:
    return msgspec.convert({"id": "f", "line": line, "unit": unit, "quantity": quantity, "kind": kind, "start_s": start_s, "duration_s": 2_700.0, "size": size}, Fault)


def _zones_for(base: Scenario, kind: str) -> list[str]:
    wanted = {"steam_leak": "air_temperature", "ventilation_stops": "", "machine_noise": "sound_level_a_eq", "solvent_spill": "tvoc_isobutylene"}[kind]
    zones = {unit.zone for line in base.lines for unit in line.units if wanted in line.senses(unit) or (not wanted and {"co2", "tvoc_isobutylene"} & set(line.senses(unit)))}
    return sorted(zones)


def _sensor_for(base: Scenario, kind: str, dice: np.random.Generator) -> tuple[str, int, str]:
    """Of air speed, dust and clipped gases a bias says nothing; an unplugged line is a whole UART sensor."""
    if kind == "unplugged":
        line = base.line(str(dice.choice([line.id for line in base.lines if line.kind != "modbus"])))
        return line.id, line.units[0].unit, ""
    known = FAULTS[kind] or FAULTS["bias"]
    choices = [(line.id, unit.unit, quantity) for line in base.lines for unit in line.units for quantity in line.senses(unit) if quantity in known]
    return choices[int(dice.integers(len(choices)))]


def _incident(scenario: Scenario) -> Incident:
    channels, output, since_s = watch(scenario, HOURS)
    (truth,) = scenario.truths()
    during = (since_s >= truth.start_s) & (since_s < truth.stop_s)
    mine = [index for index, channel in enumerate(channels) if channel.id in truth.channels]
    codes = output.code[np.ix_(np.flatnonzero(during), np.array(mine, dtype=np.intp))]
    called, first = _called(codes), np.flatnonzero((codes != Code.NONE).any(axis=1))
    delay_min = float(since_s[during][first[0]] - truth.start_s) / 60 if len(first) else float("nan")
    others = np.delete(output.code, mine, axis=1)
    linked = truth.truth == "event"
    elsewhere = int((((others != Code.NONE) & ~((others == Code.EVENT) & linked)).any(axis=0)).sum())
    return Incident(truth.truth, truth.type, called, delay_min, elsewhere)


def _called(codes: npt.NDArray[np.int8]) -> str:
    """What its channels were called for most of the time that they were called anything."""
    events, faults = int((codes == Code.EVENT).sum()), int(((codes != Code.NONE) & (codes != Code.EVENT)).sum())
    return "" if events + faults == 0 else "event" if events > faults else "fault"


def _quiet(factories: int, first: int) -> Row:
    weeks: list[float] = []
    for seed in range(factories):
        base = msgspec.structs.replace(load_scenario("hot-afternoon"), seed=200_000 + first + seed, events=[], faults=[])
        channels, output, _ = watch(base, 5.0)
        is_event = output.code == Code.EVENT
        begins = int((is_event[1:] & ~is_event[:-1]).any(axis=1).sum())
        weeks.append(begins / (len({channel.zone for channel in channels}) * 5.0 / 168.0))
    return mean_of("H", "false events, a zone-week", "<= 1", np.array(weeks), most=1.0, note=f"{factories} quiet factories of 5 h")


def watch(scenario: Scenario, hours: float) -> tuple[list[ChannelInfo], Output, Array]:
    """A scenario from the start of its shift, as the running model sees it; times in seconds since the demo's start."""
    file = scenario.site_file(START_US)
    channels = [
        ChannelInfo(id=f"{agent.id}.{spec.placement}.{spec.quantity}", quantity=spec.quantity, zone=f"{file.site.id}.{spec.zone}", agent=agent.id, interval_s=spec.interval_s)
        for agent in file.agents
        for spec in agent.channels
    ]
    column = {channel.id: index for index, channel in enumerate(channels)}
    rows: dict[int, dict[int, float]] = {}
    for time_us, id, value in _samples(scenario, hours):
        rows.setdefault(time_us, {})[column[id]] = value
    times = np.array(sorted(rows), dtype=np.int64)
    values = np.full((len(times), len(channels)), np.nan)
    for row, time_us in enumerate(times):
        for index, value in rows[int(time_us)].items():
            values[row, index] = value
    return channels, AnomalyModel(channels).run(times, values), (times - START_US) / SECOND_US


def _samples(scenario: Scenario, hours: float) -> Iterator[tuple[int, str, float]]:
    for _, packs in backfill(scenario, START_US, scenario.shift_start_us(START_US), START_US + round(hours * HOUR_US)):
        for pack in packs:
            for reading in pack:
                if reading.value is not None:
                    yield reading.time_us, reading.channel, reading.value
