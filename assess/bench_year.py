"""A factory-year computed again: a year of shifts in the embedded store, then a calibration that changes one channel, then one that changes each zone."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from assess.bench_factory import FIRST_DAY, as_minutes, calibration, drawn, entries, factory, shifts
from assess.engine import Assessor
from domain.clock import Clock
from domain.registry import SiteFile, entries_of
from domain.shifts import Shift
from domain.times import MINUTE_US
from storage.records.engine import open_records
from storage.records.registry import RegistryRepository
from storage.timeseries.port import Batch
from storage.timeseries.sqlite import SqliteTimeSeries

NODES = 20
YEAR_SHIFTS = 312
LOUD = "sound_level_a_eq"


def year_rates(directory: Path, clock: Clock, nodes: int = NODES, number: int = YEAR_SHIFTS) -> list[dict[str, Any]]:
    """The seconds of the first evaluation, of one zone's year after a changed calibration, and of the whole factory's year after one in every zone."""
    file, plan = factory(nodes), list(shifts(number))
    store = SqliteTimeSeries(directory)
    began = time.perf_counter()
    _fill(store, file, plan)
    filled_s = time.perf_counter() - began
    run = _Run(store, directory, clock, file, plan)
    size: dict[str, Any] = {"bench": "evaluate year", "nodes": nodes, "channels": nodes * len(file.agents[0].channels), "shifts": number}
    minutes = sum(len(shift.minutes) for shift in plan) * size["channels"]
    first = {**size, "minutes": minutes, "fill_s": round(filled_s, 1), "what": "first evaluation", **run.first()}
    one = {**size, "what": "a zone's year, its noise meter calibrated again", **run.again([0])}
    whole = {**size, "what": "the factory's year, a noise meter of every zone calibrated again", **run.again(range(nodes))}
    store.close()
    return [first, one, {**whole, "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}]


def _fill(store: SqliteTimeSeries, file: SiteFile, plan: Sequence[Shift]) -> None:
    rng = np.random.default_rng(1)
    channels = [f"{agent.id}.{spec.placement}.{spec.quantity}" for agent in file.agents for spec in agent.channels]
    for shift in plan:
        store.write(Batch(minutes=[minute for channel in channels for minute in as_minutes(channel, drawn(channel, shift.start_us, len(shift.minutes), rng))]))
    store.seal_all()


class _Run:
    """A records database beside the store; times go on by a minute from step to step."""

    def __init__(self, store: SqliteTimeSeries, directory: Path, clock: Clock, file: SiteFile, plan: Sequence[Shift]) -> None:
        self._engine = open_records(f"sqlite:///{directory}/records.db")
        self._store, self._clock, self._file, self._plan = store, clock, file, plan
        self._now_us = plan[-1].stop_us + 3 * MINUTE_US
        self._registry = RegistryRepository(self._engine)
        self._registry.add(entries(file))

    def first(self) -> dict[str, Any]:
        """Every shift of every zone."""

        def evaluate(assessor: Assessor) -> None:
            for shift in self._plan:
                for zone in self._file.zones:
                    assessor.assess_shift(f"{self._file.site.id}.{zone.id}", shift, why="bench", now_us=self._now_us)

        return self._timed(evaluate)

    def again(self, zones: Sequence[int]) -> dict[str, Any]:
        """By the way of the house: the record is entered, and the assessment follows it until nothing is due."""
        self._now_us += MINUTE_US
        channels = [f"agent-{number}.zone-{number}.{LOUD}" for number in zones]
        records = [calibration(channel, FIRST_DAY - timedelta(days=1), offset=0.1 + len(zones) / 100) for channel in channels]
        new = entries_of(replace(self._file, calibrations=records), valid_from_us=self._now_us, recorded_us=self._now_us, author="bench", reason="")
        self._registry.add([entry for entry in new if entry.kind == "calibration"])
        self._now_us += MINUTE_US

        def follow(assessor: Assessor) -> None:
            assessor.tick(self._now_us)
            while assessor.counters.waiting:
                assessor.tick(self._now_us)

        return self._timed(follow)

    def _timed(self, work: Callable[[Assessor], None]) -> dict[str, Any]:
        assessor = Assessor(self._store, self._engine, self._clock)
        began, cpu = time.perf_counter(), time.process_time()
        work(assessor)
        figures = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        return {**figures, "verdicts": assessor.counters.verdicts, "revisions": assessor.counters.revisions, "exceptions": assessor.counters.exceptions}
