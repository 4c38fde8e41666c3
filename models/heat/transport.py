"""Air as a carrier of heat and water vapour, and how it streams around a wick and a globe.

Bird, Stewart & Lightfoot, Transport Phenomena: viscosity after Chapman & Enskog, diffusivity after Slattery & Bird, conductivity after Eucken; film coefficients of
Liljegren et al., J. Occup. Environ. Hyg. 5 (2008), 645-655. Kelvin, hPa, m/s and m; 250-340 K, 500-1100 hPa. Under 0.13 m/s the air around a warm body moves
by itself as fast: slower speeds are taken as 0.13 m/s.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Array

AIR_G_MOL, WATER_G_MOL = 28.97, 18.015
CP_J_KG_K = 1003.5
R_AIR_J_KG_K = 8314.34 / AIR_G_MOL
PRANDTL = CP_J_KG_K / (CP_J_KG_K + 1.25 * R_AIR_J_KG_K)
LEWIS_EXPONENT = 0.56
SLOWEST_MS = 0.13
_SEA_LEVEL_HPA = 1013.25


def viscosity_pa_s(temperature_k: Array) -> Array:
    """Dynamic viscosity of air.

    >>> bool(abs(viscosity_pa_s(np.array(300.0)) - 1.85e-5) < 1e-6)
    True
    """
    omega = (temperature_k / 97.0 - 2.9) / 0.4 * -0.034 + 1.048
    return np.asarray(2.6693e-6 * np.sqrt(AIR_G_MOL * temperature_k) / (3.617**2 * omega))


def diffusivity_m2_s(temperature_k: Array, pressure_hpa: Array) -> Array:
    """Of water vapour in air."""
    critical = (36.4 * 218.0) ** (1 / 3) * (132.0 * 647.3) ** (5 / 12) * np.sqrt(1 / AIR_G_MOL + 1 / WATER_G_MOL)
    return np.asarray(3.640e-8 * (temperature_k / np.sqrt(132.0 * 647.3)) ** 2.334 * critical / (pressure_hpa / _SEA_LEVEL_HPA))


def schmidt_number(temperature_k: Array, pressure_hpa: Array) -> Array:
    """Momentum against vapour diffusivity."""
    return np.asarray(viscosity_pa_s(temperature_k) / (density_kg_m3(temperature_k, pressure_hpa) * diffusivity_m2_s(temperature_k, pressure_hpa)))


def density_kg_m3(temperature_k: Array, pressure_hpa: Array) -> Array:
    """Of dry air."""
    return np.asarray(pressure_hpa * 100.0 / (R_AIR_J_KG_K * temperature_k))


def cylinder_film_w_m2_k(film_k: Array, pressure_hpa: Array, v_ms: Array, diameter_m: float) -> Array:
    """Heat transfer of a long cylinder across the air stream: Nu = 0.281 Re^0.6 Pr^0.44 (Bedingfield & Drew 1950)."""
    nusselt = 0.281 * _reynolds(film_k, pressure_hpa, v_ms, diameter_m) ** 0.6 * PRANDTL**0.44
    return np.asarray(nusselt * _conductivity_w_m_k(film_k) / diameter_m)


def sphere_film_w_m2_k(film_k: Array, pressure_hpa: Array, v_ms: Array, diameter_m: float) -> Array:
    """Heat transfer of a sphere: Nu = 2 + 0.6 Re^(1/2) Pr^(1/3) (Bird, Stewart & Lightfoot)."""
    nusselt = 2.0 + 0.6 * np.sqrt(_reynolds(film_k, pressure_hpa, v_ms, diameter_m)) * PRANDTL**0.3333
    return np.asarray(nusselt * _conductivity_w_m_k(film_k) / diameter_m)


def _reynolds(film_k: Array, pressure_hpa: Array, v_ms: Array, diameter_m: float) -> Array:
    return np.asarray(np.maximum(v_ms, SLOWEST_MS) * density_kg_m3(film_k, pressure_hpa) * diameter_m / viscosity_pa_s(film_k))


def _conductivity_w_m_k(temperature_k: Array) -> Array:
    return np.asarray((CP_J_KG_K + 1.25 * R_AIR_J_KG_K) * viscosity_pa_s(temperature_k))
