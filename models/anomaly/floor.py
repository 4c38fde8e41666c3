"""The model of the floor: samples tell faults and events within minutes, minutes of days tell slow drift; together they say what is suspected, and by which evidence."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from models.anomaly.channels import ChannelInfo, peers_of
from models.anomaly.model import AnomalyModel
from models.anomaly.suspect import FAULTS, Code, Evidence, Suspect, text_of
from models.anomaly.watch import Watch
from models.arrays import Array

VERSION = "floor-4"
MINUTE_US = 60_000_000
CONFIRMED_US = 3_600_000_000
"""A drift takes days: it is told when it has lasted for an hour."""
WORTH = 0.5
"""Times the smallest change worth a look."""
PULLED = 0.5
"""A channel that is off by less than this share of a peer that drifts was pulled along: the peer is part of what it is compared with."""
LEAST_TALLIED = 120
BINS, BIN_WIDTH = 48, 1.25
"""The record of a channel's scores: bins of a quarter, from 0.001 up."""


class FloorModel:
    """Feed ticks in time order; NaN is a missing sample. The same ticks give the same bits, however they are cut into calls and restarts."""

    def __init__(self, channels: Sequence[ChannelInfo]) -> None:
        count = len(channels)
        self.channels = list(channels)
        self.samples = AnomalyModel(channels)
        self._peers = peers_of(channels)
        self.minutes = Watch(np.array([max(60.0, channel.interval_s) for channel in channels]), self._peers.others)
        self._sum, self._number = np.zeros(count), np.zeros(count)
        self._minute = -1
        self._drifts_since_us = np.full(count, -1, dtype=np.int64)
        self._tally = np.zeros((BINS, count), dtype=np.int64)

    @property
    def time_us(self) -> int:
        return self.samples.time_us

    @property
    def tally(self) -> npt.NDArray[np.int64]:
        """How many minutes each channel had a score of each bin: bins × channels."""
        return self._tally

    def run(self, times_us: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Ticks × channels. A tick that is not later than the last one is left out."""
        times, matrix = np.asarray(times_us, dtype=np.int64), np.asarray(values, dtype=np.float64)
        later = times > self.time_us
        times, matrix = times[later], matrix[later]
        for minute in np.unique((times - 1) // MINUTE_US):
            if self._minute >= 0 and minute != self._minute:
                self._end_minute()
            self._minute = int(minute)
            rows = (times - 1) // MINUTE_US == minute
            self.samples.run(times[rows], matrix[rows])
            for row in matrix[rows]:
                known = np.isfinite(row)
                self._sum[known] += row[known]
                self._number += known

    def suspects(self) -> list[Suspect]:
        """In the channels' order; what the samples say goes first."""
        found = {suspect.channel: suspect for suspect in self.samples.suspects()}
        found.update({suspect.channel: suspect for suspect in self._drifting() if suspect.channel not in found})
        places = {channel.id: index for index, channel in enumerate(self.channels)}
        return [msgspec.structs.replace(found[id], evidence=self._evidence(found[id], index)) for id, index in places.items() if id in found]

    def _end_minute(self) -> None:
        end_us = (self._minute + 1) * MINUTE_US
        mean = np.divide(self._sum, self._number, out=np.full(len(self._sum), np.nan), where=self._number > 0)
        self.minutes.tick(end_us, mean)
        drifts = self.minutes.code == Code.DRIFT
        self._drifts_since_us = np.where(drifts, np.where(self._drifts_since_us < 0, end_us, self._drifts_since_us), -1)
        bins = _bins(self.samples.scores()[0])
        self._tally[bins, np.arange(len(bins))] += self._number > 0
        self._sum, self._number = np.zeros(len(self._sum)), np.zeros(len(self._sum))

    def _drifting(self) -> list[Suspect]:
        """A channel that wanders off alone is a fault; with what physics links to it, an event. While an event runs in its zone nothing is said of its drift."""
        ripe = (self._drifts_since_us >= 0) & (self.time_us - self._drifts_since_us >= CONFIRMED_US)
        change = self.minutes.level.whole
        ripe &= np.abs(change) >= WORTH * self._peers.smallest
        ripe &= self._peers.linked.number(self.samples.code == Code.EVENT) == 0
        size, peers = np.where(ripe, np.abs(change), 0.0), self._peers.others
        ripe &= size >= PULLED * np.where(peers < 0, 0.0, size[peers]).max(axis=1)
        together = self._peers.linked.number(ripe) > 1
        return [self._suspect(int(index), float(change[index]), is_event=bool(together[index])) for index in np.flatnonzero(ripe)]

    def _suspect(self, index: int, change: float, *, is_event: bool) -> Suspect:
        score = max(1.0, float(self.minutes.worst()[index]))
        since_us, code = int(self._drifts_since_us[index]), Code.EVENT if is_event else Code.DRIFT
        any_of = score**2 / (1 + score**2)
        share = 0.2 if is_event else 0.8
        return Suspect(
            channel=self.channels[index].id,
            kind="event" if is_event else "fault",
            fault_type=FAULTS.get(code, ""),
            since_us=since_us,
            score=round(score, 3),
            p_fault=round(any_of * share, 3),
            p_event=round(any_of * (1 - share), 3),
            culprit=self.channels[index].id,
            text=text_of(code, value=float("nan"), change=change, score=score, span_us=self.time_us - since_us),
        )

    def _evidence(self, suspect: Suspect, index: int) -> Evidence:
        is_drift = suspect.fault_type == "drift"
        low, high = self._drift_band(index) if is_drift else self.samples.band(index)
        tally, score = self._tally[:, index], suspect.score
        total = int(tally.sum())
        lower = int(tally[: int(_bins(np.array([score]))[0])].sum())
        scores = self.samples.scores()[0]
        linked = self._peers.linked.of == self._peers.linked.of[index]
        return Evidence(
            test=suspect.fault_type or "course",
            value=_finite(float(self.samples.last(index))),
            low=_finite(low),
            high=_finite(high),
            lower_share=round(lower / total, 5) if total >= LEAST_TALLIED else None,
            minutes=total,
            peers=[self.channels[int(peer)].id for peer in self._peers.others[index] if peer >= 0],
            contribution=round(float(scores[index] / max(float(scores[linked].sum()), 1e-9)), 3),
            version=VERSION,
            at_us=self.time_us,
        )

    def _drift_band(self, index: int) -> tuple[float, float]:
        level, bank = self.minutes.level, self.minutes.bank
        expected = float(level.expected[index]) + float(bank.reference[index])
        half = max(float(level.scale[0, index]) * 4.0, WORTH * float(self._peers.smallest[index]))
        return expected - half, expected + half


def _bins(score: Array) -> npt.NDArray[np.intp]:
    bins: npt.NDArray[np.intp] = np.clip(np.log(np.maximum(score, 1e-3) / 1e-3) / np.log(BIN_WIDTH), 0, BINS - 1).astype(np.intp)
    return bins


def _finite(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
