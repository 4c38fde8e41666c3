"""Drift monitors of the running models: what they add up by day, kept in a file, and what has drifted, for the daily summary, the log and the counters."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from domain.times import DAY_US
from models.anomaly.monitor import BEFORE_DAYS, RECENT_DAYS, Day, Drift, drifts

log = logging.getLogger(__name__)

FILE = "monitor.json"


class Kept(msgspec.Struct, kw_only=True):
    """The file."""

    days: dict[int, Day] = {}
    drifts: list[Drift] = []
    at_us: int = 0


class Suspecting(Protocol):
    """Of the anomaly model: see `SuspectsRunner`."""

    onsets: Counter[str]

    def tallies(self) -> tuple[int, list[str], npt.NDArray[np.int64]] | None: ...


class Forecasting(Protocol):
    """Of the forecasts: see `Forecaster`."""

    def take_chances(self) -> dict[str, list[float]]: ...


class ModelMonitor:
    """`tick` every some minutes, in the thread that runs the models."""

    def __init__(self, folder: Path, suspecting: Suspecting, forecasting: Forecasting) -> None:
        self._path, self._suspecting, self._forecasting = folder / FILE, suspecting, forecasting
        self._kept = kept_of(folder)
        self._start, self._tally = -1, np.zeros((0, 0), dtype=np.int64)
        self._onsets: Counter[str] = Counter(suspecting.onsets)

    def tick(self, now_us: int) -> None:
        """Adds what came since the last call to the day; what has drifted is said once."""
        today = now_us // DAY_US
        day = self._kept.days.setdefault(today, Day())
        self._add_scores(day)
        for quantity, number in (self._suspecting.onsets - self._onsets).items():
            day.suspicions[quantity] = day.suspicions.get(quantity, 0) + number
        self._onsets = Counter(self._suspecting.onsets)
        for metric, sums in self._forecasting.take_chances().items():
            day.forecasts[metric] = [held + new for held, new in zip(day.forecasts.get(metric, [0.0] * 4), sums, strict=True)]
        self._kept.days = {number: held for number, held in self._kept.days.items() if today - RECENT_DAYS - BEFORE_DAYS <= number <= today}
        self._judge(today)
        self._kept.at_us = now_us
        self._save()

    def counters(self) -> Mapping[str, float]:
        return {"models_drifted": float(len(self._kept.drifts))}

    def _add_scores(self, day: Day) -> None:
        """A model that started anew, or went back for late data, counts from there on."""
        found = self._suspecting.tallies()
        if found is None:
            return
        start, quantities, tally = found
        for each in self._kept.days.values():  # a model with other bins cannot be held against those of before
            each.scores = {quantity: counts for quantity, counts in each.scores.items() if len(counts) == len(tally)}
        if start == self._start and tally.shape == self._tally.shape:
            fresh = np.maximum(tally - self._tally, 0)
            for quantity in dict.fromkeys(quantities):
                own = fresh[:, [name == quantity for name in quantities]].sum(axis=1)
                held = day.scores.get(quantity, [0] * len(own))
                day.scores[quantity] = [before + int(new) for before, new in zip(held, own, strict=True)]
                day.minutes[quantity] = day.minutes.get(quantity, 0) + int(own.sum())
        self._start, self._tally = start, tally

    def _judge(self, today: int) -> None:
        found = drifts(self._kept.days, today)
        known = {(drift.what, drift.subject) for drift in self._kept.drifts}
        for drift in found:
            if (drift.what, drift.subject) not in known:
                log.warning("a model has drifted: %s of %s, %s (before, or limit: %s)", drift.what, drift.subject, drift.value, drift.before)
        self._kept.drifts = found

    def _save(self) -> None:
        """Whole or not at all; what cannot be kept is added up anew."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_bytes(msgspec.json.encode(self._kept))
            part.replace(self._path)
        except OSError as error:
            log.warning("what the drift monitors added up cannot be kept in %s: %s", self._path, error)


def kept_of(folder: Path) -> Kept:
    """Of a models folder; empty where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("what the drift monitors added up cannot be read from %s, they begin anew: %s", folder / FILE, error)
        return Kept()
