"""A model's life: taught on a record, measured on a later one in the shadow of the present one, promoted only when not worse, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from models.anomaly.series import alike
from models.anomaly.state import load, manifest_of, save
from models.anomaly.suspect import Code
from models.anomaly.watch import Watch
from models.arrays import Array

CHAMPION, CHALLENGER, EARLIER = "champion", "challenger", "earlier"
WEEK_US = 7 * 86_400e6
EPISODE_US = 3_600e6
"""Alarms of a channel within an hour are one."""
LEAST_SHADOW_WEEKS = 1.0
"""A challenger runs in the shadow for a week at least."""
FAULT_US = 6 * 3_600e6
"""Faults that are put into a copy of the record, one after the other with as much time between them: a model that falls silent raises no false alarm either."""
FAULT_SIZE = 2.0
"""Of a bias and of noise, in standard deviations of the channel over the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A recorded series: rows × channels, NaN for missing."""

    names: list[str]
    period_s: float
    times_us: npt.NDArray[np.int64]
    values: Array

    @property
    def weeks(self) -> float:
        return float((self.times_us[-1] - self.times_us[0]) / WEEK_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What a model said of a record that it was not taught on."""

    alarms: int
    per_sensor_week: float
    weeks: float
    found: int  # of the faults put in, those in which the channel was called something
    faults: int


def teach(record: Record) -> Watch:
    """A model that has seen this record and nothing else."""
    watch = Watch(np.full(len(record.names), record.period_s), alike(record.names))
    _run(watch, record)
    return watch


def _run(watch: Watch, record: Record) -> npt.NDArray[np.int8]:
    codes = np.zeros(record.values.shape, dtype=np.int8)
    for row, time_us in enumerate(record.times_us):
        watch.tick(int(time_us), record.values[row])
        codes[row] = watch.code
    return codes


def keep(folder: Path, watch: Watch, record: Record) -> None:
    """As challenger, with what it was taught on."""
    about: dict[str, object] = {"channels": record.names, "period_s": record.period_s, "rows": len(record.times_us), "from_us": int(record.times_us[0])}
    save(folder / CHALLENGER, watch, {**about, "until_us": int(record.times_us[-1])})


def recall(folder: Path) -> tuple[Watch, dict[str, object]]:
    """The model of a folder, with its manifest."""
    manifest = manifest_of(folder)
    names, period_s = manifest.get("channels"), manifest.get("period_s")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not isinstance(period_s, float | int):
        raise BadInput("does not say what it is a model of", source=str(folder), remedy="train it anew")
    watch = Watch(np.full(len(names), float(period_s)), alike(names))
    load(folder, watch)
    return watch, manifest


def shadow(folder: Path, record: Record) -> Shadow:
    """Goes on from where the model stopped, over the record and over a copy with faults put in; alarms of nobody's are counted, none is sent."""
    watch, manifest = recall(folder)
    _check(folder, manifest, record)
    codes = _run(watch, record)
    faulty, spans = with_faults(record)
    called = _run(recall(folder)[0], faulty) != Code.NONE
    found = sum(bool(called[first:stop, channel].any()) for channel, first, stop in spans)
    alarms = sum(_episodes(record.times_us[codes[:, index] != Code.NONE]) for index in range(len(record.names)))
    return Shadow(alarms=alarms, per_sensor_week=alarms / max(record.weeks * len(record.names), 1e-9), weeks=record.weeks, found=found, faults=len(spans))


def with_faults(record: Record) -> tuple[Record, list[tuple[int, int, int]]]:
    """A copy that is stuck, off or noisy for six hours of every twelve, each time another channel; and (channel, first row, stop row) of each. The same record gives the same copy."""
    values, spans = record.values.copy(), list[tuple[int, int, int]]()
    rows = max(3, round(FAULT_US / (record.period_s * 1e6)))
    spread, dice = np.nan_to_num(np.nanstd(values, axis=0)), np.random.default_rng(7)
    for number, first in enumerate(range(rows, len(values) - rows, 2 * rows)):
        channel, part = number % values.shape[1], slice(first, first + rows)
        if np.isnan(values[first, channel]):
            continue
        size = FAULT_SIZE * max(float(spread[channel]), 1e-9)
        held = values[part, channel]
        kinds = (np.where(np.isnan(held), np.nan, held[0]), held + size, held + dice.normal(0.0, size, rows))
        values[part, channel] = kinds[number % 3]
        spans.append((channel, first, first + rows))
    return Record(names=record.names, period_s=record.period_s, times_us=record.times_us, values=values), spans


def _check(folder: Path, manifest: dict[str, object], record: Record) -> None:
    if manifest["channels"] != record.names or manifest["period_s"] != record.period_s:
        raise BadInput("is a model of other channels or another period", source=str(folder), remedy="give a record of the same ones, in the same order")
    if int(str(manifest["until_us"])) >= int(record.times_us[0]):
        raise BadInput("was taught on this record, or a later one", source=str(folder), remedy="measure on what came after")


def _episodes(times_us: npt.NDArray[np.int64]) -> int:
    return int((np.diff(times_us) > EPISODE_US).sum()) + (len(times_us) > 0)


def promote(folder: Path, record: Record) -> tuple[Shadow, Shadow | None]:
    """The challenger takes the champion's place when a week in the shadow shows no more false alarms and no fewer faults found; the champion is kept. Raises `BadInput` when it is worse."""
    challenger = shadow(folder / CHALLENGER, record)
    if record.weeks < LEAST_SHADOW_WEEKS:
        raise BadInput(f"the record covers {record.weeks * 7:.1f} days", remedy="a challenger runs in the shadow for seven days before it is promoted")
    champion = shadow(folder / CHAMPION, record) if (folder / CHAMPION).exists() else None
    if champion is not None and challenger.alarms > champion.alarms:
        raise BadInput(f"the challenger raises {challenger.alarms} alarms where the champion raises {champion.alarms}", remedy="it stays a challenger")
    if champion is not None and challenger.found < champion.found:
        raise BadInput(f"the challenger finds {challenger.found} of {challenger.faults} faults where the champion finds {champion.found}", remedy="it stays a challenger")
    if champion is not None:
        (folder / CHAMPION).rename(folder / f"{EARLIER}-{_next(folder):04d}")
    (folder / CHALLENGER).rename(folder / CHAMPION)
    return challenger, champion


def rollback(folder: Path) -> str:
    """The latest earlier champion again; the one that failed stays beside, by the name returned."""
    earlier = _earlier(folder)
    if not earlier:
        raise BadInput("there is no earlier model", source=str(folder), remedy="nothing was promoted over another yet")
    recall(earlier[-1])
    failed = folder / f"withdrawn-{earlier[-1].name.rpartition('-')[2]}"
    (folder / CHAMPION).rename(failed)
    earlier[-1].rename(folder / CHAMPION)
    return failed.name


def _earlier(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob(f"{EARLIER}-*"))


def _next(folder: Path) -> int:
    numbers = [int(path.name.rpartition("-")[2]) for path in (*_earlier(folder), *folder.glob("withdrawn-*"))]
    return max(numbers, default=0) + 1
