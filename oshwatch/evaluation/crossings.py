"""Tests F and F3: running values that go over a limit within the hour, beside persistence and climatology. Public series are read where they lie; factories are simulated."""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from assess.forecasts import HEAT_SCALE_K, OTHER_SCALE, PEAK_SCALE_DB
from domain.times import SECOND_US
from models.arrays import Array
from models.forecast.crossing import STEP_MIN, crossing, rises_of
from models.heat.psychrometrics import psychrometric_wet_bulb_c
from models.heat.wbgt import estimated_wbgt_c
from oshwatch.evaluation.report import Row
from oshwatch.evaluation.split import Half, first_seed, of_half
from simulator.factory.record import Record
from simulator.scenario import load_scenario

STEPS_A_DAY = 24 * 60 // STEP_MIN
KEPT = 7 * STEPS_A_DAY
CHUNK = 256
BOOTSTRAPS = 500
START_US = 1_777_593_600 * SECOND_US
FACTORY_DAYS, TRAINING_DAYS = 14, 7
CLIMATES = ("hot-humid", "hot-dry", "monsoon-delta", "highland")
CLASSES = ("co2", "tvoc_isobutylene", "formaldehyde", "sound_level_a_eq")
"""Channels of a factory; its WBGT is the fifth class."""
PERSISTENCE, CLIMATOLOGY = 3, 4
"""Columns of what was told."""
LINES = 4_000
"""1,000 zones with four running limits each."""
CO2_PPM = (800.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A running value every STEP_MIN from a midnight on, its limit and scale; moments from `first` to before `stop` are told, every so many steps."""

    values: Array
    limit: float
    scale: float
    first: int
    stop: int
    every: int = 6
    group: int = 0


def told(line: Line) -> Array:
    """Rows: day, what happened, forecast, persistence, climatology of the hour of day; each sees the past alone, and only moments below the limit count."""
    truth = rises_of(line.values[None])[-1, 0] + line.values
    known, below = ~np.isnan(truth), line.values <= line.limit
    at = np.array([now for now in range(line.first, min(line.stop, len(truth)), line.every) if known[now] and below[now]], dtype=np.intp)
    padded = np.concatenate([np.full(KEPT, np.nan), line.values])
    parts = []
    for first in range(0, len(at), CHUNK):
        now = at[first : first + CHUNK]
        history = np.stack([padded[one + 1 : one + 1 + KEPT] for one in now])
        given = (history, line.values[now], np.full(len(now), line.limit), np.full(len(now), line.scale))
        parts.append(np.stack([crossing(*given, learned=learned).probability[:, -1] for learned in (True, False)], axis=1))
    if not parts:
        return np.empty((0, 5))
    over = truth > line.limit
    return np.column_stack([line.group * 1_000 + at // STEPS_A_DAY, over[at], np.concatenate(parts), _climatology(over, known & below, at)])


def _climatology(over: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_], at: npt.NDArray[np.intp]) -> Array:
    """Share of past moments at this hour of day that went over; an hour ago nobody knew yet, and a few moments are drawn towards the share of all."""
    hour = np.arange(len(over)) // (60 // STEP_MIN) % 24
    result = np.empty(len(at))
    for row, now in enumerate(at):
        past = counted[: now - 60 // STEP_MIN]
        alike = past & (hour[: len(past)] == hour[now])
        every = (over[: len(past)][past].sum() + 1.0) / (past.sum() + 2.0)
        result[row] = (over[: len(past)][alike].sum() + 12.0 * every) / (alike.sum() + 12.0)
    return result


def skill(rows: Array, beside: int, seed: int = 1) -> tuple[float, float, float]:
    """1 - Brier of the forecast over that of another column, with its 95 % interval by day."""
    errors = (rows[:, 2:5] - rows[:, 1:2]) ** 2
    days, place = np.unique(rows[:, 0], return_inverse=True)
    sums = np.stack([np.bincount(place, errors[:, column], len(days)) for column in (0, beside - 2)], axis=1)
    drawn = sums[np.random.default_rng(seed).integers(0, len(days), (BOOTSTRAPS, len(days)))].sum(axis=1)
    low, high = np.quantile(1.0 - drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12), [0.025, 0.975])
    total = sums.sum(axis=0)
    return float(1.0 - total[0] / max(total[1], 1e-12)), float(low), float(high)


def calibration_error(rows: Array) -> float:
    """Expected calibration error over ten equal bins."""
    bins = np.minimum((rows[:, 2] * 10).astype(int), 9)
    return float(sum(abs(rows[bins == one, 2].mean() - rows[bins == one, 1].mean()) * (bins == one).mean() for one in np.unique(bins)))


# --- rows


def measure(data: Path, half: Half, seeds: int, say: Callable[[str], None]) -> list[Row]:
    """Public series where they are there, then simulated factories."""
    rows, house, offices = [], data / "uci_appliances_energy" / "rooms_1_to_4.csv.gz", data / "uci_occupancy"
    if house.exists():
        say(f"F: house, {half}")
        rows += _house(np.concatenate([told(line) for line in rooms(house, half)]))
    if offices.exists():
        rows.append(_beside_persistence("CO2 of an office", np.concatenate([told(line) for line in office(offices, half)])))
    say(f"F3: factories, {half}")
    for name, lines in factory(half, seeds).items():
        rows.append(_beside_persistence(f"{name}, factories", np.concatenate([told(line) for line in lines])))
    return rows


def _house(rows: Array) -> list[Row]:
    value, low, high = skill(rows, CLIMATOLOGY)
    error, note = calibration_error(rows), f"{len(rows)} moments, {rows[:, 1].mean():.3f} over"
    return [
        Row(test="F", what="WBGT of rooms over within 60 min: skill over climatology", target=">= 0.35", reached=value, low=low, high=high, is_met=value >= 0.35, note=note),
        Row(test="F", what="the same, calibration error", target="<= 0.015", reached=error, is_met=error <= 0.015),
        Row(test="F", what="the same, persistence", target="", reached=1.0 - float(np.mean((rows[:, 3] - rows[:, 1]) ** 2) / np.mean((rows[:, 4] - rows[:, 1]) ** 2))),
        _beside_persistence("WBGT of rooms", rows),
    ]


def _beside_persistence(what: str, rows: Array) -> Row:
    value, low, high = skill(rows, PERSISTENCE)
    note = f"{len(rows)} moments, {rows[:, 1].mean():.3f} over, calibration error {calibration_error(rows):.3f}"
    return Row(test="F3", what=f"{what}: skill over persistence", target=">= -0.02", reached=value, low=low, high=high, is_met=value >= -0.02, note=note)


def speed(seed: int = 0) -> Row:
    """CPU of one minute's forecasts of 1,000 zones, each line with a full week behind it."""
    random = np.random.default_rng(seed)
    history = (27.0 + np.sin(np.arange(KEPT) / 46.0) + 0.2 * random.standard_normal((LINES, KEPT))).astype(np.float32)
    began = time.process_time()
    for first in range(0, LINES, CHUNK):
        part = history[first : first + CHUNK]
        crossing(part, part[:, -1], np.full(len(part), 29.0), np.full(len(part), 1.5))
    spent = time.process_time() - began
    return Row(test="G", what="forecasts of 1,000 zones a minute, CPU s", target="<= 5", reached=spent, is_met=spent <= 5.0, note=f"{LINES} running limits")


# --- series


def rooms(path: Path, half: Half) -> list[Line]:
    """Rooms of a house, week by week from 28 March: 0.7 of the wet bulb and 0.3 of the air; the limit is the 90 % quantile of each room's past."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    start = np.array([int(datetime.strptime(f"{row['date']}+0000", "%d/%m/%Y %H:%M%z").timestamp()) for row in rows]) // (STEP_MIN * 60)
    origin = start[0] // STEPS_A_DAY * STEPS_A_DAY
    march = int(datetime(2016, 3, 28, tzinfo=UTC).timestamp()) // (STEP_MIN * 60) - int(origin)
    result = []
    for number in of_half((1, 2, 3, 4), half):
        air, humidity = (np.array([float(row[f"{name}{number}"]) for row in rows]) for name in ("T", "RH_"))
        values = np.full(int(start[-1] - origin) + 2, np.nan)
        wbgt = 0.7 * np.asarray(psychrometric_wet_bulb_c(air, humidity)) + 0.3 * air
        for step in (0, 1):  # each stands for its ten minutes
            values[start - origin + step] = wbgt
        for first in range(march, march + 8 * 7 * STEPS_A_DAY, 7 * STEPS_A_DAY):
            limit = float(np.nanquantile(values[:first], 0.9))
            result.append(Line(values, limit, HEAT_SCALE_K, first, first + 7 * STEPS_A_DAY, 4))
    return result


def office(folder: Path, half: Half) -> list[Line]:
    """CO2 of an office; three days are known. The tuning half is one record of it, the held-out half another."""
    with (folder / {"tune": "datatraining.txt", "held": "datatest.txt"}[half]).open(encoding="utf-8") as file:
        rows = [(int(np.datetime64(row[0], "s").astype(np.int64)) // (STEP_MIN * 60), float(row[4])) for row in list(csv.reader(file))[1:]]
    origin = rows[0][0] // STEPS_A_DAY * STEPS_A_DAY
    values = np.full(rows[-1][0] - origin + 1, np.nan)
    for at, value in rows:
        values[at - origin] = value
    first = rows[0][0] - origin + {"tune": 3, "held": 1}[half] * STEPS_A_DAY
    return [Line(values, limit, 0.25 * limit, first, len(values), 3, number) for number, limit in enumerate(CO2_PPM)]


def factory(half: Half, seeds: int) -> dict[str, list[Line]]:
    """By class of running value; a week is known and a week is told. The limit of a channel is the 90 % quantile of its first week."""
    result: dict[str, list[Line]] = {}
    for number in range(seeds):
        scenario = load_scenario("garment-month")
        course = msgspec.structs.replace(scenario.course, climate=CLIMATES[number % len(CLIMATES)])
        record = Record(msgspec.structs.replace(scenario, seed=first_seed(half) + 500 + number, course=course), START_US, FACTORY_DAYS, 60.0)
        steps = np.concatenate([_steps(block.observed) for block in record.blocks()])
        for name, values in _lines(record, steps):
            known = values[: TRAINING_DAYS * STEPS_A_DAY]
            if np.isnan(known).mean() > 0.5:
                continue
            limit = float(np.nanquantile(known, 0.9))
            scale = {"wbgt": HEAT_SCALE_K, "sound_level_a_eq": PEAK_SCALE_DB}.get(name, OTHER_SCALE * abs(limit))
            result.setdefault(name, []).append(Line(values, limit, scale, len(known), len(values), 6, number))
    return result


def _steps(observed: Array) -> Array:
    """Means of STEP_MIN minutes; NaN where a minute in two is not there."""
    parts = observed.reshape(-1, STEP_MIN, observed.shape[1])
    known = ~np.isnan(parts)
    return np.where(known.sum(axis=1) * 2 > STEP_MIN, np.where(known, parts, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def _lines(record: Record, steps: Array) -> Iterator[tuple[str, Array]]:
    columns = {(channel.zone, channel.quantity): column for column, channel in reversed(list(enumerate(record.channels)))}
    for (zone, quantity), column in columns.items():
        if quantity in CLASSES:
            yield quantity, steps[:, column]
        elif quantity == "globe_temperature":
            air, humidity = steps[:, columns[zone, "air_temperature"]], steps[:, columns[zone, "relative_humidity"]]
            yield "wbgt", estimated_wbgt_c(air, humidity, steps[:, column], np.full(len(air), 0.2))
