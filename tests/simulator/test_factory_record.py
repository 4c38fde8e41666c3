"""The long record obeys balances, says the truth about every sample, and is the same whenever it is made."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.sitefile import parse_site_file
from models.heat.wbgt import estimated_wbgt_c
from simulator.factory.balance import Building, Forces
from simulator.factory.climates import CLIMATES
from simulator.factory.export import write_record
from simulator.factory.incidents import MOVED, Incident
from simulator.factory.record import Block, Record, distance_factor, energy_level_db
from simulator.factory.sensors import Sensors
from simulator.factory.spec import Course
from simulator.factory.weather import Sky
from simulator.factory.work import Diary
from simulator.scenario import Fault, Scenario, load_scenario

START_US = 1_777_600_000_000_000
MONTH = load_scenario("garment-month")
STEP_S = 60.0


def with_course(**changes: object) -> Scenario:
    return msgspec.structs.replace(MONTH, course=msgspec.structs.replace(MONTH.course, **changes))


def made(scenario: Scenario, days: int = 2, step_s: float = STEP_S) -> tuple[Record, list[Block]]:
    record = Record(scenario, START_US, days, step_s)
    return record, list(record.blocks())


@pytest.fixture(scope="module")
def week() -> tuple[Record, list[Block]]:
    return made(MONTH, 7)


def column(record: Record, ending: str) -> int:
    return next(index for index, channel in enumerate(record.channels) if channel.id.endswith(ending))


def test_the_month_has_160_channels_with_ids_of_their_own() -> None:
    channels = Record(MONTH, START_US, 1).channels
    assert len({channel.id for channel in channels}) == len(channels) == 160


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    step_s=st.sampled_from([10.0, 30.0, 60.0]),
    climate=st.sampled_from(sorted(CLIMATES)),
    leak=st.floats(0, 2),
    lost=st.floats(0, 1),
    spill=st.floats(0, 50),
)
def test_heat_and_every_matter_balance_over_a_day(seed: int, step_s: float, climate: str, leak: float, lost: float, spill: float) -> None:
    scenario = msgspec.structs.replace(MONTH, seed=seed)
    weather, work = Sky(CLIMATES[climate], seed, 120, step_s).day(0), Diary(scenario, 3, step_s).day(0)
    building = Building(scenario, step_s, float(weather.air_c[0]), float(weather.vapour_hpa[0]))
    shape = (len(weather.air_c), len(scenario.areas))
    air = building.day(weather, work, Forces(np.full(shape, leak), np.full(shape, lost), np.full(shape, spill)))
    scale = np.abs(air.ledger.came).sum(axis=1) + np.abs(air.ledger.first).sum(axis=1)
    assert np.all(np.abs(air.ledger.gap().sum(axis=1)) < 1e-9 * scale)
    assert np.all(air.matter[:, 1:] >= 0)


def test_a_zone_settles_where_what_evaporates_equals_what_leaves() -> None:
    (gluing,) = (index for index, area in enumerate(MONTH.areas) if area.zone.id == "gluing")
    alone = with_course(doors_m3_s=0.0)
    weather, work = Sky(CLIMATES["highland"], 1, 120, 60).day(0), Diary(alone, 3, 60).day(0)
    building = Building(alone, 60, 20, 15)
    none = np.zeros((len(weather.air_c), len(alone.areas)))
    steady = type(work)(np.ones_like(none), np.ones_like(none), np.ones_like(none), np.ones(len(none)), np.zeros(len(none)), np.ones(len(none)), work.shift)
    air = building.day(weather, steady, Forces(none, none, none))
    physics = alone.areas[gluing].physics
    natural = (0.55 + 0.25 * weather.wind_ms[-1]) * (1 - physics.mechanical) + physics.mechanical
    expected_mg_m3 = physics.solvent_g_per_min * 1000 / 60 * (1 - physics.capture) / (physics.volume_m3 * physics.air_changes_per_h / 3600 * natural)
    assert air.matter[-1, 3, gluing] == pytest.approx(expected_mg_m3, rel=0.05)


def test_the_same_seed_gives_the_same_record_bit_for_bit_and_another_seed_another() -> None:
    _, once = made(MONTH)
    _, again = made(MONTH)
    _, other = made(msgspec.structs.replace(MONTH, seed=7))
    for left, right in zip(once, again, strict=True):
        assert all(np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True) for name in ("times_us", "observed", "true", "event", "fault"))
    assert not np.array_equal(once[0].observed, other[0].observed, equal_nan=True)


def test_the_first_days_do_not_depend_on_how_many_follow() -> None:
    _, short = made(MONTH, 1)
    _, longer = made(MONTH, 3)
    assert np.array_equal(short[0].true, longer[0].true)


def test_days_join_without_a_seam(week) -> None:
    record, blocks = week
    index = column(record, "agent-1.ironing.air_temperature")
    inside = max(float(np.abs(np.diff(block.true[:, index])).max()) for block in blocks)
    assert all(abs(later.true[0, index] - earlier.true[-1, index]) <= inside for earlier, later in pairwise(blocks))
    times = np.concatenate([block.times_us for block in blocks])
    assert set(np.diff(times)) == {60_000_000}


def test_where_no_fault_is_a_sensor_says_the_truth_within_its_errors(week) -> None:
    record, blocks = week
    for quantity, most in (("air_temperature", 0.8), ("sound_level_a_eq", 2.5), ("co2", 90.0), ("relative_humidity", 5.0)):
        columns = [index for index, channel in enumerate(record.channels) if channel.quantity == quantity]
        for block in blocks:
            healthy = np.where(block.fault[:, columns] == 0, block.observed[:, columns] - block.true[:, columns], np.nan)
            assert np.nanmedian(np.abs(healthy)) < most
            assert np.nanmean(np.isnan(block.observed[:, columns][block.fault[:, columns] == 0])) < 0.002


def test_every_sample_of_an_incident_has_its_number_and_no_other_sample_has_one() -> None:
    busy = with_course(events_per_zone_week={"steam_leak": 3.0, "machine_noise": 3.0}, faults_per_sensor_week={"stuck": 0.3, "bias": 0.3})
    record, blocks = made(busy, 3)
    named = {one.number: one for one in record.incidents}
    assert {one.truth for one in record.incidents} == {"event", "fault"}
    for number, block in enumerate(blocks):
        since_s = number * 86_400 + np.arange(len(block.true)) * STEP_S
        for codes, truth in ((block.event, "event"), (block.fault, "fault")):
            for code in np.unique(codes[codes > 0]):
                rows, columns = np.nonzero(codes == code)
                assert named[code].truth == truth
                assert named[code].start_s <= since_s[rows].min() <= since_s[rows].max() < named[code].stop_s
                assert set(columns) <= set(named[code].columns)
        expected = np.zeros(block.fault.shape, dtype=bool)
        for one in record.incidents:
            if one.truth == "fault":
                inside = (since_s >= one.start_s) & (since_s < one.stop_s)
                expected[np.ix_(inside, list(one.columns))] = True
        assert np.array_equal(block.fault > 0, expected)


@pytest.mark.parametrize(
    ("kind", "shows"),
    [
        ("stuck", lambda seen, clean: np.ptp(seen) == 0 < np.ptp(clean)),
        ("spike", lambda seen, clean: 0.01 < np.mean(np.abs(seen - clean) > 3) < 0.2),
        ("noise", lambda seen, clean: np.std(np.diff(seen)) > 3 * np.std(np.diff(clean))),
        ("bias", lambda seen, clean: abs(np.median(seen - clean) - 5.0) < 0.2),
        ("drift", lambda seen, clean: abs((seen - clean)[-5:].mean() - 5.0) < 0.3 and abs((seen - clean)[:5].mean()) < 0.3),
        ("dropout", lambda seen, _: 0.6 < np.isnan(seen).mean() < 0.95),
        ("calibration", lambda seen, clean: np.allclose(seen / clean, 1.2, atol=0.005)),
        ("saturation", lambda seen, _: seen.max() <= 5.0),
    ],
)
def test_each_kind_of_fault_shows_and_touches_nothing_else(kind: str, shows) -> None:
    quiet = msgspec.structs.replace(with_course(events_per_zone_week={}, faults_per_sensor_week={}, posts=[]), faults=[])
    size = 0.2 if kind == "calibration" else 5.0
    fault = msgspec.convert({"id": "f", "line": "heat-bus", "unit": 1, "quantity": "air_temperature", "kind": kind, "start_s": 0, "duration_s": 7200, "size": size}, Fault)
    record, (clean,) = made(quiet, 1)
    _, (block,) = made(msgspec.structs.replace(quiet, faults=[fault]), 1)
    index = column(record, "agent-1.ironing.air_temperature")
    rows = block.fault[:, index] > 0
    assert rows.sum() == 120
    keep = ~np.isnan(clean.observed[:, index]) & rows
    assert shows(block.observed[keep, index], clean.observed[keep, index])
    others = np.delete(np.arange(len(record.channels)), index)
    assert np.array_equal(block.observed[:, others], clean.observed[:, others], equal_nan=True)
    assert np.array_equal(block.observed[~rows, index], clean.observed[~rows, index], equal_nan=True)
    assert np.array_equal(block.true, clean.true)


def test_a_cross_sensitivity_follows_what_disturbs_it() -> None:
    quiet = with_course(events_per_zone_week={}, faults_per_sensor_week={}, posts=[])
    record, (clean,) = made(quiet, 1)
    sensors = Sensors(quiet, record.channels, STEP_S)
    index, humid = column(record, "agent-1.ironing.air_temperature"), column(record, "agent-1.ironing.relative_humidity")
    fault = Incident(number=1, truth="fault", kind="cross_sensitivity", zone=3, columns=(index,), start_s=0, stop_s=86_400, size=4.0)
    said, _ = sensors.day(0, clean.true, [fault])
    assert np.corrcoef(np.nan_to_num((said - clean.observed)[:, index]), clean.true[:, humid])[0, 1] > 0.9


@pytest.mark.parametrize("kind", sorted(MOVED))
def test_an_event_moves_the_truth_of_its_channels_and_of_no_other_zone_far_away(kind: str) -> None:
    size = {"steam_leak": 1.0, "ventilation_stops": 0.9, "solvent_spill": 20.0, "machine_noise": 95.0}[kind]
    zone = {"steam_leak": "ironing", "ventilation_stops": "sewing-1", "solvent_spill": "gluing", "machine_noise": "cutting"}[kind]
    quiet = with_course(events_per_zone_week={}, faults_per_sensor_week={})
    happening = msgspec.convert(
        [{"id": "e", "zone": zone, "kind": kind, "start_s": 0, "duration_s": 3600, "size": size}], type=list[type(load_scenario("hot-afternoon").events[0])]
    )
    _, (calm,) = made(quiet, 1)
    _, (moved,) = made(msgspec.structs.replace(quiet, events=happening), 1)
    (one,) = (one for one in Record(msgspec.structs.replace(quiet, events=happening), START_US, 1).incidents if one.truth == "event")
    during = moved.event.max(axis=1) > 0
    last = np.flatnonzero(during)[-1]
    for index in one.columns:
        assert abs(moved.true[last, index] - calm.true[last, index]) > 0.5 * abs(1.0 if kind != "ventilation_stops" else 0.02 * calm.true[last, index])
    assert np.array_equal(moved.true[:120], calm.true[:120])


@pytest.mark.parametrize("climate", sorted(CLIMATES))
@pytest.mark.parametrize("start_us", [1_768_000_000_000_000, 1_783_600_000_000_000], ids=["january", "july"])
def test_heat_is_plausible_in_every_climate(climate: str, start_us: int) -> None:
    record = Record(with_course(climate=climate, events_per_zone_week={}, faults_per_sensor_week={}, posts=[]), start_us, 3, STEP_S)
    air, humid, globe, speed = (column(record, f"agent-1.ironing.{quantity}") for quantity in ("air_temperature", "relative_humidity", "globe_temperature", "air_speed"))
    for block in record.blocks():
        noon = slice(10 * 60, 15 * 60, 30)
        wbgt = [float(estimated_wbgt_c(*(float(row[index]) for index in (air, humid, globe)), max(0.05, float(row[speed])))) for row in block.true[noon]]
        month = 0 if start_us < 1_775_000_000_000_000 else 6
        assert CLIMATES[climate].mean_c[month] - 10 < np.mean(wbgt) < 36
        assert np.mean(wbgt) < float(block.true[noon, globe].mean())
        assert abs(float(block.weather.air_c.mean()) - CLIMATES[climate].mean_c[month]) < 9
        assert np.all(block.weather.vapour_hpa > 0)


@given(levels=st.lists(st.floats(30, 120), min_size=1, max_size=8))
def test_noise_adds_as_energies(levels: list[float]) -> None:
    together = float(energy_level_db([np.array(10 ** (level / 10)) for level in levels]))
    assert max(levels) - 1e-9 <= together <= max(levels) + 10 * np.log10(len(levels)) + 1e-9
    assert float(energy_level_db([np.array(10**8.0), np.array(10**8.0)])) == pytest.approx(83.01, abs=0.01)


@given(near=st.floats(0.5, 50), farther=st.floats(0.01, 50))
def test_machines_are_quieter_from_farther_away(near: float, farther: float) -> None:
    assert distance_factor(near + farther) < distance_factor(near)
    assert distance_factor(2.0) == 1.0


def test_sundays_are_quiet_and_nights_too(week) -> None:
    record, blocks = week
    index = column(record, "agent-3.cutting.sound_level_a_eq")
    loud = [float(np.median(block.true[9 * 60 : 11 * 60, index])) for block in blocks]
    assert sum(level > 75 for level in loud) == 6
    assert sum(level < 60 for level in loud) == 1
    assert all(np.median(block.true[2 * 60 : 4 * 60, index]) < 60 for block in blocks)


def cells(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def test_the_written_record_reads_back_and_refuses_to_be_overwritten(tmp_path: Path) -> None:
    record, (block,) = made(MONTH, 1, 300.0)
    paths = {path.name: path for path in write_record(record, tmp_path)}
    rows = cells(paths["readings.csv"])
    assert rows[0] == ["time", *[channel.id for channel in record.channels]]
    values = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows[1:]])
    assert np.allclose(values, block.observed, rtol=1e-4, equal_nan=True)
    codes = np.array([[int(cell) for cell in row[1:]] for row in cells(paths["faults.csv"])[1:]])
    assert np.array_equal(codes, block.fault)
    assert len(cells(paths["incidents.csv"])) == 1 + len(record.incidents)
    registry = parse_site_file(paths["site.yaml"].read_text(), "site.yaml")
    assert sum(len(agent.channels) for agent in registry.agents) == 160
    with pytest.raises(BadInput, match="already"):
        write_record(record, tmp_path)


def test_parquet_says_the_same(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    record, (block,) = made(MONTH, 1, 300.0)
    write_record(record, tmp_path, "parquet")
    table = pq.read_table(tmp_path / "readings.parquet")
    assert table.num_rows == len(block.times_us)
    first = np.array(table.column(1).to_pylist(), dtype=float)
    assert np.allclose(first, block.observed[:, 0], rtol=1e-5, equal_nan=True)


def test_a_course_needs_nothing_but_defaults() -> None:
    assert msgspec.convert({}, Course) == Course()
