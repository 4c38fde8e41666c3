"""Every scenario that comes with the house is a factory that the centre and the agents accept, and its ground truth names things that are there."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.ids import channel_id
from domain.registry import ShiftSpec
from domain.shifts import current_shift
from domain.sitefile import parse_site_file
from domain.times import HOUR_US, MINUTE_US
from edge_agent.config import load_config
from edge_agent.drivers.registry import channels_of
from simulator.scenario import Scenario, list_scenarios, load_scenario

START_US = 1_795_500_000_000_000
HOT = load_scenario("hot-afternoon")
every_scenario = pytest.mark.parametrize("scenario", [load_scenario(name) for name in list_scenarios()], ids=lambda scenario: scenario.id)


def channels(scenario: Scenario) -> set[str]:
    return {channel_id(agent.id, channel.placement, channel.quantity) for agent in scenario.site_file(START_US).agents for channel in agent.channels}


def test_the_scenarios_of_the_house() -> None:
    assert {"hot-afternoon", "quiet-sunday", "sensor-trouble", "gluing-without-extraction"} <= set(list_scenarios())


@every_scenario
def test_its_id_is_its_name(scenario: Scenario) -> None:
    assert scenario.source == scenario.id
    assert scenario.site.id == "demo"


@every_scenario
def test_the_centre_takes_its_registry_file(scenario: Scenario) -> None:
    file = scenario.site_file(START_US)
    assert parse_site_file(yaml.safe_dump(msgspec.to_builtins(file)), "demo.yaml") == file


@every_scenario
def test_its_agents_take_their_configs_and_name_their_channels_as_the_registry_does(scenario: Scenario, tmp_path: Path) -> None:
    named = set()
    for agent in scenario.agents:
        ports = {line.id: str(tmp_path / line.id) for line in scenario.lines}
        path = tmp_path / f"{agent}.yaml"
        path.write_text(yaml.safe_dump(scenario.agent_config(agent, ports=ports, mqtt={"url": "mqtt://127.0.0.1:1883"}, data_dir=str(tmp_path))))
        config = load_config(path).config
        assert config.clock.trusted
        assert all(sensor.simulated for sensor in config.sensors)
        named |= {channel_id(agent, placement, quantity) for sensor in config.sensors for placement, quantity in channels_of(sensor, tmp_path)}
    assert named == channels(scenario)


@every_scenario
def test_its_ground_truth_names_channels_that_are_there(scenario: Scenario) -> None:
    for truth in scenario.truths():
        assert truth.channels, truth.id
        assert set(truth.channels) <= channels(scenario)
        assert truth.start_s < truth.stop_s
        assert truth.zone in {area.zone.id for area in scenario.areas}


def test_what_the_ground_truth_of_each_scenario_is() -> None:
    truths = {name: [truth.truth for truth in load_scenario(name).truths()] for name in list_scenarios()}
    assert truths["quiet-sunday"] == []
    assert truths["hot-afternoon"] == ["event"]
    assert truths["sensor-trouble"].count("event") == 1
    assert "event" in truths["gluing-without-extraction"]
    assert {truth.type for truth in load_scenario("sensor-trouble").truths() if truth.truth == "fault"} >= {"stuck", "spike", "bias", "noise"}


def test_the_default_factory_has_a_small_group_and_a_hazard_that_nobody_measures() -> None:
    hot = load_scenario("hot-afternoon")
    crowds = [area.zone.workers.women + area.zone.workers.men for area in hot.areas if area.zone.workers]
    assert 0 < min(crowds) < 5
    assert "chemical:108-88-3" in next(area.zone.hazards for area in hot.areas if area.zone.id == "gluing")
    assert not any(channel.endswith("concentration:108-88-3") for channel in channels(hot))


@settings(deadline=None)
@given(start_us=st.integers(START_US, START_US + 400 * 24 * HOUR_US))
def test_at_whatever_hour_a_demo_starts_its_shift_began_three_hours_before(start_us: int) -> None:
    file = HOT.site_file(start_us)
    shift = current_shift(file.shifts, ZoneInfo(file.site.timezone), start_us)
    assert shift is not None
    assert 0 <= start_us - 3 * HOUR_US - shift.start_us < MINUTE_US
    assert shift.stop_us - shift.start_us == 9 * HOUR_US
    assert [stop - start for start, stop in shift.breaks] == [45 * MINUTE_US]


def test_a_shift_may_run_over_midnight() -> None:
    midnight_in_viet_nam_us = 1_795_539_600_000_000
    (shift,) = load_scenario("hot-afternoon").site_file(midnight_in_viet_nam_us + HOUR_US).shifts
    assert isinstance(shift, ShiftSpec)
    assert (shift.start, shift.stop) == ("22:00", "07:00")


@pytest.mark.parametrize(
    ("old", "new", "field", "line_with"),
    [
        ("seed: 20261122", "seed: soon", "seed", "seed: soon"),
        ("zone: ironing, class", "zone: moon, class", "lines[0]", "id: heat-bus"),
        ("{id: leak, zone: ironing", "{id: leak, zone: moon", "events[0].zone", "id: leak"),
        ("kind: steam_leak", "kind: earthquake", "events[0].kind", "id: leak"),
        ("title:", "titel:", "titel", "titel:"),
    ],
)
def test_a_scenario_that_cannot_be_played_names_line_and_field(tmp_path: Path, old: str, new: str, field: str, line_with: str) -> None:
    text = (Path(__file__).resolve().parents[2] / "simulator" / "scenarios" / "hot-afternoon.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_scenario(str(path))
    assert caught.value.field == field
    assert caught.value.line == next(number for number, line in enumerate(path.read_text().splitlines(), start=1) if line_with in line)


def test_a_scenario_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(BadInput, match="hot-afternoon"):
        load_scenario("cold-morning")
