"""Laws that the calculator's formulas obey everywhere: units there and back, monotone where physics says so, methods within their documented difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.airborne import pid
from models.airborne.brief_scala import daily_factor, weekly_factor
from models.airborne.censoring import bounds_of, through
from models.airborne.conversion import mg_m3_at_reference, mg_m3_from_ppm, ppm_from_mg_m3
from models.airborne.excursions import excursions
from models.airborne.twa import twa_8h
from models.calculator import FORMULAS
from models.calculator.column import HIGH, Kind
from models.calculator.formula import run
from models.heat import absent, wick
from models.heat.acclimatisation import exposure_share_pct
from models.heat.globe import mean_radiant_temperature_c
from models.heat.heat_index import heat_index_c
from models.heat.iso7243 import reference_c
from models.heat.liljegren import outdoors, radiation_at
from models.heat.niosh import ral_c, rel_c
from models.heat.psychrometrics import psychrometric_wet_bulb_c
from models.heat.rest import rest_minutes
from models.heat.sun import refraction_deg, sun_at
from models.heat.uncertainty import spread
from models.heat.wbgt import estimated_wbgt_c, wbgt_c
from models.heat.wet_bulb import stull_wet_bulb_c, thermodynamic_wet_bulb_c
from models.noise.ladder import allowed_seconds
from models.noise.levels import lex_8h
from models.noise.peak import can_show_kept, honest_leq, honest_peak
from models.noise.tasks import Task, day_from_tasks
from models.noise.weekly import lex_weekly

ta = st.floats(15.0, 45.0)
rh = st.floats(5.0, 100.0)
v = st.floats(0.0, 5.0)
over_air = st.floats(0.0, 30.0)
more = st.floats(0.1, 5.0)
quick = settings(max_examples=40)
TOGETHER = {name for name, formula in FORMULAS.items() if any(column.together for column in formula.inputs)}


@quick
@given(ta, rh, over_air, v, more)
def test_the_wick_rises_with_radiation_humidity_and_air(t, r, over, speed, step):
    base = wick.natural_wet_bulb_c(t, r, t + over, speed)
    assert wick.natural_wet_bulb_c(t, r, t + over + step, speed) > base
    assert wick.natural_wet_bulb_c(t, min(r + step, 100.0), t + over, speed) >= base - 1e-9
    assert wick.natural_wet_bulb_c(t + step, r, t + step + over, speed) > base


@quick
@given(ta, rh, st.floats(0.2, 5.0))
def test_without_radiant_heat_the_wick_lies_between_the_wet_bulb_and_the_air_and_moving_air_cools_it(t, r, speed):
    found = float(wick.natural_wet_bulb_c(t, r, t, speed))
    assert float(psychrometric_wet_bulb_c(t, r)) - 0.1 <= found <= t + 1e-6
    assert float(wick.natural_wet_bulb_c(t, r, t, speed + 1.0)) <= found + 1e-9


def test_a_wick_without_an_input_has_no_value():
    assert np.isnan(wick.natural_wet_bulb_c([np.nan, 30.0], [60.0, np.nan], 30.0, 0.3)).all()
    assert np.isnan(wick.natural_wet_bulb_c(30.0, 60.0, np.nan, 0.3))


@pytest.mark.parametrize(("over_k", "mean_k", "most_k"), [(0.0, 0.1, 0.4), (3.0, 0.4, 0.95), (5.0, 0.15, 0.7), (10.0, 0.5, 1.1), (20.0, 1.15, 2.3)])
def test_bernard_and_the_wick_agree_within_their_documented_difference(over_k, mean_k, most_k):
    """A grid of factory conditions; docs/calculator.md prints these widths."""
    t, r, speed = (grid.ravel() for grid in np.meshgrid(np.arange(26.0, 39.0, 2.0), np.arange(40.0, 85.0, 10.0), [0.13, 0.2, 0.3, 0.5, 1.0, 2.0]))
    tg = t + over_k
    balance = wbgt_c(wick.natural_wet_bulb_c(t, r, mean_radiant_temperature_c(tg, t, speed), speed), tg)
    difference = estimated_wbgt_c(t, r, tg, speed) - balance
    assert abs(difference.mean()) <= mean_k
    assert np.abs(difference).max() <= most_k


@quick
@given(st.floats(1.0, 1000.0), st.floats(-60.0, 60.0), st.floats(-180.0, 180.0), st.integers(0, 31_536_000))
def test_outdoor_radiation_is_split_into_what_there_is(solar, lat, lon, second):
    light = radiation_at(1_735_689_600.0 + second, lat, lon, solar)
    assert 0.0 <= light.direct_share <= 0.9
    assert 0.0 <= light.solar_w_m2 <= solar * (1.0 + 1e-12)
    if light.cos_zenith < 0.0:
        assert light.direct_share == 0.0


@quick
@given(ta, st.floats(5.0, 95.0), st.floats(0.0, 8.0), st.floats(100.0, 700.0), more)
def test_outdoor_wbgt_rises_with_sun_air_and_humidity(t, r, speed, solar, step):
    light, brighter = (radiation_at(1_713_160_800.0, 1.35, 103.8, given) for given in (solar, solar + 50.0))
    base = outdoors(t, r, speed, light).wbgt_c
    assert outdoors(t + step, r, speed, light).wbgt_c > base
    assert outdoors(t, r + step, speed, light).wbgt_c > base
    assert outdoors(t, r, speed, brighter).tg_c > outdoors(t, r, speed, light).tg_c


def test_the_sun_stands_highest_at_local_noon_and_is_lifted_at_the_horizon():
    day = 1_742_428_800.0 + np.arange(0.0, 86_400.0, 60.0)  # an equinox
    heights = sun_at(day, 10.0, 105.0).cos_zenith
    assert (day[int(np.argmax(heights))] - day[0]) / 3600.0 == pytest.approx(12.0 - 105.0 / 15.0 + 7.5 / 60.0, abs=0.05)
    assert float(heights.max()) == pytest.approx(np.cos(np.radians(10.0)), abs=0.01)
    assert float(refraction_deg(0.0)) > float(refraction_deg(5.0)) > float(refraction_deg(45.0)) > 0.0


@quick
@given(st.floats(28.0, 45.0), st.floats(40.0, 80.0), more)
def test_the_heat_index_rises_with_temperature_and_humidity(t, r, step):
    assert heat_index_c(t + step, r) > heat_index_c(t, r)
    assert heat_index_c(t, r + step) > heat_index_c(t, r)


@quick
@given(st.floats(5.0, 45.0), st.floats(10.0, 99.0))
def test_the_three_wet_bulbs_agree_within_what_their_papers_state(t, r):
    thermodynamic = float(thermodynamic_wet_bulb_c(t, r))
    assert -0.1 <= thermodynamic - float(psychrometric_wet_bulb_c(t, r)) <= 0.8
    assert -1.0 <= thermodynamic - float(stull_wet_bulb_c(t, r)) <= 0.9 or t > 40.0
    assert thermodynamic <= t


@quick
@given(st.floats(20.0, 40.0), st.floats(115.0, 600.0), st.floats(15.0, 35.0), st.floats(0.1, 3.0))
def test_rest_is_exact_and_a_hotter_place_asks_for_more(work, rate, rest, step):
    needed, hotter = (float(rest_minutes(given, rate, rest, rel_c)) for given in (work, work + step))
    if np.isnan(needed):
        assert np.isnan(hotter)
        assert (60 * rest) / 60 > float(rel_c(115.0))
        return
    share = needed / 60.0
    over = work + share * (rest - work) - float(rel_c(rate + share * (115.0 - rate)))
    assert over <= 1e-6
    if needed > 0.0:
        assert over == pytest.approx(0.0, abs=1e-6)
    if not np.isnan(hotter):
        assert hotter >= needed - 1e-6


@quick
@given(st.floats(20.0, 40.0), st.floats(115.0, 600.0), st.floats(15.0, 29.0))
def test_who_is_not_used_to_heat_rests_longer(work, rate, rest):
    used, unused = (float(rest_minutes(work, rate, rest, limit)) for limit in (rel_c, ral_c))
    assert unused >= used - 1e-9


@given(st.floats(65.0, 699.0), st.floats(0.1, 1.0), st.sampled_from([1989, 2017]), st.booleans())
def test_heavier_work_never_raises_a_reference_value(rate, step, edition, used):
    assert reference_c(rate + step, used, edition) <= reference_c(rate, used, edition)
    assert reference_c(rate, False, edition) <= reference_c(rate, True, edition)


def test_the_first_day_is_day_one():
    with pytest.raises(ValueError, match="counted from 1"):
        exposure_share_pct(0, False)
    assert (np.diff(exposure_share_pct(np.arange(1, 20), False)) >= 0.0).all()


def test_the_spread_of_a_sum_is_the_root_of_the_squares():
    found = spread(lambda x: x["a"] * 3.0 - x["b"], {"a": [1.0, 2.0], "b": 5.0}, {"a": 0.1, "b": [0.4, 0.0]})
    assert found.width.tolist() == pytest.approx([0.5, 0.3])
    assert spread(lambda x: x["v"], {"v": 0.05}, {"v": 0.1}, {"v": (0.0, 9.0)}).width == pytest.approx(0.075)


def test_three_percent_of_humidity_cost_four_tenths_of_a_kelvin():
    found = run(FORMULAS["heat_wbgt_uncertainty"], {"ta_c": ["33"], "rh_pct": ["60"], "tg_c": ["33"], "v_ms": ["0.3"]}, 1)
    assert float(found.columns["from_rh_k"][0]) == pytest.approx(0.39, abs=0.03)
    assert 0.5 < float(found.columns["u_wbgt_k"][0]) < 0.8


def test_a_missing_or_small_globe_reads_low_beside_hot_surfaces_and_more_so_the_hotter_they_are():
    by_kind = {}
    for figure in absent.figures():
        by_kind.setdefault(figure.missing, []).append(figure)
    for missing in ("globe", "globe of 40 mm"):
        means = [figure.mean_k for figure in by_kind[missing]]
        assert means == sorted(means, reverse=True)
        assert means[0] == pytest.approx(0.0, abs=0.01)
        assert means[-1] < -1.0
    assert all(figure.lowest_k < 0.0 < figure.highest_k for figure in by_kind["anemometer"])


@given(st.floats(0.0, 1e5), st.floats(2.0, 500.0), st.floats(-20.0, 60.0), st.floats(500.0, 1100.0))
def test_ppm_and_mg_convert_there_and_back(ppm, mass, t, pressure):
    mg = mg_m3_from_ppm(ppm, mass, t, pressure)
    assert float(ppm_from_mg_m3(mg, mass, t, pressure)) == pytest.approx(ppm, rel=1e-9)
    assert float(mg_m3_at_reference(mg, t, pressure)) == pytest.approx(float(mg_m3_from_ppm(ppm, mass)), rel=1e-9)


@given(st.floats(8.0, 23.9), st.floats(0.01, 0.1))
def test_longer_hours_never_raise_a_limit(hours, step):
    assert daily_factor(hours + step) < daily_factor(hours) <= 1.0
    assert weekly_factor(5 * hours + step) < weekly_factor(5 * hours) <= 1.0


@given(st.lists(st.floats(0.0, 200.0), min_size=1, max_size=60), st.floats(0.0, 5.0), st.floats(50.0, 100.0), st.data())
def test_what_a_sensor_cannot_tell_stays_inside_its_bounds(truth, detection, end, data):
    shown = [np.nan if data.draw(st.booleans()) else value for value in truth]
    found = through(twa_8h, bounds_of(shown, detection, end, 200.0))
    assert found.low - 1e-9 <= float(twa_8h(truth)) <= found.high + 1e-9


@given(st.lists(st.one_of(st.floats(0.0, 10.0), st.just(np.nan)), min_size=0, max_size=80), st.floats(0.0, 10.0))
def test_excursions_are_counted_as_a_person_would(values, limit):
    known = [value > limit for value in values if not np.isnan(value)]
    found = excursions(values, limit)
    assert found.count == sum(over and not before for over, before in zip(known, [False, *known[:-1]], strict=bool(known)))
    assert found.minutes == sum(known)
    assert (found.least_apart_min is None) == (found.count < 2)


COMPONENT = st.builds(
    pid.Component,
    name=st.just("x"),
    response_factor=st.floats(0.3, 10.0),
    ionisation_ev=st.just(9.0),
    limit_ppm=st.floats(1.0, 500.0),
    least_share=st.floats(0.0, 0.2),
    most_share=st.floats(0.5, 1.0),
)


@settings(max_examples=60)
@given(st.lists(COMPONENT, min_size=2, max_size=5), st.floats(0.0, 500.0), st.integers(0, 2**32 - 1))
def test_no_allowed_composition_lies_outside_the_pid_bounds(components, reading, seed):
    found = pid.mixture_index_bounds(reading, components, factor_spread=0.0)
    least, most = (np.array([getattr(one, name) for one in components]) for name in ("least_share", "most_share"))
    rng = np.random.default_rng(seed)
    for _ in range(20):
        shares = least + (1.0 - least.sum()) * rng.dirichlet(np.full(len(components), 0.3))
        if (shares > most).any():
            continue
        harm = sum(share / one.limit_ppm for share, one in zip(shares, components, strict=True))
        seen = sum(share / one.response_factor for share, one in zip(shares, components, strict=True))
        assert found.low - 1e-6 <= reading * harm / seen <= found.high + 1e-6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ionisation_ev": 11.3}, "does not see"),
        ({"most_share": 0.4}, "cannot add up"),
        ({"least_share": 0.7, "most_share": 0.6}, "shares lie"),
        ({"response_factor": 0.0}, "over 0"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(change, said):
    base = {"name": "x", "response_factor": 1.0, "ionisation_ev": 9.0, "limit_ppm": 50.0}
    with pytest.raises(ValueError, match=said):
        pid.mixture_index_bounds(10.0, [pid.Component(**(base | change))])


@given(st.lists(st.floats(60.0, 100.0), min_size=5, max_size=5))
def test_a_weekly_level_lies_between_its_days(week):
    assert min(week) - 1e-9 <= float(lex_weekly(week)) <= max(week) + 1e-9


@given(st.floats(60.0, 120.0), st.floats(0.0, 5.0), st.sampled_from(["vietnam", "indonesia"]))
def test_a_louder_level_never_lasts_longer(level, step, country):
    assert allowed_seconds(level + step, country) <= allowed_seconds(level, country)


@given(st.lists(st.lists(st.floats(60.0, 110.0), min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_day_of_tasks_is_the_energy_of_its_tasks_and_better_instruments_narrow_it(samples):
    tasks = [Task(samples_dba=one, minutes=100.0, shortest_min=90.0, longest_min=120.0) for one in samples]
    day, rougher = day_from_tasks(tasks, "class1"), day_from_tasks(tasks, "class2")
    assert day.lex_8h_dba == pytest.approx(float(lex_8h([task.laeq_dba for task in day.tasks], 100.0)))
    assert 0.0 < day.standard_db < rougher.standard_db


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "at least one task"),
        ([Task(samples_dba=(), minutes=10.0, shortest_min=10.0, longest_min=10.0)], "at least one sample"),
        ([Task(samples_dba=(80.0,), minutes=10.0, shortest_min=20.0, longest_min=30.0)], "between its shortest"),
    ],
)
def test_a_day_that_cannot_be_is_refused(tasks, said):
    with pytest.raises(ValueError, match=said):
        day_from_tasks(tasks)


@pytest.mark.parametrize(("samples", "lacks"), [((80, 81, 82), ""), ((80, 84, 82), "spread over 4.0 dB"), ((80, 84, 82, 81, 82, 83), ""), ((80,), "1 samples")])
def test_a_task_says_what_its_samples_lack(samples, lacks):
    day = day_from_tasks([Task(samples_dba=samples, minutes=480.0, shortest_min=480.0, longest_min=480.0)])
    assert lacks in day.tasks[0].lacks
    assert bool(lacks) == bool(day.tasks[0].lacks)


@given(st.floats(80.0, 180.0), st.floats(100.0, 150.0))
def test_a_microphone_claims_no_more_than_its_overload_point(level, overload):
    for honest in (honest_peak, honest_leq):
        found = honest(level, overload)
        assert found.level_db <= min(level, overload)
        assert bool(found.at_least) or found.level_db == level
    assert can_show_kept(140.0, overload) == (overload > 140.0)


def beside_bad_rows(formula):
    """The formula's example alone, and between two rows that are out of range."""
    example = dict(part.split("=", 1) for part in formula.example.split())
    kinds = {column.name: column.kind for column in formula.inputs}
    bad = {column: "1e300" if kinds[column] in (Kind.NUMBER, Kind.BOUNDED) else value for column, value in example.items()}
    alone = run(formula, {column: [value] for column, value in example.items()}, 1)
    among = run(formula, {column: [bad[column], value, bad[column]] for column, value in example.items()}, 3)
    return alone, among


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - TOGETHER - {"phs"}))
def test_a_row_that_stands_alone_has_one_result_whatever_its_neighbours(name):
    alone, among = beside_bad_rows(FORMULAS[name])
    assert {column: texts[1] for column, texts in among.columns.items()} == {column: texts[0] for column, texts in alone.columns.items()}
    assert among.notes[1] == alone.notes[0]


@pytest.mark.parametrize("name", sorted(TOGETHER))
def test_rows_that_belong_together_fall_together(name):
    _, among = beside_bad_rows(FORMULAS[name])
    assert all(not any(texts) for texts in among.columns.values())
    assert among.notes[1] == "another row of this group is out of range"


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_names_carry_units_and_no_name_is_both_input_and_output(name):
    formula = FORMULAS[name]
    assert not {column.name for column in formula.inputs} & {output.name for output in formula.outputs}
    assert all(HIGH not in column.name for column in formula.inputs)
    assert all(column.meaning and column.validity for column in formula.inputs)
    assert formula.source
    assert formula.summary
    assert formula.example
