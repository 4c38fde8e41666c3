"""The WBGT of each minute at one placement, from whatever instruments stand there, and how far it may be off."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from assess import texts
from assess.bounds import exact_mean
from assess.gather import Measured
from assess.once import once
from assess.plan import Placement
from assess.uncertainty import table
from domain.registry import Channel
from domain.verdict import Grade
from models.airborne.atmosphere import ANYWHERE, PressureRange
from models.arrays import Array, Mask, rolling_sum
from models.heat.bernard import natural_wet_bulb_c
from models.heat.effective import ENOUGH
from models.heat.globe import SMALLEST_DIAMETER_MM, STANDARD_DIAMETER_MM, standard_globe_c
from models.heat.psychrometrics import psychrometric_wet_bulb_c
from models.heat.wbgt import estimated_wbgt_c, wbgt_c

T = TypeVar("T")
ESTIMATED, FROM_WET_BULB, DIRECT = "wbgt-bernard-1999@1", "wbgt-iso-7243-2017@1", "wbgt-instrument@1"
INPUTS = ("wbgt", "natural_wet_bulb_temperature", "globe_temperature", "air_temperature", "relative_humidity", "air_speed", "air_pressure")


class Hours:
    """Means of the windows of one span, found once for all limits that they are held against."""

    def __init__(self, counted: Mask, window: int) -> None:
        self.window = window
        self._counted, self._worked = counted, np.rint(rolling_sum(counted, window))
        self._means: dict[int, tuple[Array, tuple[Array, Mask] | None]] = {}  # what is held keeps its array alive, so that no other takes its identity
        self._exact: dict[tuple[int, int], float] = {}

    def find(self, minutes: Sequence[Array]) -> None:
        """The means of all these at once."""
        new = {id(one): one for one in minutes if id(one) not in self._means}
        if new:
            self._means.update(zip(new, zip(new.values(), self._found(np.stack(list(new.values()))), strict=True), strict=True))

    def means(self, effective: Array) -> tuple[Array, Mask] | None:
        """And which windows have enough minutes; None where none has."""
        if id(effective) not in self._means:
            self.find([effective])
        return self._means[id(effective)][1]

    def exact(self, effective: Array, first: int) -> float:
        """The mean of one window, without rounding; of minutes whose means were found."""
        key = id(effective), first
        if key not in self._exact:
            hottest = effective[first : first + self.window]
            self._exact[key] = exact_mean(hottest[self._counted[first : first + self.window]])
        return self._exact[key]

    def _found(self, rows: Array) -> Iterator[tuple[Array, Mask] | None]:
        """Of each row."""
        known = self._counted & ~np.isnan(rows)
        count = np.rint(rolling_sum(known, self.window))
        enough = (count >= ENOUGH * self._worked) & (self._worked >= self.window / 4) & (count > 0)
        means = rolling_sum(np.where(known, rows, 0.0), self.window) / np.maximum(count, 1.0)
        return (found if np.any(found[1]) else None for found in zip(means, enough, strict=True))


@dataclass(slots=True, kw_only=True)
class Wbgt:
    """WBGT of each minute (NaN where an instrument that belongs to it has no value) and how far it may be off, by cause; all widths are positive."""

    value: Array
    valid: Mask
    sensor: tuple[Array, Array]  # downwards, upwards
    drift: tuple[Array, Array]
    estimate: tuple[Array, Array]
    method: str
    grade: Grade
    used: list[Measured]
    reasons: list[str] = field(default_factory=list)
    cover: Wbgt | None = None  # of other instruments in date at the same place
    hours: dict[int, Hours] = field(default_factory=dict)  # by window
    found: dict[Hashable, Any] = field(default_factory=dict)  # what was made of it, for all limits that ask for the same

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Made once for its span; whoever asks later must not write into it."""
        return once(self.found, key, make)

    @property
    def in_date(self) -> bool:
        """Whether it may stand in for another."""
        return all(one.in_date for one in self.used)

    @property
    def upper(self) -> Array:
        """The most that each minute may have been."""
        return self.value + self.sensor[1] + self.drift[1] + self.estimate[1]


Measure = Callable[[str], Measured | None]


def is_monitored(placement: Placement) -> bool:
    """Whether a WBGT can be had here: from an instrument for it, a natural wet bulb and a globe, or temperature and humidity."""
    held = placement.channels
    by_air = "air_temperature" in held and "relative_humidity" in held
    return by_air or "wbgt" in held or ("natural_wet_bulb_temperature" in held and "globe_temperature" in held)


def wbgt_of(measure: Measure, worst_globe_c: float | None = None, pressure: PressureRange = ANYWHERE) -> Wbgt | None:
    """By the best way that the instruments allow. `pressure`: of the air at the site's altitude, where no barometer says it."""
    found = inputs_of(measure)
    if "wbgt" in found:
        return _direct(found["wbgt"])
    if {"natural_wet_bulb_temperature", "globe_temperature"} <= found.keys():
        return _from_wet_bulb(found)
    if {"air_temperature", "relative_humidity"} <= found.keys():
        return _Estimate(found, worst_globe_c, pressure).wbgt()
    return None


def inputs_of(measure: Measure) -> dict[str, Measured]:
    """Of what bears on a WBGT, what is measured."""
    return {quantity: measured for quantity in INPUTS if (measured := measure(quantity)) is not None}


def _direct(measured: Measured) -> Wbgt:
    nothing = np.zeros_like(measured.value)
    return Wbgt(
        value=np.where(measured.valid, _shown(measured), np.nan),
        valid=measured.valid.copy(),
        sensor=(measured.uncertainty, np.where(measured.saturated, np.inf, measured.uncertainty)),
        drift=(measured.drift, measured.drift),
        estimate=(nothing, nothing),
        method=DIRECT,
        grade="compliance",
        used=[measured],
    )


def _from_wet_bulb(found: Mapping[str, Measured]) -> Wbgt:
    wet, globe = found["natural_wet_bulb_temperature"], found["globe_temperature"]
    air, speed = found.get("air_temperature"), found.get("air_speed")
    diameter = diameter_mm_of(globe.channels)
    reasons: list[str] = []
    nothing = np.zeros_like(wet.value)
    valid, used, above = wet.valid & globe.valid, [wet, globe], nothing
    shown = _shown(globe)
    if diameter is None:
        reasons.append(texts.GLOBE_UNKNOWN)
        above = np.full_like(nothing, table().heat.small_globe_unmeasured_k)
    elif diameter < STANDARD_DIAMETER_MM and air is not None and speed is not None:
        shown, valid, used = standard_globe_c(shown, _shown(air), _shown(speed), diameter), valid & air.valid & speed.valid, [wet, globe, air, speed]
        reasons.append(texts.GLOBE_CORRECTED.format(diameter=f"{diameter:g}"))
    elif diameter < STANDARD_DIAMETER_MM:
        reasons.append(texts.GLOBE_NOT_CORRECTED)
        above = np.full_like(nothing, table().heat.small_globe_unmeasured_k)
    sensor = np.hypot(0.7 * wet.uncertainty, 0.3 * globe.uncertainty)
    drift = np.hypot(0.7 * wet.drift, 0.3 * globe.drift)
    saturated = wet.saturated | globe.saturated
    return Wbgt(
        value=np.where(valid, wbgt_c(_shown(wet), shown), np.nan),
        valid=valid,
        sensor=(sensor, np.where(saturated, np.inf, sensor)),
        drift=(drift, drift),
        estimate=(nothing, above),
        method=FROM_WET_BULB,
        grade="compliance" if diameter is not None and above is nothing else "screening",
        used=used,
        reasons=reasons,
    )


class _Estimate:
    """WBGT from air temperature and humidity with globe and air speed where they are measured; what is missing widens the bounds and lowers the grade."""

    def __init__(self, found: Mapping[str, Measured], worst_globe_c: float | None, unmeasured: PressureRange) -> None:
        self._heat = table().heat
        self._air, self._humidity = found["air_temperature"], found["relative_humidity"]
        self._globe, self._speed, self._pressure = found.get("globe_temperature"), found.get("air_speed"), found.get("air_pressure")
        self._diameter = diameter_mm_of(self._globe.channels) if self._globe else STANDARD_DIAMETER_MM
        self._worst_globe_c, self._unmeasured = worst_globe_c, unmeasured
        needed = [self._air, self._humidity, *(one for one in (self._globe, self._speed) if one is not None)]
        self._needed = needed
        self._valid = np.logical_and.reduce([one.valid & ~np.isnan(one.value) for one in needed])

    def wbgt(self) -> Wbgt:
        base = self._inputs()
        values, sensor, drift, pressed = self._spread(base)
        saturated = np.logical_or.reduce([one.saturated for one in self._needed])
        below, above = self._estimate(base, values, pressed)
        return Wbgt(
            value=np.where(self._valid, values, np.nan),
            valid=self._valid,
            sensor=(sensor[0], np.where(saturated, np.inf, sensor[1])),
            drift=drift,
            estimate=(below, above),
            method=ESTIMATED,
            grade="screening" if self._globe is not None and self._speed is not None else "trend",
            used=[*self._needed, *([self._pressure] if self._pressure else [])],
            reasons=self._reasons(),
        )

    def _inputs(self) -> dict[str, Array]:
        """Calm stand-ins where a minute has no value: they are masked afterwards, and keep the formulas in range."""
        shape = self._air.value.shape
        base = {
            "air": np.where(self._valid, _shown(self._air), 25.0),
            "humidity": np.clip(np.where(self._valid, self._humidity.value, 50.0), 0.5, 100.0),
            "speed": np.full(shape, self._heat.assumed_air_speed_ms) if self._speed is None else np.where(self._valid, np.maximum(self._speed.value, 0.0), 0.2),
            "pressure": self._pressures()[1],
        }
        if self._globe is not None:
            base["globe"] = np.where(self._valid, _shown(self._globe), 25.0)
        return base

    def _pressures(self) -> tuple[Array, Array, Array]:
        """The least, the likely and the greatest air pressure of each minute: as measured, else what the site's altitude and weather make of it."""
        shape, held = self._air.value.shape, self._pressure
        least, taken, most = (np.full(shape, one) for one in (self._unmeasured.low, self._unmeasured.standard, self._unmeasured.high))
        if held is None:
            return least, taken, most
        known, width = held.valid & ~np.isnan(held.value), held.uncertainty + held.drift
        return np.where(known, held.value - width, least), np.where(known, held.value, taken), np.where(known, held.value + width, most)

    def _spread(self, base: dict[str, Array]) -> tuple[Array, tuple[Array, Array], tuple[Array, Array], Array]:
        """Values, and the instruments' widths: independent, so their squares add up (GUM); drifts likewise. Last, the values at the ends of the air's pressure."""
        sources = {"air": self._air, "humidity": self._humidity, "globe": self._globe, "speed": self._speed}
        moved = [(name, sign, one) for name, one in sources.items() if one is not None for sign in (1.0, -1.0)]
        rows = [base, *({**base, name: _limited(name, base[name] + sign * one.uncertainty)} for name, sign, one in moved)]
        least, _, most = self._pressures()
        answers = self._of_rows([*rows, {**base, "pressure": least}, {**base, "pressure": most}])
        down, up, drift_down, drift_up = (np.zeros_like(answers[0]) for _ in range(4))
        for (_, _, one), answer in zip(moved, answers[1:-2], strict=True):
            shift = answer - answers[0]
            drift = shift * np.divide(one.drift, one.uncertainty, out=np.zeros_like(shift), where=np.nan_to_num(one.uncertainty) > 0)
            up, down = up + np.maximum(shift, 0.0) ** 2, down + np.minimum(shift, 0.0) ** 2
            drift_up, drift_down = drift_up + np.maximum(drift, 0.0) ** 2, drift_down + np.minimum(drift, 0.0) ** 2
        return answers[0], (np.sqrt(down), np.sqrt(up)), (np.sqrt(drift_down), np.sqrt(drift_up)), answers[-2:]

    def _of_rows(self, rows: Sequence[dict[str, Array]]) -> Array:
        """WBGT of each row; a wet bulb or globe that no row's change concerns is solved once."""
        wet_bulbs = _solved_once(rows, ("air", "humidity", "pressure"), lambda stacked: psychrometric_wet_bulb_c(*stacked))
        if "globe" in rows[0]:
            globes = _solved_once(rows, ("globe", "air", "speed"), lambda stacked: self._standard_globe(dict(zip(("globe", "air", "speed"), stacked, strict=True))))
        else:
            globes = np.stack([row["air"] for row in rows])
        air, speed = (np.stack([row[name] for row in rows]) for name in ("air", "speed"))
        return wbgt_c(natural_wet_bulb_c(air, wet_bulbs, globes, speed), globes)

    def _of(self, inputs: Mapping[str, Array]) -> Array:
        return estimated_wbgt_c(inputs["air"], inputs["humidity"], self._standard_globe(inputs), inputs["speed"], inputs["pressure"])

    def _standard_globe(self, inputs: Mapping[str, Array], diameter_mm: float | None = None) -> Array:
        if "globe" not in inputs:
            return inputs["air"]
        diameter = diameter_mm or self._diameter or STANDARD_DIAMETER_MM
        return standard_globe_c(inputs["globe"], inputs["air"], inputs["speed"], diameter)

    def _estimate(self, base: dict[str, Array], values: Array, pressed: Array) -> tuple[Array, Array]:
        """Widths of the method and of what is not measured: they may all be off the same way, so they add up."""
        globe = self._standard_globe(base)
        below, above = self._heat.method_widths(globe - base["air"])
        below, above = below + np.maximum(values - pressed.min(axis=0), 0.0), above + np.maximum(pressed.max(axis=0) - values, 0.0)
        if self._speed is None:
            slow, fast = self._still_and_moving(base)
            below, above = below + np.maximum(values - fast, 0.0), above + np.maximum(slow - values, 0.0)
        if self._globe is None:
            cool = self._of({**base, "globe": base["air"] - self._heat.radiant_cooling_k})
            below, above = below + np.maximum(values - cool, 0.0), above + self._without_globe(base, values)
        elif self._diameter is None:
            small = {**base, "globe": self._standard_globe(base, self._heat.small_globe_mm)}
            above = above + np.maximum(self._of(small) - values, 0.0)
        return below, above

    def _still_and_moving(self, base: dict[str, Array]) -> tuple[Array, Array]:
        """WBGT in still air and in moving air; the corrected globe takes its worse value of both, since it goes the other way."""
        speeds = [np.full_like(base["air"], speed) for speed in (self._heat.assumed_air_speed_low_ms, self._heat.assumed_air_speed_high_ms)]
        globes = [self._standard_globe({**base, "speed": speed}) for speed in speeds]
        coolest, hottest = np.minimum(*globes), np.maximum(*globes)
        still = estimated_wbgt_c(base["air"], base["humidity"], hottest, speeds[0], base["pressure"])
        moving = estimated_wbgt_c(base["air"], base["humidity"], coolest, speeds[1], base["pressure"])
        return still, moving

    def _without_globe(self, base: dict[str, Array], values: Array) -> Array:
        """Nobody knows how much hotter than the air a globe would be, unless both sides agreed a worst case."""
        if self._worst_globe_c is None:
            return np.full_like(values, np.inf)
        hot = self._of({**base, "globe": np.maximum(base["air"], self._worst_globe_c)})
        return np.maximum(hot - values, 0.0)

    def _reasons(self) -> list[str]:
        reasons = [texts.ESTIMATED_WET_BULB]
        if self._globe is None:
            reasons.append(texts.NO_GLOBE)
        elif self._diameter is None:
            reasons.append(texts.GLOBE_UNKNOWN)
        elif self._diameter < STANDARD_DIAMETER_MM:
            reasons.append(texts.GLOBE_CORRECTED.format(diameter=f"{self._diameter:g}"))
        if self._speed is None:
            reasons.append(texts.NO_ANEMOMETER.format(speed=f"{self._heat.assumed_air_speed_ms:g}"))
        if self._pressure is None:
            reasons.append(_no_barometer(self._unmeasured))
        return reasons


def diameter_mm_of(globes: Sequence[Channel]) -> float | None:
    """On record and in the range of the correction; else None."""
    diameters = [channel.spec.instrument.globe_diameter_mm if channel.spec.instrument else None for channel in globes]
    known = [diameter for diameter in diameters if diameter is not None and SMALLEST_DIAMETER_MM <= diameter <= STANDARD_DIAMETER_MM]
    return min(known) if diameters and len(known) == len(diameters) else None


def _shown(measured: Measured) -> Array:
    """A saturated value says no more than the end of the range; its upper bound is open."""
    return np.where(measured.saturated, np.minimum(measured.value, measured.range_end), measured.value)


def _solved_once(rows: Sequence[dict[str, Array]], names: Sequence[str], solve: Callable[[list[Array]], Array]) -> Array:
    """The answer of every row, found once for rows that share these inputs."""
    kinds = {tuple(id(row[name]) for name in names): number for number, row in reversed(list(enumerate(rows)))}
    first = sorted(kinds.values())
    answers = solve([np.stack([rows[number][name] for number in first]) for name in names])
    return answers[[first.index(kinds[tuple(id(row[name]) for name in names)]) for row in rows]]


def _no_barometer(taken: PressureRange) -> str:
    pressures = {"taken": f"{taken.standard:.0f}", "low": f"{taken.low:.0f}", "high": f"{taken.high:.0f}"}
    if taken.altitude_m is None:
        return texts.NO_PRESSURE.format(**pressures)
    return texts.NO_PRESSURE_AT_ALTITUDE.format(**pressures, altitude=f"{taken.altitude_m:.0f}")


def _limited(name: str, values: Array) -> Array:
    if name == "humidity":
        return np.clip(values, 0.5, 100.0)
    return np.maximum(values, 0.0) if name == "speed" else values
