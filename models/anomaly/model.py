"""The streaming model: causal, deterministic, arrays over channels. A fault moves one channel alone; an event moves what physics links, or follows a course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anomaly.channels import ChannelInfo, peers_of
from models.anomaly.course import FREEZE_US, Course
from models.anomaly.faults import JUMP_AFTER, JUMP_SIGMAS, JUMP_SPAN, NOISE_SAMPLES, SPIKE_SIGMAS, FaultTests
from models.anomaly.recent import DEPTH, Index, Recent, median
from models.anomaly.suspect import FAULTS, Code, Suspect, text_of
from models.arrays import Array, Mask

NOISE_HOLDS = 12
"""Samples for which a noise ratio must stay over, or under, before it counts."""
DROPOUT_INTERVALS, DROPOUT_US = 6, 60_000_000
SETTLE = 30
"""Samples after the end of a fault in which a jump is the sensor's coming back."""
RETURNED_SHARE = 0.4
GLOBE_SHARE = 0.15
"""A globe hangs in the air: minutes after that has warmed or cooled it follows by more than this share, or the air thermometer is wrong."""
LINKED_SHARE = 0.6
"""A linked channel that moves by this share of what is worth a look makes a jump an event."""


@dataclass(frozen=True, slots=True)
class Output:
    """One row for each tick, one column for each channel."""

    score: Array
    p_fault: Array
    p_event: Array
    code: npt.NDArray[np.int8]


class AnomalyModel:
    """Feed ticks in time order; NaN is a missing sample. The same ticks give the same bits, however they are cut into calls.

    >>> model = AnomalyModel([ChannelInfo(id="a.b.co2", quantity="co2", zone="f.z", interval_s=10)])
    >>> times = np.arange(2_000) * 10_000_000
    >>> model.update(times, np.full((2_000, 1), 412.0))[0].fault_type
    'stuck'
    """

    def __init__(self, channels: Sequence[ChannelInfo]) -> None:
        self.channels = list(channels)
        count = len(self.channels)
        self._peers = peers_of(self.channels)
        self._recent = Recent(count)
        self._tests = FaultTests(count, self._peers.smallest, self._peers.rests_at_zero)
        self._course = Course(count, self._peers)
        self._code = np.zeros(count, dtype=np.int8)
        self._since_us = np.zeros(count, dtype=np.int64)
        self._noise_holds = np.zeros(count, dtype=np.int64)
        self._noise_on = np.zeros(count, dtype=bool)
        self._spike_on = np.zeros(count, dtype=bool)
        self._bias_on = np.zeros(count, dtype=bool)
        self._event_on = np.zeros(count, dtype=bool)
        self._event_since_us = np.zeros(count, dtype=np.int64)
        self._bias_from = np.zeros(count)
        self._bias_size = np.zeros(count)
        self._bias_score = np.zeros(count)
        self._settled_at = np.zeros(count, dtype=np.int64)
        self.time_us = 0

    def update(self, times_us: npt.ArrayLike, values: npt.ArrayLike) -> list[Suspect]:
        """Ticks × channels; returns who is suspected after the last one."""
        self.run(times_us, values)
        return self.suspects()

    def run(self, times_us: npt.ArrayLike, values: npt.ArrayLike) -> Output:
        """The same, with scores and codes of every tick. A tick that is not later than the last one is left out: the stream is causal."""
        times, matrix = np.asarray(times_us, dtype=np.int64), np.asarray(values, dtype=np.float64)
        shape = (len(times), len(self.channels))
        output = Output(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int8))
        for row, time_us in enumerate(times):
            if time_us > self.time_us:
                self._tick(int(time_us), matrix[row])
            output.score[row], output.p_fault[row], output.p_event[row] = self.scores()
            output.code[row] = self._code
        return output

    def suspects(self) -> list[Suspect]:
        """In the channels' order."""
        score, p_fault, p_event = self.scores()
        return [self._suspect(int(index), Code(int(self._code[index])), score, p_fault, p_event) for index in np.flatnonzero(self._code)]

    @property
    def code(self) -> npt.NDArray[np.int8]:
        """What each channel is called now."""
        return self._code

    def last(self, index: int) -> float:
        """Its last value."""
        return float(self._recent.last[index])

    def band(self, index: int) -> tuple[float, float]:
        """Where a channel was expected, by the test that it is suspected by; NaN where that test expects no level."""
        code, sigma = Code(int(self._code[index])), float(self._tests.sigma(np.array([index], dtype=np.intp))[0])
        if code is Code.BIAS:
            middle, half = float(self._bias_from[index]), max(float(self._peers.smallest[index]), JUMP_SIGMAS * sigma)
        elif code is Code.EVENT:
            middle, half = self._course.expected(index, sigma)
        elif code in (Code.NOISE, Code.SPIKE):
            middle, half = self._course.now(index), SPIKE_SIGMAS * sigma
        else:
            middle = half = float("nan")
        return middle - half, middle + half

    def _tick(self, time_us: int, row: Array) -> None:
        self.time_us = time_us
        fresh = np.flatnonzero(np.isfinite(row))
        if len(fresh):
            self._recent.push(fresh, row[fresh], time_us)
            self._look(fresh, time_us)
        self._decide(fresh, time_us)

    def _look(self, fresh: Index, time_us: int) -> None:
        window = self._recent.window(fresh)
        frozen = self._code[fresh] != Code.NONE
        self._tests.look(
            fresh,
            window,
            time_us,
            self._recent.samples[fresh].astype(np.float64),
            self._recent.span_us(fresh, JUMP_SPAN).astype(np.float64),
            frozen,
            self._peers.interval_us[fresh],
        )
        is_fault = frozen & (self._code[fresh] != Code.EVENT) & (self._code[fresh] != Code.SPIKE)
        self._course.look(fresh, window, time_us, self._tests.sigma(fresh), is_fault, self._event_on[fresh])

    def _decide(self, fresh: Index, time_us: int) -> None:
        stuck = self._tests.stuck > 1.0
        dropout = self._dropout(time_us)
        self._decide_noise(fresh)
        self._decide_spikes(fresh)
        self._decide_bias(fresh, stuck)
        self._decide_event(time_us)
        code = np.select(
            [dropout, stuck, self._noise_on, self._spike_on, self._bias_on, self._event_on],
            [Code.DROPOUT, Code.STUCK, Code.NOISE, Code.SPIKE, Code.BIAS, Code.EVENT],
            Code.NONE,
        ).astype(np.int8)
        ended = (code != self._code) & (self._code != Code.NONE) & (self._code != Code.EVENT)
        self._settled_at[ended] = self._recent.samples[ended] + SETTLE
        self._since_us = np.where(code != self._code, time_us, self._since_us)
        self._code = code

    def _dropout(self, time_us: int) -> Mask:
        """Silent while something else of its device speaks; a device that is silent as a whole is no sensor's fault."""
        patience = np.maximum(DROPOUT_INTERVALS * self._peers.interval_us, DROPOUT_US)
        seen = self._recent.samples > 0
        silent = seen & (time_us - self._recent.last_us > patience)
        speaks = seen & ~silent
        return np.asarray(silent & (self._peers.agent.number(speaks) > 0))

    def _decide_noise(self, fresh: Index) -> None:
        over = self._tests.noisy[fresh] > np.where(self._noise_on[fresh], 2.0 / 3.0, 1.0)
        differs = over != self._noise_on[fresh]
        self._noise_holds[fresh] = np.where(differs, self._noise_holds[fresh] + 1, 0)
        turns = self._noise_holds[fresh] >= NOISE_HOLDS
        self._noise_on[fresh] = np.where(turns, over, self._noise_on[fresh])
        self._noise_holds[fresh] = np.where(turns, 0, self._noise_holds[fresh])

    def _decide_spikes(self, fresh: Index) -> None:
        """Only when the noise test has had its whole window: noise that begins looks like spikes at first."""
        total = self._tests.spikes_last(fresh, DEPTH)
        older = total - self._tests.spikes_last(fresh, NOISE_SAMPLES)
        is_quiet = self._tests.noisy[fresh] < 2.0 / 3.0
        begins = (self._tests.spiky[fresh] >= 1.0) & (older > 0) & is_quiet
        self._spike_on[fresh] = (begins | (self._spike_on[fresh] & (total > 0))) & ~self._noise_on[fresh]

    def _decide_bias(self, fresh: Index, stuck: Mask) -> None:
        begins = (self._tests.jumped[fresh] > 1.0) & ~self._bias_on[fresh] & ~self._noise_on[fresh] & ~stuck[fresh]
        begins &= (self._recent.samples[fresh] > self._settled_at[fresh]) & (self._code[fresh] == Code.NONE)
        who = fresh[begins]
        if len(who):
            alone = who[~self._moved_together(who)]
            self._bias_on[alone] = True
            self._bias_from[alone] = self._tests.level_before[alone]
            self._bias_size[alone] = self._tests.jump[alone]
            self._bias_score[alone] = self._tests.jumped[alone]
        held = fresh[self._bias_on[fresh]]
        if len(held):
            level = median(self._recent.window(held)[:, -JUMP_AFTER:])
            back = np.abs(level - self._bias_from[held]) < RETURNED_SHARE * np.abs(self._bias_size[held])
            self._bias_on[held[back]] = False

    def _moved_together(self, who: Index) -> Mask:
        """Whether something that the same cause would move has moved as well."""
        sigma = self._tests.sigma(np.arange(len(self.channels)))
        worth = np.maximum(LINKED_SHARE * self._peers.smallest, 6.0 * sigma)
        moved = (np.abs(self._tests.jump) > worth) & (worth > 0)
        return np.asarray((self._peers.linked.number(moved) - moved)[who] > 0)

    def _decide_event(self, time_us: int) -> None:
        is_free = (self._code == Code.NONE) | (self._code == Code.EVENT)
        begins = self._course.persists(time_us) & is_free & ~self._event_on
        alone = begins & self._air_alone(begins)
        self._bias_on |= alone
        np.copyto(self._bias_from, self._recent.last - self._course.deviation, where=alone)
        np.copyto(self._bias_size, self._course.deviation, where=alone)
        np.copyto(self._bias_score, np.maximum(self._course.off, 1.0), where=alone)
        begins &= ~alone
        self._event_on |= begins
        self._event_since_us[begins] = time_us
        self._event_on &= (self._course.off > 0.5) & (time_us - self._event_since_us < FREEZE_US)

    def _air_alone(self, begins: Mask) -> Mask:
        """Air temperatures that went where no globe beside them follows; a step that a hole in the record hid is known by this."""
        result = np.zeros(len(begins), dtype=bool)
        globes = self._peers.is_globe & ((self._code == Code.NONE) | (self._code == Code.EVENT)) & (self._recent.samples > 0)
        for index in np.flatnonzero(begins & self._peers.is_air):
            beside = globes & (self._peers.linked.of == self._peers.linked.of[index])
            result[index] = beside.any() and bool(np.all(np.abs(self._course.deviation[beside]) < GLOBE_SHARE * abs(self._course.deviation[index])))
        return result

    def scores(self) -> tuple[Array, Array, Array]:
        """Score (1: just suspected) and how it is shared between fault and event; squares make a clear lead clear."""
        dropout = self._code == Code.DROPOUT
        fault = np.maximum.reduce([self._tests.stuck, self._tests.noisy, np.where(self._spike_on, np.maximum(self._tests.spiky, 1.0), 0.0)])
        fault = np.maximum(fault, np.where(self._bias_on, self._bias_score, 0.0))
        fault = np.where(dropout, np.maximum(fault, 2.0), fault)
        event = np.where(self._event_on, np.maximum(self._course.off, 1.0), np.minimum(self._course.off, 1.0))
        score = np.where(self._code == Code.EVENT, event, np.where(self._code == Code.NONE, np.minimum(np.maximum(fault, event), 1.0), np.maximum(fault, 1.0)))
        any_of = score**2 / (1.0 + score**2)
        total = fault**2 + event**2
        share = np.divide(fault**2, total, out=np.full(len(total), 0.5), where=total > 0)
        share = np.where(self._code == Code.NONE, share, np.where(self._code == Code.EVENT, np.minimum(share, 0.4), np.maximum(share, 0.6)))
        return score, any_of * share, any_of * (1.0 - share)

    def _suspect(self, index: int, code: Code, score: Array, p_fault: Array, p_event: Array) -> Suspect:
        since_us = int(self._since_us[index])
        if code is Code.STUCK:
            since_us = self._tests.stuck_since_us(index)
        elif code is Code.DROPOUT:
            since_us = int(self._recent.last_us[index])
        change = self._bias_size[index] if code is Code.BIAS else self._course.deviation[index]
        return Suspect(
            channel=self.channels[index].id,
            kind="event" if code is Code.EVENT else "fault",
            fault_type=FAULTS.get(code, ""),
            since_us=since_us,
            score=round(float(score[index]), 3),
            p_fault=round(float(p_fault[index]), 3),
            p_event=round(float(p_event[index]), 3),
            culprit=self._culprit(index, code),
            text=text_of(code, value=float(self._recent.last[index]), change=float(change), score=float(score[index]), span_us=self.time_us - since_us),
        )

    def _culprit(self, index: int, code: Code) -> str:
        """A fault is its own channel's; an event shows most in one of the channels that it moves."""
        if code is not Code.EVENT:
            return self.channels[index].id
        moved = np.flatnonzero((self._peers.linked.of == self._peers.linked.of[index]) & (self._code == Code.EVENT))
        most = max([index, *moved.tolist()], key=lambda channel: float(self._course.off[channel]))
        return self.channels[most].id
