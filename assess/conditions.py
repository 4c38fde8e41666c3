"""The air that a mass concentration was measured in: mg/m³ of a gas or vapour change with temperature and pressure, limits hold at those of their list.

Where temperature or pressure is not measured in the zone, 25 °C and the standard pressure at the site's altitude (1013.25 hPa where that is not on record) are taken and what that may be wrong by stands in the bounds. Dust and other particles are mass in the air as it
is: nothing is converted.
"""

from __future__ import annotations

import numpy as np

from assess import texts
from assess.bounds import Air
from assess.gather import Measured
from assess.outcome import ZoneShift
from domain.registry import SiteSpec
from models.airborne import atmosphere
from models.airborne.atmosphere import PressureRange
from models.airborne.conversion import REFERENCE_C, molar_volume_l_mol
from models.arrays import Array, Mask
from models.limits.profile import Limit

COOLEST_C, HOTTEST_C = 10.0, 45.0
"""What the bounds cover where the temperature of a workplace is not measured."""


def reference_of(limit: Limit, unit: str) -> float | None:
    """The reference temperature to which a concentration in this unit is taken; None where it is compared as it is."""
    is_gas = limit.molar_mass_g_mol is not None and not limit.fraction and not limit.measured_as
    return limit.ref_temperature_c if unit == "mg/m3" and is_gas else None


def air_for(work: ZoneShift, limit: Limit, unit: str, place: str = "") -> Air | None:
    """Of the zone's minutes; None where nothing is converted. `place`: the placement whose own instruments come first."""
    reference_c = reference_of(limit, unit)
    return None if reference_c is None else air_at(work, reference_c, place)


def air_at(work: ZoneShift, reference_c: float, place: str = "") -> Air:
    """Factors from the air as it was to the list's conditions, minute by minute."""
    return work.once(("air", reference_c, place), lambda: _air(work, reference_c, place))


def _air(work: ZoneShift, reference_c: float, place: str) -> Air:
    temperature, cool, hot, is_warm_known = _measured(work, place, "air_temperature", REFERENCE_C, (COOLEST_C, HOTTEST_C))
    unmeasured = pressure_at(work.span.site)
    pressure, least, most, is_pressure_known = _measured(work, place, "air_pressure", unmeasured.standard, (unmeasured.low, unmeasured.high))
    counted = work.span.counted
    return Air(
        reference_c=reference_c,
        factor=factor_of(temperature, pressure, reference_c),
        low=factor_of(cool, most, reference_c),
        high=factor_of(hot, least, reference_c),
        reasons=said(reference_c, _mean(temperature, counted & is_warm_known), _mean(pressure, counted & is_pressure_known))
        + _missing(int((counted & ~is_warm_known).sum()), int((counted & ~is_pressure_known).sum()), work.span.site),
    )


def factor_of(temperature_c: Array | float, pressure_hpa: Array | float, reference_c: float) -> Array:
    """What a mass concentration is multiplied by."""
    return np.asarray(molar_volume_l_mol(temperature_c, pressure_hpa) / molar_volume_l_mol(reference_c), dtype=np.float64)


def said(reference_c: float, temperature_c: float | None, pressure_hpa: float | None) -> list[str]:
    """To which conditions, and by what air."""
    warm = "-" if temperature_c is None else f"{temperature_c:.1f}"
    pressure = "-" if pressure_hpa is None else f"{pressure_hpa:.0f}"
    return [texts.AIR_CONVERTED.format(reference=f"{reference_c:g}", temperature=warm, pressure=pressure)]


def pressure_at(site: SiteSpec) -> PressureRange:
    """What stands for a barometer: the standard atmosphere at the site's altitude, where that is on record."""
    return atmosphere.pressure_at(site.height_m)


def _missing(warm_min: int, pressure_min: int, site: SiteSpec) -> list[str]:
    found = [texts.AIR_NO_TEMPERATURE.format(minutes=warm_min, low=f"{COOLEST_C:g}", high=f"{HOTTEST_C:g}")] if warm_min else []
    return found + ([_no_barometer(pressure_min, site)] if pressure_min else [])


def _no_barometer(minutes: int, site: SiteSpec) -> str:
    taken = pressure_at(site)
    low, high = f"{taken.low:.0f}", f"{taken.high:.0f}"
    if site.height_m is None:
        return texts.AIR_NO_PRESSURE.format(minutes=minutes, low=low, high=high)
    return texts.AIR_NO_BAROMETER.format(minutes=minutes, taken=f"{taken.standard:.0f}", altitude=f"{site.height_m:.0f}", low=low, high=high)


def _measured(work: ZoneShift, place: str, quantity: str, assumed: float, reach: tuple[float, float]) -> tuple[Array, Array, Array, Mask]:
    """Value, the least and the most that it may be, and the minutes in which it is measured."""
    found = _instrument(work, place, quantity)
    if found is None:
        shape = work.span.minutes
        return np.full(shape, assumed), np.full(shape, reach[0]), np.full(shape, reach[1]), np.zeros(shape, dtype=bool)
    known = found.valid & ~np.isnan(found.value)
    width = found.uncertainty + found.drift
    return np.where(known, found.value, assumed), np.where(known, found.value - width, reach[0]), np.where(known, found.value + width, reach[1]), known


def _instrument(work: ZoneShift, place: str, quantity: str) -> Measured | None:
    """At the same placement, else anywhere in the zone."""
    placements = sorted(work.span.placements, key=lambda one: (one.label != place, one.label))
    return next((held for one in placements if quantity in one.quantities and (held := work.measure(one, quantity)) is not None), None)


def _mean(values: Array, known: Mask) -> float | None:
    return float(np.mean(values[known])) if known.any() else None
