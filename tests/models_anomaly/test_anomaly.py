"""Sensor fault or event: each fault on its own, laws of a stream, and the scenarios of the simulator by their ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.times import HOUR_US, MINUTE_US, SECOND_US
from models.anomaly import AnomalyModel, ChannelInfo, Output, Suspect
from models.anomaly.suspect import FAULTS, Code
from simulator.history import backfill
from simulator.scenario import Scenario, load_scenario

STEP_US = 5 * SECOND_US
HEAT = [
    ChannelInfo(id=f"a{zone}.p.{quantity}", quantity=quantity, zone=f"f.z{zone}", agent=f"a{zone}", interval_s=5)
    for zone in range(3)
    for quantity in ("air_temperature", "globe_temperature")
]
NAMES = {"bias": "bias", "unplugged": "dropout", "stuck": "stuck", "spike": "spike", "noise": "noise"}
"""The simulator's name of a fault → the model's."""


def quiet(samples: int = 1_000, seed: int = 1) -> np.ndarray:
    """Three zones with air and globe, on a common slow course, at 0.1 K."""
    dice = np.random.default_rng(seed)
    course = 28 + 2 * np.sin(np.arange(samples) / 3_000)[:, None] + np.array([0.0, 0.6] * 3)
    return np.round(course + dice.normal(0, 0.07, (samples, 6)), 1)


def ticks(samples: int, first: int = 1) -> np.ndarray:
    return np.arange(first, first + samples, dtype=np.int64) * STEP_US


def names(output: Output, channel: int) -> set[str]:
    """Everything that a channel was ever called."""
    return {Code(code).name.lower() for code in np.unique(output.code[:, channel]) if code}


def run(values: np.ndarray, channels: Sequence[ChannelInfo] = HEAT) -> Output:
    return AnomalyModel(channels).run(ticks(len(values)), values)


@pytest.mark.parametrize(("moved", "expected"), [((0,), {"bias"}), ((0, 1), {"event"})])
def test_a_step_that_a_hole_in_the_record_hid_is_a_fault_where_the_globe_beside_it_does_not_follow(moved: tuple[int, ...], expected: set[str]) -> None:
    values = quiet(1_500)
    values[900:960] = np.nan
    values[960:, list(moved)] += 5.0
    output = run(values)
    for channel in range(len(HEAT)):
        assert names(output, channel) == (expected if channel in moved else set())


def test_an_earlier_hole_does_not_hide_a_step() -> None:
    values = quiet(1_200)
    values[900:960] = np.nan
    values[995:, 2] += 5.0
    assert names(run(values), 2) == {"bias"}


def test_quiet_channels_are_not_suspected() -> None:
    assert not run(quiet(2_000)).code.any()


@pytest.mark.parametrize("channel", [0, 3])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [("stuck", {"stuck"}), ("spike", {"spike"}), ("noise", {"noise"}), ("bias", {"bias"}), ("dropout", {"dropout"})],
)
def test_each_fault_is_named_on_its_channel_and_nowhere_else(fault: str, expected: set[str], channel: int) -> None:
    values, dice = quiet(1_000), np.random.default_rng(7)
    span = slice(600, 900)
    if fault == "stuck":
        values[span, channel] = values[600, channel]
    elif fault == "spike":
        values[span, channel] += 15 * (dice.random(300) < 0.1)
    elif fault == "noise":
        values[span, channel] += np.round(dice.normal(0, 0.6, 300), 1)
    elif fault == "bias":
        values[span, channel] += 4
    else:
        values[span, channel] = np.nan
    output = run(values)
    assert names(output, channel) == expected
    assert not output.code[:600].any()
    assert output.code[880, channel]
    assert not np.delete(output.code, channel, axis=1).any()


def test_a_jump_that_linked_channels_share_is_no_fault() -> None:
    values = quiet(1_000)
    values[600:, 2:4] += 5
    output = run(values)
    assert names(output, 2) == names(output, 3) == {"event"}


def test_a_gradual_rise_in_one_zone_is_an_event_and_its_text_says_so() -> None:
    values = quiet(1_100)
    values[600:, 0:2] += np.minimum(np.arange(500) * 0.02, 6)[:, None]
    model = AnomalyModel(HEAT)
    suspects = model.update(ticks(1_100), values)
    assert {(suspect.channel, suspect.kind) for suspect in suspects} == {(HEAT[0].id, "event"), (HEAT[1].id, "event")}
    assert all(suspect.text.startswith("suspected event") and suspect.culprit in (HEAT[0].id, HEAT[1].id) for suspect in suspects)
    assert all(suspect.p_event > suspect.p_fault for suspect in suspects)


def test_a_rise_in_all_zones_is_the_weather() -> None:
    values = quiet(1_100)
    values[600:] += np.minimum(np.arange(500) * 0.02, 6)[:, None]
    assert not run(values).code.any()


def test_a_device_that_is_silent_as_a_whole_has_no_faulty_sensor() -> None:
    values = quiet(800)
    values[600:, 0:2] = np.nan
    assert not run(values).code.any()


def test_a_fault_that_ends_is_forgotten_and_its_end_is_no_new_fault() -> None:
    values = quiet(1_600)
    values[600:900, 0] += 4
    values[600:900, 2] = values[600, 2]
    values[600:900, 4] += np.random.default_rng(3).normal(0, 0.8, 300)
    output = run(values)
    assert [names(output, channel) for channel in (0, 2, 4)] == [{"bias"}, {"stuck"}, {"noise"}]
    assert not output.code[1_000:].any()


def test_a_sensor_that_rests_at_its_floor_at_night_is_not_stuck() -> None:
    dice = np.random.default_rng(5)
    day = 395 + 120 * np.abs(np.sin(np.arange(2_199) / 700)) + dice.normal(0, 6, 2_199)
    co2 = np.round(np.concatenate([np.maximum(day, 400), np.full(1_500, 400.0)]))
    channel = ChannelInfo(id="a.p.co2", quantity="co2", zone="f.z", agent="a", interval_s=10)
    output = AnomalyModel([channel]).run(np.arange(1, len(co2) + 1) * 10 * SECOND_US, co2[:, None])
    assert not output.code.any()


def test_a_gas_sensor_in_clean_air_is_not_stuck_at_zero() -> None:
    channel = ChannelInfo(id="a.p.co", quantity="co", zone="f.z", agent="a", interval_s=5)
    assert not run(np.zeros((3_000, 1)), [channel]).code.any()


@pytest.mark.parametrize("value", [0.0, 21.3])
def test_a_constant_series_raises_only_stuck(value: float) -> None:
    output = run(np.full((3_000, 1), value), HEAT[:1])
    assert names(output, 0) == {"stuck"}


def test_missing_data_never_become_zero() -> None:
    values = quiet(1_500)
    values[::2, 0] = np.nan
    values[1::3, 1] = np.nan
    output = run(values)
    assert not output.code.any()
    assert np.isfinite(output.score).all()


def test_a_channel_that_never_spoke_is_not_suspected() -> None:
    values = quiet(800)
    values[:, 0] = np.nan
    assert not run(values).code.any()


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 449), max_size=6), st.integers(0, 1_000))
def test_replay_gives_the_same_bits_however_it_is_cut(cuts: list[int], seed: int) -> None:
    values = quiet(450, seed)
    values[300:, 0] += 3
    values[::7, 2] = np.nan
    whole, parts = AnomalyModel(HEAT), AnomalyModel(HEAT)
    expected = whole.run(ticks(450), values)
    pieces = [parts.run(ticks(450)[start:stop], values[start:stop]) for start, stop in pairwise([0, *sorted(set(cuts)), 450])]
    for field in ("score", "p_fault", "p_event", "code"):
        assert np.concatenate([getattr(piece, field) for piece in pieces]).tobytes() == getattr(expected, field).tobytes()
    assert parts.suspects() == whole.suspects()


@settings(max_examples=5, deadline=None)
@given(st.integers(10, 430), st.integers(0, 1_000))
def test_what_comes_later_changes_nothing_before(at: int, seed: int) -> None:
    values, other = quiet(450, seed), quiet(450, seed)
    other[at:] = np.random.default_rng(seed).normal(0, 100, (450 - at, 6))
    assert np.array_equal(run(values).score[:at], run(other).score[:at])


def test_a_tick_that_is_not_later_is_left_out() -> None:
    values = quiet(700)
    model = AnomalyModel(HEAT)
    model.run(ticks(700), values)
    before = model.suspects()
    assert model.update(ticks(100), np.full((100, 6), 99.0)) == before


def test_probabilities_are_probabilities_and_a_suspect_ranks_its_kind_first() -> None:
    values = quiet(1_000)
    values[600:, 0] = values[600, 0]
    output = run(values)
    assert ((output.p_fault >= 0) & (output.p_event >= 0) & (output.p_fault + output.p_event <= 1)).all()
    stuck = output.code[:, 0] == Code.STUCK
    assert stuck.any()
    assert (output.p_fault[stuck, 0] > 0.5 * (output.p_fault + output.p_event)[stuck, 0]).all()
    assert (output.score[stuck, 0] >= 1).all()


@dataclass
class Watched:
    """A scenario as the model saw it."""

    scenario: Scenario
    channels: list[ChannelInfo]
    output: Output
    since_s: np.ndarray

    def called(self, channel: str, start_s: float, stop_s: float) -> set[str]:
        column = [info.id for info in self.channels].index(channel)
        codes = self.output.code[(self.since_s >= start_s) & (self.since_s < stop_s), column]
        return {FAULTS.get(Code(code), "event") for code in np.unique(codes) if code}


def watch(name: str, hours: float) -> Watched:
    scenario = load_scenario(name)
    start_us = 1_763_800_000 * SECOND_US // MINUTE_US * MINUTE_US
    file = scenario.site_file(start_us)
    channels = [
        ChannelInfo(id=f"{agent.id}.{spec.placement}.{spec.quantity}", quantity=spec.quantity, zone=f"{file.site.id}.{spec.zone}", agent=agent.id, interval_s=spec.interval_s)
        for agent in file.agents
        for spec in agent.channels
    ]
    column = {channel.id: index for index, channel in enumerate(channels)}
    rows: dict[int, dict[int, float]] = {}
    for _, packs in backfill(scenario, start_us, scenario.shift_start_us(start_us), start_us + round(hours * HOUR_US)):
        for reading in (reading for pack in packs for reading in pack):
            if reading.value is not None:
                rows.setdefault(reading.time_us, {})[column[reading.channel]] = reading.value
    times = np.array(sorted(rows), dtype=np.int64)
    values = np.full((len(times), len(channels)), np.nan)
    for row, time_us in enumerate(times):
        for index, value in rows[int(time_us)].items():
            values[row, index] = value
    return Watched(scenario, channels, AnomalyModel(channels).run(times, values), (times - start_us) / SECOND_US)


def test_sensor_trouble_names_each_fault_and_calls_the_event_an_event() -> None:
    seen = watch("sensor-trouble", 1.25)
    troubled: set[str] = set()
    for truth in seen.scenario.truths():
        for channel in truth.channels:
            troubled.add(channel)
            expected = {NAMES[truth.type]} if truth.truth == "fault" else {"event"}
            assert seen.called(channel, truth.start_s, truth.stop_s) == expected, truth.id
    for channel in seen.channels:
        assert channel.id in troubled or not seen.called(channel.id, -1e9, 1e9), channel.id


def test_quiet_sunday_has_no_suspects() -> None:
    seen = watch("quiet-sunday", 2.0)
    assert not seen.output.code.any()


@pytest.mark.parametrize("name", ["hot-afternoon", "gluing-without-extraction"])
def test_a_real_event_is_never_called_a_fault_and_nothing_else_is_called_anything(name: str) -> None:
    seen = watch(name, 1.0)
    moved = {channel for truth in seen.scenario.truths() for channel in truth.channels}
    assert any(seen.called(channel, 0, 3_600) == {"event"} for channel in moved)
    for channel in seen.channels:
        allowed = {"event"} if channel.id in moved else set()
        assert seen.called(channel.id, -1e9, 1e9) <= allowed, channel.id


def test_a_suspect_is_plain_data() -> None:
    values = quiet(1_000)
    values[600:, 0] = values[600, 0]
    model = AnomalyModel(HEAT)
    (suspect,) = model.update(ticks(1_000), values)
    assert msgspec.json.decode(msgspec.json.encode(suspect), type=Suspect) == suspect
    assert suspect.text.startswith("suspected fault: stuck at ")
    assert suspect.since_us <= 601 * STEP_US
