"""ppm and mg/m³ of a gas or vapour. Lists of limits differ in reference temperature: OSHA, NIOSH 25 °C (24.45 L/mol), the European Union 20 °C (24.06 L/mol)."""

from __future__ import annotations


def molar_volume_l_mol(temperature_c: float, pressure_hpa: float = 1013.25) -> float:
    """Litres of one mole of an ideal gas.

    >>> round(molar_volume_l_mol(25.0), 2), round(molar_volume_l_mol(20.0), 2)
    (24.47, 24.06)
    """
    return 22.414 * (273.15 + temperature_c) / 273.15 * 1013.25 / pressure_hpa


def mg_m3_from_ppm(ppm: float, molar_mass_g_mol: float, temperature_c: float = 25.0) -> float:
    """mg/m³ at the list's reference temperature and 1013 hPa.

    >>> round(mg_m3_from_ppm(1.0, 92.14), 2)
    3.77
    """
    return ppm * molar_mass_g_mol / molar_volume_l_mol(temperature_c)
