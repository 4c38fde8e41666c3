"""WBGT by the minute for the trend, from what one placement measures; the results that count are those of `assess`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from domain.quantities import QUANTITIES
from domain.reading import Minute
from domain.registry import Channel
from models.heat.globe import STANDARD_DIAMETER_MM, standard_globe_c
from models.heat.wbgt import estimated_wbgt_c, wbgt_c

STILL_AIR_MS = 0.1
"""Where air speed is not measured: the least for which the natural wet bulb is defined, and the warmest assumption."""


def wbgt_minutes(channels: Sequence[Channel], minutes: Mapping[str, Sequence[Minute]]) -> list[tuple[int, float]]:
    """Minutes in which air temperature and humidity (or the natural wet bulb) and the globe are there; without a globe the air stands for it."""
    values = {channel.quantity: _values(channel.quantity, minutes.get(channel.id, [])) for channel in channels}
    need = [quantity for quantity in ("air_temperature", "relative_humidity", "globe_temperature", "natural_wet_bulb_temperature") if quantity in values]
    if "air_temperature" not in values:
        return []
    starts = sorted(set.intersection(*(set(values[quantity]) for quantity in need)))
    if not starts:
        return []
    taken = {quantity: np.array([held.get(start, np.nan) for start in starts]) for quantity, held in values.items()}
    ta = taken["air_temperature"]
    speed = np.nan_to_num(taken.get("air_speed", np.full(len(starts), STILL_AIR_MS)), nan=STILL_AIR_MS)
    globe = _globe(channels, taken, ta, speed)
    if "natural_wet_bulb_temperature" in taken:
        result = wbgt_c(taken["natural_wet_bulb_temperature"], globe)
    elif "relative_humidity" in taken:
        result = estimated_wbgt_c(ta, taken["relative_humidity"], globe, speed)
    else:
        return []
    return [(start, float(value)) for start, value in zip(starts, result, strict=True) if np.isfinite(value)]


def _values(quantity: str, minutes: Sequence[Minute]) -> dict[int, float]:
    averaging = QUANTITIES[quantity].averaging
    return {minute.start_us: value for minute in minutes if (value := minute.mean(averaging)) is not None}


def _globe(channels: Sequence[Channel], taken: Mapping[str, np.ndarray], ta: np.ndarray, speed: np.ndarray) -> np.ndarray:
    if "globe_temperature" not in taken:
        return ta
    instrument = next((channel.spec.instrument for channel in channels if channel.quantity == "globe_temperature"), None)
    diameter_mm = instrument.globe_diameter_mm if instrument and instrument.globe_diameter_mm else STANDARD_DIAMETER_MM
    return np.asarray(standard_globe_c(taken["globe_temperature"], ta, speed, diameter_mm))
