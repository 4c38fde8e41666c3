"""A simulated factory's record as something to replay: what `oshwatch simulate history --format parquet` wrote, a day in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from alerts.history import Source
from assess.minutes import Series, averaging_of
from domain.errors import BadInput
from domain.quality import Quality, Reason
from domain.quantities import Averaging
from domain.reading import Reading
from domain.registry import ALWAYS_US, Entry, Registry, SiteFile, entries_of
from domain.sitefile import parse_site_file
from domain.times import MINUTE_US

Table = Literal["readings", "true"]
KEPT_DAYS = 4
REASONS = (int(Reason.SIMULATED),)


@dataclass(frozen=True, slots=True)
class _Day:
    """Rows of a group: (steps,) and (steps, channels); NaN is a missing sample."""

    times_us: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


class Recorded(Source):
    """`readings`: what the sensors said; `true`: what a perfect one would have said at the same places."""

    def __init__(self, folder: Path, table: Table = "readings") -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - 60 MB that only this needs

        path = folder / f"{table}.parquet"
        if not path.is_file():
            raise BadInput("is not there", source=str(path), remedy="write the record with: oshwatch simulate history --format parquet --out DIR")
        self._file: Any = pq.ParquetFile(path)
        names = self._file.schema_arrow.names
        if names[:1] != ["time"]:
            raise BadInput("has no column time at its beginning", source=str(path), remedy="give a folder that oshwatch simulate history wrote")
        self._column = {name: number for number, name in enumerate(names[1:])}
        self._spans = [self._span(group) for group in range(self._file.num_row_groups)]
        self._days: dict[int, _Day] = {}

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant."""
        return self._spans[0][0], self._spans[-1][1]

    def series(self, channels: Sequence[str], start_us: int, minutes: int) -> dict[str, Series]:
        found = {channel: Series.empty(start_us, minutes) for channel in channels}
        for day in self._within(start_us, start_us + minutes * MINUTE_US):
            at = (day.times_us - start_us) // MINUTE_US
            rows = (at >= 0) & (at < minutes)
            for channel in channels:
                if channel in self._column:
                    _fill(found[channel], at[rows], day.values[rows, self._column[channel]], averaging_of(channel))
        return found

    def readings(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = {channel: [] for channel in channels if channel in self._column}
        q = int(Quality.ACCEPTED)
        for day in self._within(start_us, stop_us):
            rows = (day.times_us >= start_us) & (day.times_us < stop_us)
            times = day.times_us[rows].tolist()
            for channel, so_far in found.items():
                values = day.values[rows, self._column[channel]].tolist()
                so_far += [Reading(channel, time_us, value, q, REASONS) for time_us, value in zip(times, values, strict=True) if value == value]  # noqa: PLR0124 - NaN is not itself
        return found

    def _within(self, start_us: int, stop_us: int) -> list[_Day]:
        return [self._day(group) for group, (first_us, last_us) in enumerate(self._spans) if first_us < stop_us and last_us >= start_us]

    def _day(self, group: int) -> _Day:
        if group not in self._days:
            while len(self._days) >= KEPT_DAYS:
                del self._days[min(self._days)]
            table = self._file.read_row_group(group)
            times = table.column(0).to_numpy().astype("datetime64[us]").astype(np.int64)
            values = np.stack([np.asarray(table.column(number).to_numpy(), dtype=np.float64) for number in range(1, table.num_columns)], axis=1)
            self._days[group] = _Day(times, values)
        return self._days[group]

    def _span(self, group: int) -> tuple[int, int]:
        times = self._file.read_row_group(group, columns=["time"]).column(0).to_numpy().astype("datetime64[us]").astype(np.int64)
        return int(times[0]), int(times[-1])


def site_of(folder: Path) -> SiteFile:
    """The registry that lies beside a record."""
    path = folder / "site.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="give a folder that oshwatch simulate history wrote") from None
    return parse_site_file(text, str(path))


def entries_in(folder: Path) -> list[Entry]:
    return entries_of(site_of(folder), valid_from_us=ALWAYS_US, recorded_us=0, author="simulator", reason="record")


def registry_of(folder: Path) -> Registry:
    return Registry(entries_in(folder))


def _fill(series: Series, at: npt.NDArray[np.int64], values: npt.NDArray[np.float64], averaging: Averaging) -> None:
    """Enter samples, each in its minute, by the quantity's averaging rule."""
    valid = ~np.isnan(values)
    at, values = at[valid], values[valid]
    if not len(at):
        return
    minutes = len(series.value)
    samples = np.bincount(at, minlength=minutes)
    held = samples > 0
    top = np.full(minutes, -np.inf)
    np.maximum.at(top, at, values)
    if averaging is Averaging.MAXIMUM:
        value = top
    elif averaging is Averaging.ENERGY:
        value = 10 * np.log10(np.bincount(at, 10 ** (values / 10), minutes) / np.maximum(samples, 1), where=held, out=np.full(minutes, np.nan))
    else:
        value = np.bincount(at, values, minutes) / np.maximum(samples, 1)
    series.value[held], series.top[held], series.samples[held], series.simulated[held] = value[held], top[held], samples[held], True
