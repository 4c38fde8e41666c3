"""The shift so far is what the agents would have said: same channels, the wire's own steps, marked, and the same bytes from the same seed."""

from __future__ import annotations

import msgspec
import pytest

from domain.ids import channel_id
from domain.quality import Reason
from domain.reading import Reading
from domain.senml import MAX_PACK_BYTES, MAX_RECORDS, decode_pack, encode_pack
from domain.times import MINUTE_US, SECOND_US
from simulator.history import backfill
from simulator.plant import Plant
from simulator.scenario import load_scenario

START_US = 1_795_500_000_000_000
FROM_US = START_US - 10 * MINUTE_US
HOT = load_scenario("hot-afternoon")


@pytest.fixture(scope="module")
def past() -> dict[str, list[list[Reading]]]:
    return dict(backfill(HOT, START_US, FROM_US, START_US))


def every(packs: dict[str, list[list[Reading]]]) -> list[Reading]:
    return [reading for of_agent in packs.values() for pack in of_agent for reading in pack]


def test_every_channel_of_the_registry_has_all_its_readings_and_no_other_has_any(past) -> None:
    expected = {}
    for agent in HOT.site_file(START_US).agents:
        for channel in agent.channels:
            expected[channel_id(agent.id, channel.placement, channel.quantity)] = round((START_US - FROM_US) / SECOND_US / channel.interval_s)
    counted: dict[str, int] = {}
    for reading in every(past):
        counted[reading.channel] = counted.get(reading.channel, 0) + 1
    assert counted == expected


def test_no_reading_is_there_twice_and_all_lie_in_the_span_asked_for(past) -> None:
    identities = [(reading.channel, reading.time_us) for reading in every(past)]
    assert len(identities) == len(set(identities))
    assert all(FROM_US <= time_us < START_US for _, time_us in identities)


def test_every_reading_says_that_it_is_simulated_and_backfilled(past) -> None:
    assert {reading.r for reading in every(past)} == {(int(Reason.SIMULATED), int(Reason.BACKFILLED))}


def test_packs_fit_the_wire_and_come_back_from_it(past) -> None:
    for agent, packs in past.items():
        for seq, pack in enumerate(packs):
            payload = encode_pack(agent, "b", seq, True, pack)
            assert len(payload) <= MAX_PACK_BYTES
            assert len(pack) <= MAX_RECORDS
            assert decode_pack(payload, agent).readings == pack


@pytest.mark.parametrize(("quantity", "per_unit"), [("air_temperature", 10), ("air_speed", 100), ("sound_level_a_eq", 10), ("co2", 1), ("pm2_5", 1)])
def test_values_have_the_wires_own_steps(past, quantity: str, per_unit: int) -> None:
    values = [reading.value for reading in every(past) if reading.channel.endswith(f".{quantity}")]
    assert values
    assert all(value == round(value * per_unit) / per_unit for value in values)


def test_values_lie_around_the_plants_truth(past) -> None:
    plant = Plant(HOT, START_US)
    readings = [reading for reading in every(past) if reading.channel == "agent-1.ironing.air_temperature"]
    errors = [reading.value - plant.quantities("ironing", reading.time_us)["air_temperature"] for reading in readings]
    assert abs(sum(errors) / len(errors)) < 0.05
    assert max(map(abs, errors)) < 0.5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(past) -> None:
    again = dict(backfill(HOT, START_US, FROM_US, START_US))
    other = dict(backfill(msgspec.structs.replace(HOT, seed=HOT.seed + 1), START_US, FROM_US, START_US))
    assert msgspec.json.encode(again) == msgspec.json.encode(past)
    assert msgspec.json.encode(other) != msgspec.json.encode(past)


def test_the_faults_of_sensor_trouble_are_in_its_readings() -> None:
    """Played into the past, an hour after the start: each faulty channel shows what its truth says."""
    scenario = load_scenario("sensor-trouble")
    packs = dict(backfill(scenario, START_US, START_US + 15 * MINUTE_US, START_US + 25 * MINUTE_US))
    by_channel: dict[str, list[float]] = {}
    for reading in every(packs):
        by_channel.setdefault(reading.channel, []).append(reading.value)
    healthy = dict(backfill(msgspec.structs.replace(scenario, faults=[]), START_US, START_US + 15 * MINUTE_US, START_US + 25 * MINUTE_US))
    normal: dict[str, list[float]] = {}
    for reading in every(healthy):
        normal.setdefault(reading.channel, []).append(reading.value)
    for truth in scenario.truths():
        for channel in truth.channels if truth.truth == "fault" else ():
            assert _shows(truth.type, by_channel.get(channel, []), normal[channel]), f"{truth.id} on {channel}"
    untouched = set(normal) - {channel for truth in scenario.truths() if truth.truth == "fault" for channel in truth.channels}
    assert all(by_channel[channel] == normal[channel] for channel in untouched)


def _shows(kind: str, values: list[float], normal: list[float]) -> bool:
    middle = sum(normal) / len(normal)
    if kind == "stuck":
        return len(set(values)) == 1 < len(set(normal))
    if kind == "unplugged":
        return not values
    if kind == "bias":
        return abs(sum(values) / len(values) - middle) > 10 * max(abs(value - middle) for value in normal) / 3
    if kind == "noise":
        return max(values) - min(values) > 3 * (max(normal) - min(normal))
    return kind == "spike" and 0 < sum(abs(value - middle) > 15 for value in values) < len(values) / 3


def test_a_span_that_is_no_whole_number_of_packs_loses_nothing() -> None:
    whole = every(dict(backfill(HOT, START_US, START_US - 150 * SECOND_US, START_US)))
    longer = every(dict(backfill(HOT, START_US, START_US - 180 * SECOND_US, START_US)))
    since_us = START_US - 150 * SECOND_US
    assert {(reading.channel, reading.time_us) for reading in whole} == {(reading.channel, reading.time_us) for reading in longer if reading.time_us >= since_us}
    assert max(reading.time_us for reading in whole) == START_US - 5 * SECOND_US
