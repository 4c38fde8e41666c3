"""The one registry of what can be measured (contract 3.2): unit, name, how it is averaged, what is plausible, what it may be used for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType


class Averaging(Enum):
    """How samples become a minute and minutes a window. Decibels are never averaged arithmetically."""

    ARITHMETIC = "arithmetic"
    ENERGY = "energy"
    MAXIMUM = "maximum"


class Use(StrEnum):
    """The best a quantity may be used for; `trend` never meets a limit."""

    COMPLIANCE = "compliance"
    SCREENING = "screening"
    TREND = "trend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One observable property."""

    id: str
    unit: str  # SenML
    unit_shown: str
    name: str  # plain English; the pages translate it
    averaging: Averaging
    low: float  # plausible range of a working sensor in a workplace; below: rejected, above: "at least"
    high: float
    decimals: int
    use: Use
    hazard: str  # contract 3.3; "" where the quantity alone is no hazard
    cas: str = ""


def _q(
    id: str, unit: str, shown: str, name: str, low: float, high: float, decimals: int, use: Use, hazard: str, averaging: Averaging = Averaging.ARITHMETIC, cas: str = ""
) -> Quantity:
    return Quantity(id=id, unit=unit, unit_shown=shown, name=name, averaging=averaging, low=low, high=high, decimals=decimals, use=use, hazard=hazard, cas=cas)


_C, _S, _T = Use.COMPLIANCE, Use.SCREENING, Use.TREND

_ALL = (
    _q("air_temperature", "Cel", "°C", "Air temperature", -40, 85, 1, _C, "heat"),
    _q("globe_temperature", "Cel", "°C", "Globe temperature", -40, 120, 1, _C, "heat"),
    _q("natural_wet_bulb_temperature", "Cel", "°C", "Natural wet bulb temperature", -20, 60, 1, _C, "heat"),
    _q("relative_humidity", "%RH", "%", "Relative humidity", 0, 100, 0, _C, "heat"),
    _q("air_speed", "m/s", "m/s", "Air speed", 0, 20, 2, _C, "heat"),
    _q("air_pressure", "hPa", "hPa", "Air pressure", 500, 1100, 0, _C, ""),
    _q("wbgt", "Cel", "°C", "WBGT", -20, 60, 1, _C, "heat"),
    _q("sound_level_a_eq", "dB", "dB(A)", "Sound level LAeq", 20, 140, 1, _C, "noise", Averaging.ENERGY),
    _q("sound_level_c_peak", "dB", "dB(C)", "Peak sound level LCpeak", 40, 160, 1, _C, "noise", Averaging.MAXIMUM),
    _q("sound_dose_5db_t80", "%", "%", "Noise dose, 5 dB exchange, 80 dB threshold", 0, 100_000, 0, _C, "noise", Averaging.MAXIMUM),
    _q("sound_dose_5db_t90", "%", "%", "Noise dose, 5 dB exchange, 90 dB threshold", 0, 100_000, 0, _C, "noise", Averaging.MAXIMUM),
    _q("co2", "ppm", "ppm", "Carbon dioxide", 0, 50_000, 0, _S, "air_quality", cas="124-38-9"),
    _q("co", "ppm", "ppm", "Carbon monoxide", 0, 2_000, 0, _C, "gas:co", cas="630-08-0"),
    _q("no2", "ppm", "ppm", "Nitrogen dioxide", 0, 200, 2, _C, "gas:no2", cas="10102-44-0"),
    _q("so2", "ppm", "ppm", "Sulphur dioxide", 0, 500, 1, _C, "gas:so2", cas="7446-09-5"),
    _q("o3", "ppm", "ppm", "Ozone", 0, 100, 2, _C, "gas:o3", cas="10028-15-6"),
    _q("nh3", "ppm", "ppm", "Ammonia", 0, 5_000, 1, _C, "gas:nh3", cas="7664-41-7"),
    _q("h2s", "ppm", "ppm", "Hydrogen sulphide", 0, 2_000, 1, _C, "gas:h2s", cas="7783-06-4"),
    _q("cl2", "ppm", "ppm", "Chlorine", 0, 200, 2, _C, "gas:cl2", cas="7782-50-5"),
    _q("formaldehyde", "ppm", "ppm", "Formaldehyde", 0, 100, 3, _S, "gas:formaldehyde", cas="50-00-0"),
    _q("tvoc_isobutylene", "ppm", "ppm", "Solvent vapour (PID, as isobutylene)", 0, 15_000, 1, _S, ""),
    _q("voc_index", "1", "", "VOC index", 0, 500, 0, _T, ""),
    _q("pm1", "ug/m3", "µg/m³", "PM1 (optical)", 0, 10_000, 0, _T, "dust"),
    _q("pm2_5", "ug/m3", "µg/m³", "PM2.5 (optical)", 0, 10_000, 0, _T, "dust"),
    _q("pm4", "ug/m3", "µg/m³", "PM4 (optical)", 0, 10_000, 0, _T, "dust"),
    _q("pm10", "ug/m3", "µg/m³", "PM10 (optical)", 0, 10_000, 0, _T, "dust"),
    _q("respirable_dust", "ug/m3", "µg/m³", "Respirable dust", 0, 100_000, 0, _S, "dust"),
    _q("illuminance", "lx", "lx", "Illuminance", 0, 200_000, 0, _S, ""),
)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType({quantity.id: quantity for quantity in _ALL})

_CAS = re.compile(r"\d{2,7}-\d{2}-\d")


def quantity_of(quantity_id: str, unit: str = "") -> Quantity | None:
    """The quantity of this id, or None. `concentration:{CAS}` takes its unit, ppm or mg/m3, from the channel that declares it."""
    known = QUANTITIES.get(quantity_id)
    if known is not None:
        return known
    prefix, _, cas = quantity_id.partition(":")
    if prefix != "concentration" or not is_cas(cas) or unit not in ("", "ppm", "mg/m3"):
        return None
    unit = unit or "ppm"
    return _q(quantity_id, unit, unit.replace("m3", "m³"), f"Concentration of CAS {cas}", 0, 100_000, 2, Use.SCREENING, f"chemical:{cas}", cas=cas)


def is_cas(text: str) -> bool:
    """Whether a CAS number is well formed and its check digit is right.

    >>> is_cas("108-88-3"), is_cas("108-88-4")
    (True, False)
    """
    if not _CAS.fullmatch(text):
        return False
    digits = [int(char) for char in text if char != "-"]
    weighted = sum(position * digit for position, digit in enumerate(reversed(digits[:-1]), start=1))
    return weighted % 10 == digits[-1]
