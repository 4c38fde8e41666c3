"""WBGT outdoors from weather data: Liljegren et al., "Modeling the Wet Bulb Globe Temperature Using Standard Meteorological Measurements", J. Occup. Environ. Hyg. 5 (2008), 645-655.

Globe and natural wet bulb from their energy balances under sky, ground and sun. Constants as in the paper's published program, version 1.1: globe 50.8 mm, its
emissivity 0.95 and albedo 0.05; wick as in `models.heat.wick`, albedo 0.4; ground albedo 0.45. Recommended for outdoor work by Lemke & Kjellstrom, Ind. Health 50
(2012). For yards, loading docks and gates, not for rooms: without sun it still radiates to a clear sky and reads low. Valid for -10 to 60 °C, 500-1100 hPa, air speed at
2 m (under 0.13 m/s as at 0.13). The paper's root mean square difference from measurements is under 1 K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Array
from models.heat import wick
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA, vapour_pressure_hpa
from models.heat.sun import sun_at
from models.heat.transport import sphere_film_w_m2_k
from models.heat.wbgt import sunlit_wbgt_c

GLOBE_DIAMETER_M = 0.0508
_GLOBE_EMISSIVITY, _GLOBE_ALBEDO = 0.95, 0.05
_WICK_ALBEDO = 0.4
_GROUND_EMISSIVITY, _GROUND_ALBEDO = 0.999, 0.45
_LOWEST_COS_ZENITH = 0.00873  # 89.5°
_CLEAREST = 0.85
_MOST_DIRECT = 0.9
_HALVINGS = 40
_REACH_K = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiation:
    """Sunlight on a horizontal surface: total W/m², the share that comes straight from the sun, cosine of its zenith angle."""

    solar_w_m2: Array
    direct_share: Array
    cos_zenith: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdoors:
    """°C: globe, natural wet bulb and WBGT."""

    tg_c: Array
    tnwb_c: Array
    wbgt_c: Array


def radiation_at(unix_s: npt.ArrayLike, latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, solar_w_m2: npt.ArrayLike) -> Radiation:
    """Splits measured irradiance by its clearness S* = S/S_max: share of direct light exp(3 - 1.34 S* - 1.65/S*), S* at most 0.85, share at most 0.9; none with the sun under 0.5°.

    >>> noon = radiation_at(1_713_160_800.0, 1.35, 103.8, 742.0)
    >>> round(float(noon.direct_share), 1), round(float(noon.cos_zenith), 1)
    (0.5, 1.0)
    """
    sun = sun_at(unix_s, latitude_deg, longitude_deg)
    solar = np.maximum(np.asarray(solar_w_m2, dtype=np.float64), 0.0)
    up = sun.cos_zenith >= _LOWEST_COS_ZENITH
    most = np.where(up, sun.above_atmosphere_w_m2, np.inf)
    clearness = np.minimum(solar / most, _CLEAREST)
    with np.errstate(divide="ignore"):
        share = np.exp(3.0 - 1.34 * clearness - 1.65 / clearness)
    return Radiation(
        solar_w_m2=np.where(up, clearness * np.where(up, most, 0.0), solar),
        direct_share=np.where(up, np.minimum(share, _MOST_DIRECT), 0.0),
        cos_zenith=np.broadcast_to(sun.cos_zenith, np.broadcast_shapes(sun.cos_zenith.shape, solar.shape)),
    )


def outdoors(ta_c: npt.ArrayLike, rh_pct: npt.ArrayLike, v_2m_ms: npt.ArrayLike, radiation: Radiation, pressure_hpa: npt.ArrayLike = STANDARD_PRESSURE_HPA) -> Outdoors:
    """Globe, natural wet bulb and WBGT in this sunlight; arrays broadcast.

    >>> noon = Radiation(solar_w_m2=np.array(800.0), direct_share=np.array(0.7), cos_zenith=np.array(0.9))
    >>> round(float(outdoors(35.0, 40.0, 0.786, noon).wbgt_c), 1)
    33.4
    """
    given = (ta_c, rh_pct, v_2m_ms, pressure_hpa, radiation.solar_w_m2, radiation.direct_share, radiation.cos_zenith)
    ta, rh, v, pressure, solar, share, cos_zenith = np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in given))
    light = Radiation(solar_w_m2=solar, direct_share=np.clip(np.where(cos_zenith < _LOWEST_COS_ZENITH, 0.0, share), 0.0, _MOST_DIRECT), cos_zenith=cos_zenith)
    globe = _globe_c(ta, rh, v, pressure, light)
    wet = wick.solve_c(ta, rh, v, pressure, _wick_gain(ta, rh, light))
    return Outdoors(tg_c=globe, tnwb_c=wet, wbgt_c=sunlit_wbgt_c(wet, globe, ta))


def _globe_c(ta: Array, rh: Array, v: Array, pressure: Array, light: Radiation) -> Array:
    beam = light.direct_share * (1.0 / (2.0 * _raised(light)) - 1.0)
    sunlight = light.solar_w_m2 / 2.0 * (1.0 - _GLOBE_ALBEDO) * (beam + 1.0 + _GROUND_ALBEDO) / (wick.SIGMA * _GLOBE_EMISSIVITY)
    warmth = _long_wave_k4(ta, rh) + sunlight
    low, high = ta - _REACH_K, ta + _REACH_K
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        film = sphere_film_w_m2_k((middle + ta) / 2.0 + wick.KELVIN, pressure, v, GLOBE_DIAMETER_M)
        over = (middle + wick.KELVIN) ** 4 + film / (wick.SIGMA * _GLOBE_EMISSIVITY) * (middle - ta) > warmth
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(np.isnan(warmth + v + pressure), np.nan, (low + high) / 2.0)


def _wick_gain(ta: Array, rh: Array, light: Radiation) -> wick.Gain:
    end = 0.25 * wick.DIAMETER_M / wick.LENGTH_M
    upright = np.sqrt(1.0 - np.minimum(_raised(light), 1.0) ** 2) / _raised(light) / np.pi
    lit = (1.0 - light.direct_share) * (1.0 + end) + light.direct_share * (upright + end) + _GROUND_ALBEDO
    sunlight, around = (1.0 - _WICK_ALBEDO) * light.solar_w_m2 * lit, _long_wave_k4(ta, rh)
    return lambda wick_k: np.asarray(wick.SIGMA * wick.EMISSIVITY * (around - wick_k**4) + sunlight)


def _long_wave_k4(ta: Array, rh: Array) -> Array:
    """Mean of sky and ground, the ground as warm as the air; emissivity of the sky 0.575 e^0.143 (e in hPa)."""
    sky = 0.575 * vapour_pressure_hpa(ta, rh) ** 0.143
    return np.asarray(0.5 * (sky + _GROUND_EMISSIVITY) * (ta + wick.KELVIN) ** 4)


def _raised(light: Radiation) -> Array:
    """Keeps a set sun, which sheds no direct light, from dividing by nothing."""
    return np.maximum(light.cos_zenith, _LOWEST_COS_ZENITH)
