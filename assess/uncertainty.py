"""How far an instrument's reading may be off: its certificate, or the documented table `uncertainty.yaml` by quantity and class."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec
import numpy as np

from domain.registry import Instrument
from domain.verdict import CalibrationState, Grade
from domain.yamltext import parse_yaml
from models.arrays import Array

FILE = "uncertainty.yaml"


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The greater of an absolute and a relative part."""

    abs: float = 0.0
    rel: float = 0.0

    def of(self, values: Array) -> Array:
        return np.maximum(self.abs, self.rel * np.abs(values))


class HeatTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    globe_over_air_k: list[float]
    may_read_low_k: list[float]
    may_read_high_k: list[float]
    assumed_air_speed_ms: float
    assumed_air_speed_low_ms: float
    assumed_air_speed_high_ms: float
    radiant_cooling_k: float
    small_globe_mm: float
    small_globe_unmeasured_k: float
    metabolic_rate_share: float

    def method_widths(self, excess_k: Array) -> tuple[Array, Array]:
        """How far the estimated WBGT may be off because of its method, K: downwards (it reads high) and upwards (it reads low), by globe over air."""
        low = np.interp(excess_k, self.globe_over_air_k, self.may_read_low_k)
        high = np.interp(excess_k, self.globe_over_air_k, self.may_read_high_k)
        return high, low


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    default: dict[Grade, Spread]
    quantities: dict[str, dict[Grade, Spread]]
    calibration: dict[CalibrationState, float]
    heat: HeatTable
    minimum: dict[str, float]


@cache
def table() -> Table:
    """The table of this installation."""
    return parse_yaml(resources.files("assess").joinpath(FILE).read_text(encoding="utf-8"), Table, source=FILE)


def sensor_uncertainty(quantity: str, instrument: Instrument | None, values: Array) -> Array:
    """Expanded uncertainty (90 %) of each value."""
    return spread_of(quantity, instrument).of(values)


def spread_of(quantity: str, instrument: Instrument | None) -> Spread:
    """Of its certificate, else of its class; an instrument that nobody knows counts as the lowest class."""
    if instrument is not None and instrument.uncertainty is not None:
        return Spread(abs=instrument.uncertainty)
    grade: Grade = "trend" if instrument is None else instrument.grade
    return table().quantities.get(quantity, table().default)[grade]
