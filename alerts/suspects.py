"""Runs the anomaly model over what is stored and keeps its suspicions for the floor. It touches no alert, no verdict and no reading."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from alerts.floor_states import KEPT_US, FloorStates
from domain.clock import Clock
from domain.errors import BadInput
from domain.ids import channel_parts
from domain.reading import Reading
from domain.registry import Snapshot
from domain.times import HOUR_US, MINUTE_US, SECOND_US
from models.anomaly import ChannelInfo, FloorModel
from models.anomaly import Suspect as Found
from models.arrays import Array
from storage.records.registry import RegistryRepository
from storage.records.suspects import Suspect, SuspectsRepository
from storage.timeseries.port import TimeSeries

log = logging.getLogger(__name__)

WARM_UP_US = 3 * HOUR_US
"""A channel's own past that the model starts from."""
LAG_US = 15 * SECOND_US
"""Readings of one instant reach the store within this; what comes later is taken in when the model goes back."""
CHUNK_US = 15 * MINUTE_US
LATE_LOOK_US = MINUTE_US
LATE_SHARE = 0.02
"""So much more in the store than the model has seen, and it goes back: a backlog has come in."""
SAVE_US = MINUTE_US
MOST_COPIES = 7


@dataclass(slots=True)
class _Run:
    """One model over a fixed set of channels, and how far it has come."""

    channels: list[ChannelInfo]
    model: FloorModel
    step_us: int
    done_us: int
    marks: list[tuple[int, int]]  # (done_us, seen) now and then, over the last hours
    seen: int = 0
    copies: list[tuple[int, int, FloorModel]] = field(default_factory=list)  # (done_us, seen, model as of then), one an hour


class SuspectsRunner:
    """Call `tick` every few seconds; each call reads only what is new. With a folder, what the model knows outlives the process."""

    def __init__(self, timeseries: TimeSeries, engine: Engine, clock: Clock, folder: Path | None = None) -> None:
        self._timeseries, self._clock = timeseries, clock
        self._registry, self._suspects = RegistryRepository(engine), SuspectsRepository(engine)
        self._states = FloorStates(folder) if folder is not None else None
        self._run: _Run | None = None
        self._late_look_us = self._saved_us = self._kept_us = 0
        self._saved: set[tuple[str, str, str]] | None = None
        self.samples = self.starts = 0
        self.onsets: Counter[str] = Counter()  # by quantity: sensors that began to be suspected of a fault

    def tallies(self) -> tuple[int, list[str], npt.NDArray[np.int64]] | None:
        """Which start it is, the channels' quantities, and how often each score was had: bins × channels; None before the first look."""
        run = self._run
        return None if run is None else (self.starts, [channel.quantity for channel in run.channels], run.model.tally.copy())

    def tick(self, now_us: int) -> None:
        """Take in what is new up to a moment ago, and save who is suspected."""
        channels = channels_of(self._registry.load().at(now_us))
        if not channels:
            return
        run = self._run
        if run is None or run.channels != channels or now_us < run.done_us - WARM_UP_US:
            run = self._run = self._start(channels, now_us)
        elif self._has_late_data(run, now_us):
            run = self._run = self._rewind(run, now_us)
        self._advance(run, now_us - LAG_US)
        if now_us - LAG_US - run.done_us < CHUNK_US:
            self._save(run, now_us)
        self._keep(run, now_us)

    def _start(self, channels: list[ChannelInfo], now_us: int) -> _Run:
        """From the last state on disk, else from three hours back: the same stored samples give the same model."""
        self.starts += 1
        step_us = _step_us(channels)
        found = self._states.latest(channels, now_us - KEPT_US, now_us - LAG_US) if self._states is not None else None
        if found is not None:
            return _Run(channels, found[0], step_us, found[1], [(found[1], 0)], copies=[(found[1], 0, deepcopy(found[0]))])
        begun_us = (now_us - LAG_US - WARM_UP_US) // step_us * step_us
        return _Run(channels, self._states.young(channels) if self._states is not None else FloorModel(channels), step_us, begun_us, [(begun_us, 0)])

    def _rewind(self, run: _Run, now_us: int) -> _Run:
        """Late data have come in: from the last copy that is older than what counts as late, else anew."""
        old = [copy for copy in run.copies if copy[0] <= now_us - WARM_UP_US]
        if not old:
            return self._start(run.channels, now_us)
        self.starts += 1
        done_us, seen, model = old[-1]
        marks = [mark for mark in run.marks if mark[0] <= done_us] or [(done_us, seen)]
        return _Run(run.channels, deepcopy(model), run.step_us, done_us, marks, seen, [copy for copy in run.copies if copy[0] <= done_us])

    def _advance(self, run: _Run, until_us: int) -> None:
        """Whole steps only, in chunks that fit in memory; after a long outage not all at once, for others wait for their turn."""
        last_us = until_us // run.step_us * run.step_us
        stop_at_us = min(last_us, run.done_us + WARM_UP_US + 2 * CHUNK_US)
        while run.done_us < stop_at_us:
            if run.done_us // HOUR_US != ((run.copies[-1][0] if run.copies else 0) // HOUR_US):
                run.copies = [*run.copies[-MOST_COPIES:], (run.done_us, run.seen, deepcopy(run.model))]
            stop_us = min(run.done_us + CHUNK_US // run.step_us * run.step_us, stop_at_us)
            used = take(self._timeseries, run.model, run.done_us, stop_us, run.step_us)
            run.done_us = stop_us
            run.seen += used
            self.samples += used

    def _has_late_data(self, run: _Run, now_us: int) -> bool:
        if 0 <= now_us - self._late_look_us < LATE_LOOK_US or now_us - LAG_US - run.done_us > CHUNK_US:
            return False
        self._late_look_us = now_us
        run.marks = [mark for mark in run.marks if mark[0] >= now_us - 2 * WARM_UP_US] or run.marks[-1:]
        old = [mark for mark in run.marks if mark[0] <= now_us - WARM_UP_US]
        since_us, before = old[-1] if old else run.marks[0]
        run.marks.append((run.done_us, run.seen))
        stored = sum(self._timeseries.count([channel.id for channel in run.channels], since_us + 1, run.done_us + 1).values())
        return stored > (run.seen - before) * (1 + LATE_SHARE) + 50

    def _keep(self, run: _Run, now_us: int) -> None:
        """What is on disk is as of three hours ago: what came late until then is in it, and after a restart the rest is read again."""
        old = [copy for copy in run.copies if copy[0] <= now_us - WARM_UP_US]
        if self._states is not None and old and old[-1][0] > self._kept_us:
            self._states.keep(old[-1][2], old[-1][0])
            self._kept_us = old[-1][0]

    def _save(self, run: _Run, now_us: int) -> None:
        """At once when somebody joins or leaves, else once a minute, as the text grows older."""
        found = run.model.suspects()
        who = {(suspect.channel, str(suspect.kind), suspect.fault_type) for suspect in found}
        if who == self._saved and (not who or now_us - self._saved_us < SAVE_US):
            return
        if self._saved is not None:
            self.onsets.update(channel_parts(channel)[2] for channel, kind, _ in who - self._saved if kind == "fault")
        self._suspects.replace_all([_row(suspect) for suspect in found])
        self._saved, self._saved_us = who, now_us


def take(timeseries: TimeSeries, model: FloorModel, start_us: int, stop_us: int, step_us: int) -> int:
    """Stored readings of (start, stop] into the model; how many there were."""
    ids = [channel.id for channel in model.channels]
    times, values, used = grid(timeseries.read(ids, start_us + 1, stop_us + 1), ids, start_us, stop_us, step_us)
    model.run(times, values)
    return used


def replay(timeseries: TimeSeries, folder: Path, channels: list[ChannelInfo], at_us: int) -> list[Found]:
    """What the model suspected at an instant, by the last state before it and the stored readings since: the same, bit for bit. Raises `BadInput` where no state reaches back."""
    step_us = _step_us(channels)
    found = FloorStates(folder).latest(channels, at_us - KEPT_US, at_us)
    if found is None:
        raise BadInput("no state of these channels is as old as that", source=str(folder), remedy="the first of each day is kept for 14 days")
    model, done_us = found
    while done_us < at_us:
        stop_us = min(done_us + CHUNK_US // step_us * step_us, at_us // step_us * step_us)
        if stop_us <= done_us:
            break
        take(timeseries, model, done_us, stop_us, step_us)
        done_us = stop_us
    return model.suspects()


def _step_us(channels: Sequence[ChannelInfo]) -> int:
    return max(SECOND_US, round(min(channel.interval_s for channel in channels) * SECOND_US))


def channels_of(held: Snapshot) -> list[ChannelInfo]:
    """Every channel of the registry, as the model sees it, by id."""
    return [
        ChannelInfo(id=channel.id, quantity=channel.quantity, zone=channel.zone, agent=channel.agent, interval_s=channel.spec.interval_s)
        for channel in sorted(held.channels.values(), key=lambda channel: channel.id)
    ]


def grid(readings: dict[str, list[Reading]], ids: Sequence[str], start_us: int, stop_us: int, step_us: int) -> tuple[npt.NDArray[np.int64], Array, int]:
    """Readings of (start, stop] on ticks of `step_us`, a tick standing for the step that ends at it; NaN where there is none, the latest where there are several.

    Rejected readings and those without a known time are left out. The last number is how many records there were, whatever became of them.
    """
    times = np.arange(start_us + step_us, stop_us + 1, step_us, dtype=np.int64)
    values = np.full((len(times), len(ids)), np.nan)
    number = 0
    for column, id in enumerate(ids):
        found = readings.get(id, [])
        number += len(found)
        counting = [reading for reading in found if reading.counts]
        rows = (np.array([reading.time_us for reading in counting], dtype=np.int64) - start_us - 1) // step_us
        values[rows, column] = [reading.value for reading in counting]
    return times, values, number


def _row(found: Found) -> Suspect:
    evidence = msgspec.json.encode(found.evidence).decode() if found.evidence is not None else ""
    return Suspect(channel=found.channel, kind=found.kind, fault_type=found.fault_type, since_us=found.since_us, score=found.score, text=found.text, evidence=evidence)
