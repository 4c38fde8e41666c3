"""An outbox at its cap: events stay, the newest raw packs become minutes first, the oldest packs go last, and each step is a gap that says so."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.messages import Ack
from domain.quality import Reason
from domain.reading import Reading
from domain.senml import decode_pack
from domain.times import MINUTE_US, SECOND_US, minute_of
from edge_agent.outbox import Outbox
from edge_agent.outbox_file import Kind, Row
from edge_agent.thinning import thinned
from oshwatch.testing import FakeClock

T0 = minute_of(1_763_800_000_000_000)
CO2, NOISE, PEAK = "agent-7.cutting-1.co2", "agent-7.cutting-1.sound_level_a_eq", "agent-7.cutting-1.sound_level_c_peak"


@given(st.lists(st.tuples(st.integers(0, 599), st.floats(400, 5000), st.sampled_from([4, 3, 1]), st.booleans()), min_size=1, max_size=60, unique_by=lambda one: one[0]))
def test_a_minute_is_the_mean_of_what_counts_and_what_is_saturated_stays(samples: list[tuple[int, float, int, bool]]) -> None:
    readings = [Reading(CO2, T0 + second * SECOND_US, value, q, (Reason.SATURATED,) if saturated else ()) for second, value, q, saturated in samples]
    found = thinned(reversed(readings))
    assert found == thinned(readings)
    assert [reading for reading in found if Reason.SATURATED in reading.r] == sorted((one for one in readings if Reason.SATURATED in one.r), key=lambda one: one.time_us)
    plain = [reading for reading in readings if not reading.r]
    by_minute = {start: [one for one in plain if minute_of(one.time_us) == start] for start in {minute_of(one.time_us) for one in plain}}
    rest = [reading for reading in found if Reason.SATURATED not in reading.r]
    assert len(rest) == len(by_minute)
    for reading in rest:
        good = [one.value for one in by_minute[minute_of(reading.time_us)] if one.q >= 3]
        if good:
            assert reading.value == pytest.approx(math.fsum(good) / len(good), abs=1e-4)
            assert reading.time_us == max(one.time_us for one in by_minute[minute_of(reading.time_us)] if one.q >= 3)


def test_decibels_are_averaged_by_energy_and_peaks_are_kept() -> None:
    values = [80.0, 90.0]
    readings = [Reading(channel, T0 + number * SECOND_US, value) for channel in (NOISE, PEAK) for number, value in enumerate(values)]
    assert {reading.channel: reading.value for reading in thinned(readings)} == {NOISE: 87.4036, PEAK: 90.0}


class Full:
    """An agent of six channels at 1 Hz whose line is down, with a small outbox."""

    def __init__(self, path: Path, max_mb: float) -> None:
        self.clock = FakeClock(T0)
        self.outbox = Outbox(path, self.clock, max_mb=max_mb)
        self.outbox.begin()
        self.boot = self.outbox.boot
        self.made = 0

    def run(self, seconds: int) -> None:
        dice = random.Random(self.made)
        for _ in range(seconds):
            self.clock.sleep(1)
            now_us = self.clock.now_us()
            self.outbox.append([Reading(f"agent-7.cutting-{number}.co2", now_us, round(dice.uniform(400, 900), 1)) for number in range(6)], commit=False)
            self.made += 1
            if self.made % 30 == 0:
                self.outbox.commit(flush=False)
                self.outbox.trim()

    def rows(self) -> list[Row]:
        return self.outbox.pending("home", 1_000_000)

    def gaps(self) -> list[dict[str, object]]:
        return [event for row in self.rows() if row.kind is Kind.EVENT and (event := json.loads(row.body))["type"] == "gap"]


def seqs(gaps: list[dict[str, object]]) -> set[int]:
    return {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}


def test_the_newest_raw_packs_become_minutes_first_and_no_minute_is_without_data(tmp_path: Path) -> None:
    full = Full(tmp_path / "outbox.db", 0.6)
    full.outbox.append_event("alarm", text="hot")
    full.run(3_600)
    rows, gaps = full.rows(), full.gaps()
    raw = [row for row in rows if row.kind is Kind.PACK]
    assert full.outbox.thinned_rows > 0
    assert full.outbox.dropped_rows == 0
    assert raw[0].first_us == T0 + SECOND_US  # the oldest raw is untouched
    assert {row.seq for row in rows} | seqs(gaps) == set(range(rows[-1].seq + 1))
    assert not {row.seq for row in rows} & seqs(gaps)
    assert {(gap["cause"], gap["text"]) for gap in gaps} == {("outbox_full", "the outbox was over its cap: these packs were thinned to minutes")}
    covered = {minute_of(reading.time_us) for row in rows if row.kind is not Kind.EVENT for reading in decode_pack(row.body, "agent-7").readings}
    assert covered == set(range(T0, T0 + 61 * MINUTE_US, MINUTE_US))
    assert any(row.kind is Kind.EVENT and b"hot" in row.body for row in rows)
    assert any("thinned to minutes" in problem for problem in full.outbox.problems())


def test_when_all_is_minutes_the_oldest_go_and_events_never(tmp_path: Path) -> None:
    full = Full(tmp_path / "outbox.db", 0.12)
    full.outbox.append_event("alarm", text="hot")
    full.run(4_000)
    rows = full.rows()
    assert full.outbox.dropped_rows > 0
    assert {gap["text"] for gap in full.gaps()} == {"the outbox was over its cap: these packs were thinned to minutes", "the outbox was over its cap: the oldest packs went"}
    assert {row.seq for row in rows} | seqs(full.gaps()) == set(range(rows[-1].seq + 1))
    assert any(row.kind is Kind.EVENT and b"hot" in row.body for row in rows)
    assert full.outbox._file.used_bytes() < 2 * 120_000


def test_what_is_left_is_the_same_after_a_restart_and_can_be_settled(tmp_path: Path) -> None:
    full = Full(tmp_path / "outbox.db", 0.3)
    full.run(1_800)
    before = [(row.id, row.kind, row.body) for row in full.rows()]
    full.outbox.commit()
    again = Outbox(tmp_path / "outbox.db", full.clock, max_mb=0.3)
    assert [(row.id, row.kind, row.body) for row in again.pending("home", 1_000_000)] == before
    again.ack("home", Ack(boot=full.boot, upto=10**9))
    assert again.depth("home") == (0, None)


def test_a_channel_of_one_sample_a_minute_is_not_thinned_the_oldest_go(tmp_path: Path) -> None:
    clock = FakeClock(T0)
    outbox = Outbox(tmp_path / "outbox.db", clock, max_mb=0.06)
    for _ in range(2_000):
        clock.sleep(60)
        outbox.append([Reading(CO2, clock.now_us(), 400.0)], commit=False)
    outbox.commit()
    outbox.trim()
    assert (outbox.thinned_rows, outbox.dropped_rows > 0) == (0, True)
