"""ppm and mg/m³ as arrays, at the reference temperature of a list of limits and at the temperature and pressure that were measured. Ideal gas: 22.414 L/mol at 0 °C and 1013.25 hPa.

ppm does not change with temperature and pressure, mg/m³ does: 100 ppm of toluene are 377 mg/m³ at 25 °C and 1013 hPa, and 286 mg/m³ on a plateau with 770 hPa. Compare ppm with ppm; convert only
for limits in mg/m³, a measured mg/m³ first to the list's conditions. Valid for -20 to 60 °C and 500-1100 hPa.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Array

SEA_LEVEL_HPA = 1013.25
REFERENCE_C = 25.0
"""OSHA's and NIOSH's lists; the European Union's is at 20 °C."""


def molar_volume_l_mol(temperature_c: npt.ArrayLike, pressure_hpa: npt.ArrayLike = SEA_LEVEL_HPA) -> Array:
    """Litres of one mole.

    >>> molar_volume_l_mol([20.0, 25.0]).round(2).tolist()
    [24.06, 24.47]
    """
    kelvin = 273.15 + np.asarray(temperature_c, dtype=np.float64)
    return np.asarray(22.414 * kelvin / 273.15 * SEA_LEVEL_HPA / np.asarray(pressure_hpa, dtype=np.float64))


def mg_m3_from_ppm(ppm: npt.ArrayLike, molar_mass_g_mol: npt.ArrayLike, temperature_c: npt.ArrayLike = REFERENCE_C, pressure_hpa: npt.ArrayLike = SEA_LEVEL_HPA) -> Array:
    """Mass in a cubic metre of air of that temperature and pressure.

    >>> mg_m3_from_ppm(100.0, 92.14, 25.0, [1013.25, 770.0]).round(0).tolist()
    [377.0, 286.0]
    """
    return np.asarray(np.asarray(ppm, dtype=np.float64) * np.asarray(molar_mass_g_mol, dtype=np.float64) / molar_volume_l_mol(temperature_c, pressure_hpa))


def ppm_from_mg_m3(mg_m3: npt.ArrayLike, molar_mass_g_mol: npt.ArrayLike, temperature_c: npt.ArrayLike = REFERENCE_C, pressure_hpa: npt.ArrayLike = SEA_LEVEL_HPA) -> Array:
    """The inverse of `mg_m3_from_ppm`.

    >>> round(float(ppm_from_mg_m3(191.5, 92.14, 20.0)), 1)
    50.0
    """
    return np.asarray(np.asarray(mg_m3, dtype=np.float64) * molar_volume_l_mol(temperature_c, pressure_hpa) / np.asarray(molar_mass_g_mol, dtype=np.float64))


def mg_m3_at_reference(mg_m3: npt.ArrayLike, temperature_c: npt.ArrayLike, pressure_hpa: npt.ArrayLike, reference_c: npt.ArrayLike = REFERENCE_C) -> Array:
    """A measured mass concentration as it would be in air of the list's reference temperature and 1013 hPa.

    >>> round(float(mg_m3_at_reference(286.4, 25.0, 770.0)), 0)
    377.0
    """
    return np.asarray(np.asarray(mg_m3, dtype=np.float64) * molar_volume_l_mol(temperature_c, pressure_hpa) / molar_volume_l_mol(reference_c))
