"""What the heat plan learns from: WBGT of the past days hour by hour in each zone, and outdoors as the weather had been forecast the evening before; days × 24 local hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from assess.gather import Measured
from assess.wbgt import INPUTS, wbgt_of
from domain.calibration import correction_at, corrections
from domain.quantities import Quantity, quantity_of
from domain.registry import Channel, Registry, Snapshot
from domain.shifts import local_instant, shifts_between
from domain.times import HOUR_US, MINUTE_US
from domain.weather import Forecast
from models.arrays import Array, Mask
from models.forecast.next_day import HOURS
from models.heat.cloud import solar_from_cloud_w_m2
from models.heat.liljegren import outdoors, radiation_at
from models.heat.psychrometrics import STANDARD_PRESSURE_HPA
from models.heat.sun import sun_at
from models.heat.wbgt import estimated_wbgt_c
from models.heat.wind import speed_at_2m_ms, stability_class
from storage.timeseries.port import TimeSeries
from storage.timeseries.rollup import Rollup

PAST_DAYS = 42
LEAST_MINUTES = 45
"""An hour with fewer measured minutes has no value."""
Instants = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The local hours of the past days and, last, of the day that is planned; of an hour that a change of the clock doubles the first."""

    timezone: ZoneInfo
    days: list[date]
    starts_us: Instants  # days × 24
    now_us: int

    @property
    def first_us(self) -> int:
        return int(self.starts_us[0, 0])

    @property
    def stop_us(self) -> int:
        return local_instant(self.days[-1] + timedelta(days=1), "00:00", self.timezone)

    @property
    def lag_days(self) -> npt.NDArray[np.int64]:
        """By hour: how many days before the planned one the last lies that is over by now."""
        over = self.starts_us + HOUR_US <= self.now_us
        last = np.where(over.any(axis=0), len(over) - 1 - np.argmax(over[::-1], axis=0), 0)
        return np.asarray(np.maximum(len(over) - 1 - last, 1), dtype=np.int64)


def grid_of(day: date, timezone: ZoneInfo, now_us: int, past_days: int = PAST_DAYS) -> Grid:
    days = [day - timedelta(days=back) for back in range(past_days, -1, -1)]
    starts = np.array([[local_instant(one, f"{hour:02d}:00", timezone) for hour in range(HOURS)] for one in days], dtype=np.int64)
    return Grid(timezone=timezone, days=days, starts_us=starts, now_us=now_us)


# --- the zones


def measured_wbgt(store: TimeSeries, registry: Registry, site: str, grid: Grid) -> dict[str, Array]:
    """WBGT of each hour by zone, at its hottest placement, corrected; NaN where it was not measured for most of the hour. Zones without a heat sensor are absent."""
    held = registry.at(grid.now_us)
    zones = {zone.id for zone in held.zones_of(site)}
    channels = [channel for channel in held.channels.values() if channel.zone in zones and channel.quantity in INPUTS]
    first_us, stop_us = grid.first_us // HOUR_US * HOUR_US, min(grid.stop_us, grid.now_us) // HOUR_US * HOUR_US
    hours = max(0, (stop_us - first_us) // HOUR_US)
    rolled = store.read_rollups([channel.id for channel in channels], first_us, stop_us, HOUR_US) if channels and hours else {}
    found: dict[str, Array] = {}
    placed: dict[tuple[str, str], list[Channel]] = {}
    for channel in channels:
        placed.setdefault((channel.zone, channel.placement), []).append(channel)
    for (zone, _), ours in placed.items():
        by_quantity = {channel.quantity: _hourly(channel, rolled.get(channel.id, ()), first_us, hours, held, registry) for channel in ours}
        wbgt = wbgt_of(by_quantity.get)
        if wbgt is not None and hours:
            local = _at_local_hours(wbgt.value, first_us, grid.starts_us)
            found[zone] = np.fmax(found.get(zone, local), local)
    return found


def _hourly(channel: Channel, rollups: Sequence[Rollup], first_us: int, hours: int, held: Snapshot, registry: Registry) -> Measured:
    quantity = quantity_of(channel.quantity, channel.spec.unit)
    if quantity is None:
        raise TypeError(f"{channel.id} has no known quantity")
    value, fixes = np.full(hours, np.nan), corrections(held.calibrations.get(channel.id, ()), held.timezone(channel.site))
    for rollup in rollups:
        mean = rollup.mean(quantity.averaging)
        if mean is not None and rollup.minutes * max(1.0, channel.spec.interval_s / 60.0) >= LEAST_MINUTES:
            fix = correction_at(fixes, rollup.start_us)
            value[(rollup.start_us - first_us) // HOUR_US] = fix.apply(mean) if fix else mean
    for start_us, stop_us, there in _elsewhere(channel, first_us, first_us + hours * HOUR_US, registry):
        if not there:
            value[(start_us - first_us) // HOUR_US : -(-(stop_us - first_us) // HOUR_US)] = np.nan
    return _as_measured(quantity, channel, value)


def _elsewhere(channel: Channel, start_us: int, stop_us: int, registry: Registry) -> list[tuple[int, int, bool]]:
    """Spans between changes of the registry, and whether the channel stood where it stands now."""
    edges = [start_us, *registry.changes_between(start_us, stop_us), stop_us]
    snapshots = [registry.at(edge).channels.get(channel.id) for edge in edges[:-1]]
    return [(begin, end, was is None or was.zone == channel.zone) for begin, end, was in zip(edges[:-1], edges[1:], snapshots, strict=True)]


def _as_measured(quantity: Quantity, channel: Channel, value: Array) -> Measured:
    nothing, no = np.zeros(len(value)), np.zeros(len(value), dtype=bool)
    return Measured(
        quantity=quantity,
        value=value,
        top=value,
        valid=~np.isnan(value),
        uncertainty=nothing,
        drift=nothing,
        saturated=no,
        below=no,
        simulated=no,
        range_end=quantity.high,
        channels=[channel],
    )


def _at_local_hours(hourly: Array, first_us: int, starts_us: Instants) -> Array:
    """Hours of UTC as hours of a time zone that is off by a part of an hour: the mean of both that they lie in, by their shares."""
    index, part = np.divmod(starts_us - first_us, HOUR_US)
    share = part / HOUR_US
    padded = np.concatenate([hourly, [np.nan]])
    last = len(hourly)
    this, following = (np.where((at >= 0) & (at < last), padded[np.clip(at, 0, last)], np.nan) for at in (index, index + 1))
    return np.where(share > 0, (1.0 - share) * this + share * following, this)


def at_work(registry: Registry, zone: str, site: str, grid: Grid) -> Mask:
    """Hours in which a shift of the zone is on, by the plan that held then."""
    result = np.zeros(grid.starts_us.shape, dtype=bool)
    edges = [grid.first_us, *registry.changes_between(grid.first_us, grid.stop_us), grid.stop_us]
    for begin, end in pairwise(edges):
        held = registry.at(begin)
        if zone not in held.zones or site not in held.sites:
            continue
        for shift in shifts_between(held.shifts_of(held.zones[zone]), grid.timezone, begin, end):
            start, stop = max(shift.start_us, begin), min(shift.stop_us, end)
            result |= (grid.starts_us < stop) & (grid.starts_us + HOUR_US > start)
    return result


# --- the weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdoors:
    """As it had been forecast as long before as the plan is made; NaN where no forecast has the hour."""

    air_c: Array
    humidity_pct: Array
    wind_ms: Array  # at 2 m
    solar_w_m2: Array
    wbgt_c: Array
    in_sun: bool  # else in the shade: sunlight is not known, or not where the site is
    recorded: Mask  # what was handed in after the evening before only
    issued_us: int | None  # of what the planned day rests on


_FIELDS = ("air_temperature_c", "relative_humidity_pct", "wind_speed_ms", "solar_w_m2", "cloud_pct", "pressure_hpa")


def outdoors_of(forecasts: Sequence[Forecast], grid: Grid, place: tuple[float, float] | None) -> Outdoors:
    """`forecasts` in the order of their issue."""
    values = {name: np.full(grid.starts_us.shape, np.nan) for name in (*_FIELDS, "wind_height_m")}
    recorded, issued = np.zeros(grid.starts_us.shape, dtype=bool), np.zeros(grid.starts_us.shape, dtype=np.int64)
    lead_us = int(grid.starts_us[-1, 0]) - grid.now_us
    known_by = (grid.starts_us[:, :1] - lead_us) * np.ones((1, HOURS), dtype=np.int64)
    for forecast in forecasts:
        found = _at_hours(forecast, grid.starts_us)
        there = ~np.isnan(found["air_temperature_c"])
        in_time = forecast.issued_us <= known_by
        take = there & (in_time | np.isnan(values["air_temperature_c"]))
        for name in _FIELDS:
            values[name] = np.where(take, found[name], values[name])
        values["wind_height_m"] = np.where(take, forecast.wind_height_m, values["wind_height_m"])
        recorded, issued = np.where(take, ~in_time, recorded), np.where(take, forecast.issued_us, issued)
    return _outdoors(values, grid, place, recorded, int(issued[-1].max()) or None)


def _at_hours(forecast: Forecast, starts_us: Instants) -> Mapping[str, Array]:
    """Between two hours of the forecast in proportion; nothing where they are more than an hour apart."""
    times = np.array([hour.start_us for hour in forecast.hours], dtype=np.int64)
    right = np.clip(np.searchsorted(times, starts_us, side="left"), 0, len(times) - 1)
    left = np.where(times[right] == starts_us, right, np.maximum(right - 1, 0))
    inside = (starts_us >= times[0]) & (starts_us <= times[-1]) & (times[right] - times[left] <= HOUR_US)
    share = np.where(right > left, (starts_us - times[left]) / np.maximum(times[right] - times[left], MINUTE_US), 0.0)
    found = {}
    for name in _FIELDS:
        column = np.array([getattr(hour, name) for hour in forecast.hours], dtype=np.float64)
        found[name] = np.where(inside, np.where(share > 0, (1.0 - share) * column[left] + share * column[right], column[left]), np.nan)
    return found


def _outdoors(values: Mapping[str, Array], grid: Grid, place: tuple[float, float] | None, recorded: Mask, issued_us: int | None) -> Outdoors:
    air, humidity, wind = (values[name] for name in ("air_temperature_c", "relative_humidity_pct", "wind_speed_ms"))
    pressure = np.where(np.isnan(values["pressure_hpa"]), STANDARD_PRESSURE_HPA, values["pressure_hpa"])
    middle_s = (grid.starts_us + HOUR_US // 2) / 1e6
    solar, day = values["solar_w_m2"], np.zeros(air.shape, dtype=bool)
    if place is not None:
        cos_zenith = sun_at(middle_s, *place).cos_zenith
        day = cos_zenith > 0.0
        solar = np.where(np.isnan(solar), solar_from_cloud_w_m2(cos_zenith, values["cloud_pct"]), solar)
    in_sun = place is not None and not np.any(np.isnan(solar[-1]) & ~np.isnan(air[-1]))
    light = np.nan_to_num(solar)
    speed = speed_at_2m_ms(
        np.nan_to_num(wind), np.where(np.isnan(values["wind_height_m"]), 10.0, values["wind_height_m"]), stability_class(np.nan_to_num(wind), light, day), urban=True
    )
    if in_sun and place is not None:
        wbgt = outdoors(air, humidity, speed, radiation_at(middle_s, *place, solar), pressure).wbgt_c
    else:
        wbgt = estimated_wbgt_c(air, np.maximum(humidity, 0.5), air, speed, pressure)
    return Outdoors(
        air_c=air, humidity_pct=humidity, wind_ms=np.where(np.isnan(wind), np.nan, speed), solar_w_m2=solar, wbgt_c=wbgt, in_sun=in_sun, recorded=recorded, issued_us=issued_us
    )  # fmt: skip
