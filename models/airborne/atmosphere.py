"""Air pressure at a height above the sea where no barometer stands, and what weather makes of it.

ISO 2533:1975, Standard Atmosphere (the same as ICAO Doc 7488 up to 11 km): 15 °C and 1013.25 hPa at the sea, 6.5 K colder each kilometre. The standard knows no weather: at the sea pressure "typically" goes
from about 960 to about 1050 hPa (San Francisco State University, Geosciences M301, "Atmospheric Pressure"), here taken as shares of the standard pressure at every height. The middle of a tropical cyclone
goes below that; a day on which one passes needs a barometer. Height above the sea in m, valid from -500 to 5,000; pressure in hPa.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.airborne.conversion import SEA_LEVEL_HPA

LOWEST_M, HIGHEST_M = -500.0, 5_000.0
_TEMPERATURE_K, _LAPSE_K_M, _EXPONENT = 288.15, 0.0065, 9.80665 / (287.05287 * 0.0065)
_LOW_WEATHER, _HIGH_WEATHER = 960.0 / SEA_LEVEL_HPA, 1050.0 / SEA_LEVEL_HPA


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureRange:
    """Standard pressure of a height, and the least and the most that weather makes of it; hPa."""

    standard: float
    low: float
    high: float
    altitude_m: float | None = None  # None: anywhere that people work


def standard_pressure_hpa(altitude_m: float) -> float:
    """Of the standard atmosphere; ISO 2533 prints 898.74 hPa for 1,000 m and 795.01 for 2,000.

    >>> [round(standard_pressure_hpa(metres), 1) for metres in (0.0, 1000.0, 2000.0, 2400.0)]
    [1013.2, 898.7, 795.0, 756.3]
    """
    return float(SEA_LEVEL_HPA * (1.0 - _LAPSE_K_M * altitude_m / _TEMPERATURE_K) ** _EXPONENT)


def pressure_range(altitude_m: float) -> PressureRange:
    """
    >>> found = pressure_range(1000.0)
    >>> round(found.low), round(found.standard), round(found.high)
    (852, 899, 931)
    """
    standard = standard_pressure_hpa(altitude_m)
    return PressureRange(standard=standard, low=standard * _LOW_WEATHER, high=standard * _HIGH_WEATHER, altitude_m=altitude_m)


ANYWHERE = PressureRange(standard=SEA_LEVEL_HPA, low=pressure_range(2_400.0).low, high=pressure_range(0.0).high)
"""Where neither pressure nor altitude is known: from low weather at 2,400 m above the sea to high weather at its level."""


def pressure_at(altitude_m: float | None) -> PressureRange:
    """What stands for a barometer at a place whose altitude may not be on record."""
    return ANYWHERE if altitude_m is None else pressure_range(altitude_m)
