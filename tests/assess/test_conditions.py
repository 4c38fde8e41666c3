"""Concentrations in mg/m³: held against a list's conditions by the air of the place, and what is not known of the air stands in the bounds."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assess.engine import Assessor
from models.airborne.atmosphere import ANYWHERE, pressure_range
from models.airborne.conversion import ppm_from_mg_m3

QUANTITY = "concentration:108-88-3"
TWA, STEL = "twa/niosh-toluene-twa", "stel_15min_max/niosh-toluene-st"
INSTRUMENT = {"model": "ir", "serial": "s", "grade": "compliance", "uncertainty": 0.0}


def plateau(house, mg_m3=300.0, unit="mg/m3", warm=25.0, pressure=770.0, minutes=None):
    """A channel of toluene, and the air of the place where it is measured."""
    house.fill(house.channel(QUANTITY, unit=unit, basis="personal", instrument=INSTRUMENT), mg_m3)
    for quantity, value in (("air_temperature", warm), ("air_pressure", pressure)):
        if value is not None:
            house.fill(house.channel(quantity, instrument=INSTRUMENT), value, minutes=minutes)
    return house


def test_on_a_plateau_the_same_ppm_are_fewer_milligrams_and_the_verdict_says_so(house):
    verdict = plateau(house).verdicts()[TWA]
    assert verdict.value == pytest.approx(300.0 * 1013.25 / 770.0)
    assert (verdict.limit.value, verdict.unit, verdict.state) == (375.0, "mg/m3", "exceeds")
    assert (verdict.low, verdict.high) == (pytest.approx(verdict.value), pytest.approx(verdict.value))
    assert any("(25 °C, 1013 hPa) by the air that was measured here: 25.0 °C, 770 hPa" in reason for reason in verdict.reasons)


def test_the_share_of_a_limit_is_that_of_the_ppm(make_house):
    mass = plateau(make_house(), warm=36.0).verdicts()[TWA]
    ppm = plateau(make_house(), float(ppm_from_mg_m3(300.0, 92.14, 36.0, 770.0)), unit="ppm", warm=36.0).verdicts()[TWA]
    assert mass.value / mass.limit.value == pytest.approx(ppm.value / ppm.limit.value, rel=0.01)  # the printed 375 mg/m³ is rounded


def test_ppm_needs_no_conversion_and_says_nothing_of_it(house):
    verdict = plateau(house, 80.0, unit="ppm").verdicts()[TWA]
    assert (verdict.value, verdict.limit.value) == (80.0, 100.0)
    assert not any("hPa" in reason for reason in verdict.reasons)


def test_without_thermometer_and_barometer_the_bounds_cover_what_the_air_may_have_been(house):
    verdict = plateau(house, 300.0, warm=None, pressure=None).verdicts()[TWA]
    assert verdict.value == pytest.approx(300.0)
    assert verdict.low == pytest.approx(300.0 * 283.15 / 298.15 * 1013.25 / 1050.0)
    assert verdict.high == pytest.approx(300.0 * 318.15 / 298.15 * 1013.25 / (756.26 * 960.0 / 1013.25), rel=1e-4)
    assert verdict.state == "indeterminate"
    assert sum(part.high for part in verdict.bounds.parts if part.cause == "estimate") == pytest.approx(verdict.high - verdict.value)
    assert any("1013 hPa is taken, the bounds cover 717 to 1050 hPa" in reason for reason in verdict.reasons)


def test_minutes_without_the_barometer_widen_the_bounds_by_their_share_and_no_more(make_house):
    whole, part, none = (plateau(make_house(), pressure=1000.0, minutes=minutes).verdicts()[TWA] for minutes in (480, 240, 0))
    assert whole.high < part.high < none.high
    assert whole.low >= part.low >= none.low
    assert any("Air pressure is not known for 240 min" in reason for reason in part.reasons)


def test_the_european_lists_twenty_degrees_are_kept(make_house):
    house = make_house(profiles=["eu"])
    verdict = next(one for one in plateau(house, 190.0, warm=20.0, pressure=1013.25).verdicts().values() if one.metric == "twa")
    assert verdict.value == pytest.approx(190.0)
    assert any("(20 °C, 1013 hPa)" in reason for reason in verdict.reasons)


def test_a_short_term_mean_is_converted_like_the_shift_average(house):
    found = plateau(house).verdicts()
    assert found[STEL].value == pytest.approx(found[TWA].value)


def test_the_floor_holds_a_mass_concentration_against_the_line_in_the_air_of_the_place(floor):
    house = plateau(floor.house, 300.0)
    house.now(f"a1.p1.{QUANTITY}", 300.0, floor.at(470))
    floor.enrol()
    assessor: Assessor = floor.start()
    live = next(zone for zone in assessor.tick() if zone.zone == "f1.z1")
    window = next(one for one in live.windows if one.metric == "twa")
    assert window.limit.value == pytest.approx(375.0 * 770.0 / 1013.25)
    assert (window.value > window.limit.value, window.status.value) == (True, "action")


def with_altitude(house, metres):
    """The house with the height of its site above the sea on record."""

    class At(type(house)):
        @property
        def file(self):
            return msgspec.structs.replace(super().file, site=msgspec.structs.replace(super().file.site, altitude_m=metres))

    return At(**{name: getattr(house, name) for name in house.__dataclass_fields__})


def test_without_a_barometer_the_site_s_altitude_narrows_the_bounds(make_house):
    unknown = plateau(make_house(), 300.0, pressure=None).verdicts()[TWA]
    found = plateau(with_altitude(make_house(), 2_000.0), 300.0, pressure=None).verdicts()[TWA]
    standard = 795.01
    assert found.value == pytest.approx(300.0 * 1013.25 / standard, rel=1e-4)
    assert (found.low, found.high) == (pytest.approx(found.value * 1013.25 / 1050.0), pytest.approx(found.value * 1013.25 / 960.0))
    assert unknown.high - unknown.low > 3 * (found.high - found.low)
    assert any("795 hPa is taken, that of the standard atmosphere at 2000 m; the bounds cover what weather makes of it, 753 to 824 hPa" in reason for reason in found.reasons)


def test_a_barometer_comes_before_the_altitude(make_house):
    verdict = plateau(with_altitude(make_house(), 2_000.0), 300.0, pressure=1000.0).verdicts()[TWA]
    assert verdict.value == pytest.approx(300.0 * 1013.25 / 1000.0)
    assert not any("standard atmosphere" in reason for reason in verdict.reasons)


@given(altitude=st.floats(-500.0, 2_400.0), pressure=st.floats(960.0 / 1013.25, 1050.0 / 1013.25))
def test_what_the_air_was_in_any_weather_lies_in_the_bounds_of_the_altitude(altitude, pressure):
    there = pressure_range(altitude)
    assert there.low <= there.standard * pressure <= there.high + 1e-9
    assert ANYWHERE.low <= there.low + 1e-9


def test_from_the_sea_up_the_bounds_without_altitude_hold_those_with_it():
    for altitude in range(0, 2_401, 100):
        there = pressure_range(float(altitude))
        assert ANYWHERE.low <= there.low + 1e-9
        assert there.high <= ANYWHERE.high


def wbgt_verdict(house):
    return next(one for name, one in house.verdicts().items() if name.startswith("wbgt_effective_60min_worst/"))


def without_barometer(house, warm=35.0, humidity=50.0):
    house.heat(values={"air_temperature": warm, "relative_humidity": humidity, "globe_temperature": warm + 2.0, "air_speed": 0.3})
    return house


def test_the_altitude_of_the_site_narrows_what_a_missing_barometer_leaves_open_in_a_wbgt(make_house):
    zone = {"metabolic_rate_w": 300.0, "metabolic_rate_measured": True, "clothing": "work_clothes"}
    unknown, sea, plateau_2000 = (
        wbgt_verdict(made) for made in (without_barometer(make_house(zone=zone)), *(with_altitude(without_barometer(make_house(zone=zone)), m) for m in (0.0, 2_000.0)))
    )
    assert sea.value == pytest.approx(unknown.value)
    assert sea.low > unknown.low + 0.3
    assert plateau_2000.value < sea.value - 0.3  # thinner air dries the wick more
    assert plateau_2000.high - plateau_2000.low < unknown.high - unknown.low - 0.3
    assert any("Air pressure is not measured: 795 hPa is taken, that of the standard atmosphere at 2000 m" in reason for reason in plateau_2000.reasons)
    assert any("Air pressure is not measured: 1013 hPa is taken, the bounds cover 717 to 1050 hPa." in reason for reason in unknown.reasons)


def test_minutes_of_a_wbgt_without_the_barometer_take_the_altitude_not_the_sea(make_house):
    """A barometer that fails for half a shift does not leave a sharp value behind."""
    zone = {"metabolic_rate_w": 300.0, "metabolic_rate_measured": True, "clothing": "work_clothes"}
    whole, part = (with_altitude(without_barometer(make_house(zone=zone)), 2_000.0) for _ in range(2))
    for house, minutes in ((whole, None), (part, 30)):
        house.fill(house.channel("air_pressure", instrument=INSTRUMENT), 795.0, minutes=minutes)
    known, failed = wbgt_verdict(whole), wbgt_verdict(part)
    assert failed.value == pytest.approx(known.value, abs=0.01)
    assert failed.high > known.high + 0.02
    assert failed.low < known.low


@pytest.mark.parametrize("hpa", [760.0, 795.0, 820.0])
def test_a_wbgt_by_the_true_pressure_lies_in_the_bounds_of_the_altitude(make_house, hpa):
    zone = {"metabolic_rate_w": 300.0, "metabolic_rate_measured": True, "clothing": "work_clothes"}
    true, guessed = (with_altitude(without_barometer(make_house(zone=zone)), 2_000.0) for _ in range(2))
    true.fill(true.channel("air_pressure", instrument=INSTRUMENT), hpa)
    known, bounds = wbgt_verdict(true), wbgt_verdict(guessed)
    assert bounds.low <= known.low + 1e-9
    assert known.high <= bounds.high + 1e-9


def test_live_and_solved_alone_the_wbgt_takes_the_same_air(floor):
    house = floor.house = with_altitude(without_barometer(floor.house), 2_000.0)
    for quantity, value in {"air_temperature": 35.0, "relative_humidity": 50.0, "globe_temperature": 37.0, "air_speed": 0.3}.items():
        house.now(f"a1.p1.{quantity}", value, floor.at(470))
    floor.enrol()
    live = next(zone for zone in floor.start().tick() if zone.zone == "f1.z1")
    found = next(one for one in live.windows if one.metric == "wbgt_now")
    assert any("standard atmosphere at 2000 m" in reason for reason in found.reasons)
    assert found.value == pytest.approx(next(one for one in live.windows if one.metric == "wbgt_effective_60min").value, abs=0.01)
