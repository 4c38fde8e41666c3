"""Where the sun stands: the low-precision formulas of the Astronomical Almanac (section C), 0.01° from 1950 to 2050, as seen through the air (1013 hPa, 15 °C)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array

SOLAR_CONSTANT_W_M2 = 1367.0
_J2000_UNIX_S = 946_728_000.0
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Cosine of the zenith angle (negative below the horizon) and distance in astronomical units."""

    cos_zenith: Array
    distance_au: Array

    @property
    def above_atmosphere_w_m2(self) -> Array:
        """Irradiance of a horizontal surface there; 0 at night."""
        return np.asarray(SOLAR_CONSTANT_W_M2 * np.maximum(self.cos_zenith, 0.0) / self.distance_au**2)


def sun_at(unix_s: npt.ArrayLike, latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike) -> Sun:
    """At an instant (Unix seconds, UTC) and place (degrees, north and east positive).

    >>> noon_at_summer_solstice_under_the_tropic = sun_at(1_718_884_800.0 - 8400.0, 23.44, 30.0)
    >>> round(float(noon_at_summer_solstice_under_the_tropic.cos_zenith), 2)
    1.0
    """
    days = (np.asarray(unix_s, dtype=np.float64) - _J2000_UNIX_S) / _DAY_S
    anomaly = np.radians(357.528 + 0.9856003 * days)
    mean_longitude = 280.460 + 0.9856474 * days
    longitude = np.radians(mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 4.0e-7 * days)
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    sidereal = np.radians((280.46062 + 360.98564737 * days + np.asarray(longitude_deg, dtype=np.float64)) % 360.0)
    latitude = np.radians(np.asarray(latitude_deg, dtype=np.float64))
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(sidereal - right_ascension)
    altitude_deg = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    cos_zenith = np.sin(np.radians(altitude_deg + refraction_deg(altitude_deg)))
    distance = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly)
    return Sun(cos_zenith=np.asarray(cos_zenith), distance_au=np.broadcast_to(distance, cos_zenith.shape))


def refraction_deg(altitude_deg: npt.ArrayLike) -> Array:
    """By how much the air lifts the sun; nothing once it is 1° under the horizon.

    >>> [round(float(lift), 2) for lift in refraction_deg([-5.0, 0.0, 10.0, 60.0])]
    [0.0, 0.56, 0.09, 0.01]
    """
    altitude = np.asarray(altitude_deg, dtype=np.float64)
    near = np.clip(altitude, -1.0, 19.225)
    low = (0.1594 + near * (0.0196 + 0.00002 * near)) / (1.0 + near * (0.505 + 0.0845 * near))
    high = 0.00452 / np.tan(np.radians(np.maximum(altitude, 19.225)))
    lift = np.where(altitude < 19.225, low, high) * 1013.25 / 288.0
    return np.where(altitude < -1.0, 0.0, lift)
