"""The minute book: whatever the order, the repetition and the crashes, the store holds the same readings and the same minutes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.quantities import Averaging
from domain.reading import Minute, Reading, minute_from, stands
from domain.times import HOUR_US, MINUTE_US, SECOND_US, minute_of
from ingest import minutebook
from ingest.minutebook import Merged, MinuteBook
from oshwatch.testing import MemoryTimeSeries
from storage.timeseries.port import Batch

T0 = 1_763_802_000_000_000  # a full hour
TEMPERATURE, NOISE = "agent-1.hall.air_temperature", "agent-1.hall.sound_level_a_eq"


def write(store: MemoryTimeSeries, merged: Merged) -> Merged:
    assert all(start_us > max(store.minutes.get(channel, {}), default=-1) for channel, start_us in merged.first), "called first, and not later than all on record"
    store.write(Batch(fresh=merged.fresh, rewritten=list(merged.rewritten.values()), minutes=list(merged.minutes.values())))
    return merged


def reading(seconds: float, value: float | None = 20.0, channel: str = TEMPERATURE, q: int = 4, r: tuple[int, ...] = ()) -> Reading:
    return Reading(channel, T0 + round(seconds * SECOND_US), value, q, r)


def truth(readings: list[Reading]) -> tuple[dict[tuple[str, int], Reading], dict[tuple[str, int], Minute]]:
    """Stored set and minutes by definition, without a book."""
    stored: dict[tuple[str, int], Reading] = {}
    for one in readings:
        key = (one.channel, one.time_us)
        stored[key] = stands(stored[key], one) if key in stored else one
    groups: dict[tuple[str, int], list[Reading]] = {}
    for one in stored.values():
        groups.setdefault((one.channel, minute_of(one.time_us)), []).append(one)
    rule = {TEMPERATURE: Averaging.ARITHMETIC, NOISE: Averaging.ENERGY}
    return stored, {key: minute_from(key[0], key[1], group, rule[key[0]]) for key, group in groups.items()}


def held(store: MemoryTimeSeries) -> tuple[dict[tuple[str, int], Reading], dict[tuple[str, int], Minute]]:
    readings = {(name, at): one for name, found in store.readings.items() for at, one in found.items()}
    return readings, {(name, at): one for name, found in store.minutes.items() for at, one in found.items()}


def close_all(book: MinuteBook, store: MemoryTimeSeries, now_us: int = T0 + 100 * HOUR_US) -> None:
    for _ in range(2):
        merged = Merged()
        book.close_due(now_us, merged)
        write(store, merged)


def restarted(store: MemoryTimeSeries) -> MinuteBook:
    book = MinuteBook(store)
    write(store, book.open([TEMPERATURE, NOISE]))
    return book


def test_samples_in_order_are_fresh_and_a_minute_is_written_when_the_next_begins() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    first = write(store, book.merge([reading(0, 20.0), reading(30, 22.0)]))
    assert (len(first.fresh), first.rewritten, first.minutes) == (2, {}, {})
    second = write(store, book.merge([reading(60, 30.0)]))
    assert [(minute.valid, minute.total) for minute in second.minutes.values()] == [(2, 42.0)]
    assert second.first == second.minutes.keys()
    assert second.touched == {}


def test_the_clock_closes_a_minute_that_nothing_follows_but_not_one_still_being_filled() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    now_us = T0 + 70 * SECOND_US
    write(store, book.merge([reading(0), reading(10)]))
    early, first_look, second_look, third_look = Merged(), Merged(), Merged(), Merged()
    book.close_due(T0 + 59 * SECOND_US, early)
    book.close_due(now_us, first_look)
    write(store, book.merge([reading(20)]))
    book.close_due(now_us, second_look)
    book.close_due(now_us, third_look)
    assert [len(merged.minutes) for merged in (early, first_look, second_look, third_look)] == [0, 0, 0, 1]
    assert next(iter(third_look.minutes.values())).valid == 3


def test_a_sample_for_a_minute_already_written_rewrites_it_and_tells_assess() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(0)]))
    close_all(book, store)
    write(store, book.merge([reading(20)]))
    merged = write(store, book.merge([reading(60)]))
    assert next(iter(merged.minutes.values())).valid == 2
    assert merged.touched == {TEMPERATURE: (T0, T0 + MINUTE_US)}


def test_a_late_sample_reopens_its_minute_from_the_store() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(0, 20.0), reading(30, 22.0), reading(3600)]))
    merged = write(store, book.merge([reading(15, 24.0)]))
    assert merged.fresh == []
    assert merged.minutes[(TEMPERATURE, T0)].total == 66.0
    assert merged.touched == {TEMPERATURE: (T0, T0 + MINUTE_US)}


def test_a_backlog_reads_each_hour_of_the_store_once() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(0), reading(5 * 3600)]))
    reads: list[int] = []
    plain = store.read
    store_read = lambda *arguments: (reads.append(1), plain(*arguments))[1]  # noqa: E731
    book._store = type("Spy", (), {"read": staticmethod(store_read), "last": store.last, "last_minutes": store.last_minutes})()
    for seconds in range(10, 2 * 3600, 10):
        write(store, book.merge([reading(seconds)]))
    assert len(reads) == 2
    assert held(store)[1].keys() >= {(TEMPERATURE, T0 + minute * MINUTE_US) for minute in range(120)}


def test_a_minute_late_by_less_than_ten_minutes_and_never_written_is_no_news_for_assess() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(0), reading(300)]))
    assert write(store, book.merge([reading(120)])).touched == {}
    write(store, book.merge([reading(1200)]))
    assert write(store, book.merge([reading(500)])).touched == {TEMPERATURE: (T0 + 8 * MINUTE_US, T0 + 9 * MINUTE_US)}


def test_a_repeat_changes_nothing() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(0), reading(10), reading(70)]))
    before = held(store)
    merged = write(store, book.merge([reading(10), reading(0), reading(70)]))
    assert (merged.fresh, merged.rewritten, merged.conflicts) == ([], {}, [])
    assert held(store) == before


@pytest.mark.parametrize("first", [20.0, 25.0])
@pytest.mark.parametrize("apart", [True, False])
def test_of_two_values_for_one_time_the_greater_stands_and_both_are_kept(first: float, apart: bool) -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    pair = [reading(10, first), reading(10, 45.0 - first)]
    conflicts = [conflict for part in ([[pair[0]], [pair[1]]] if apart else [pair]) for conflict in write(store, book.merge(part)).conflicts]
    assert [(stood.value, other.value) for stood, other in conflicts] == [(25.0, 20.0)]
    close_all(book, store)
    assert held(store) == truth(pair)


def test_two_late_minutes_of_one_hour_in_one_batch_do_not_forget_each_other() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(126), reading(63, 20.0)]))
    write(store, book.merge([reading(0), reading(63, 19.0)]))
    assert store.readings[TEMPERATURE][T0 + 63 * SECOND_US].value == 20.0


def test_quality_goes_before_value() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    write(store, book.merge([reading(10, 99.0, q=2), reading(10, 20.0), reading(3600)]))
    assert store.readings[TEMPERATURE][T0 + 10 * SECOND_US].value == 20.0


def test_unsynchronised_and_rejected_readings_are_kept_and_do_not_count() -> None:
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    merged = book.merge([reading(0), reading(10, 90.0, r=(128,)), reading(20, None, q=1, r=(12,)), reading(60)])
    minute = merged.minutes[(TEMPERATURE, T0)]
    assert (minute.valid, minute.rejected, minute.total, minute.reasons) == (1, 2, 20.0, (12, 128))


def test_a_restart_opens_the_running_minute_from_the_store_and_writes_what_a_crash_left_out() -> None:
    store = MemoryTimeSeries()
    everything = [reading(seconds) for seconds in range(0, 400, 10)]
    write(store, MinuteBook(store).merge(everything[:20]))
    for one in everything[20:35]:
        store.readings[TEMPERATURE][one.time_us] = one  # readings reached the store, their minutes did not
    book = restarted(store)
    write(store, book.merge(everything[30:]))
    close_all(book, store)
    assert held(store) == truth(everything)


def test_a_restart_with_nothing_left_out_writes_nothing() -> None:
    store = MemoryTimeSeries()
    write(store, MinuteBook(store).merge([reading(seconds) for seconds in range(0, 400, 10)]))
    merged = MinuteBook(store).open([TEMPERATURE])
    assert (merged.minutes, merged.touched) == ({}, {})


VALUES = st.one_of(st.none(), st.sampled_from([20.0, 20.1, 55.5, 84.3, 0.1, 0.2, 0.3]))


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    times = draw(st.lists(st.integers(0, 3 * 514).map(lambda step: step * 7), min_size=1, max_size=60))
    return [
        reading(at, draw(VALUES), draw(st.sampled_from([TEMPERATURE, NOISE])), draw(st.sampled_from([4, 4, 4, 3, 1])), draw(st.sampled_from([(), (), (131,), (128,)])))
        for at in times
    ]


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(0, 2**32), st.booleans())
def test_any_order_any_repetition_any_batches_and_restarts_give_the_same_readings_and_minutes(history: list[Reading], seed: int, forgetful: bool) -> None:
    dice = random.Random(seed)
    arrivals = history + dice.choices(history, k=dice.randrange(len(history) + 1))
    dice.shuffle(arrivals)
    store = MemoryTimeSeries()
    book = MinuteBook(store)
    limit, minutebook.BLOCKS_MAX = minutebook.BLOCKS_MAX, 1 if forgetful else 20_000
    try:
        while arrivals:
            size = dice.randrange(1, 12)
            part, arrivals = arrivals[:size], arrivals[size:]
            merged = book.merge(part)
            if dice.random() < 0.1:  # killed before the write: the broker delivers again
                book = restarted(store)
                arrivals = part + arrivals
                continue
            if dice.random() < 0.1:  # killed between readings and minutes
                store.write(Batch(fresh=merged.fresh, rewritten=list(merged.rewritten.values())))
                book = restarted(store)
                arrivals = part + arrivals
                continue
            write(store, merged)
            if dice.random() < 0.2:
                due = Merged()
                book.close_due(T0 + dice.randrange(4 * 3600) * SECOND_US, due)
                write(store, due)
    finally:
        minutebook.BLOCKS_MAX = limit
    close_all(book, store)
    assert held(store) == truth(history)


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(0, 2**32))
def test_a_crash_that_leaves_the_new_readings_of_a_later_commit_without_those_before_them_costs_nothing(history: list[Reading], seed: int) -> None:
    """Two commits of new readings go side by side: at a kill the later may be stored, a part of the earlier, and no minute of either."""
    dice = random.Random(seed)
    arrivals = sorted(truth(history)[0].values(), key=lambda one: one.time_us)
    store = MemoryTimeSeries()
    book = restarted(store)
    while arrivals:
        ends = dice.randrange(1, 12), dice.randrange(1, 12)
        earlier, later, rest = arrivals[: ends[0]], arrivals[ends[0] : sum(ends)], arrivals[sum(ends) :]
        first, second = book.merge(earlier), book.merge(later)
        if first.rewritten or second.rewritten or dice.random() < 0.5:
            write(store, first)
            write(store, second)
            arrivals = rest
            continue
        store.write(Batch(fresh=dice.sample(first.fresh, dice.randrange(len(first.fresh) + 1))))
        store.write(Batch(fresh=second.fresh))
        book = restarted(store)
        for part in (earlier, later):  # by now behind the newest: as late ones, one commit at a time
            write(store, book.merge(part))
        arrivals = rest
    close_all(book, store)
    assert held(store) == truth(history)


@pytest.mark.parametrize("closed", [True, False])
def test_what_the_store_refused_is_not_counted_in_its_minute_until_it_is_taken(closed: bool) -> None:
    store, kept, bad = MemoryTimeSeries(), [reading(second) for second in range(0, 50, 10)], reading(55, 99.0)
    book = restarted(store)
    first = book.merge([*kept, bad, *([reading(70)] if closed else [])])
    first.fresh.remove(bad)
    write(store, first)
    rest = [reading(70)] if closed else []
    correction = write(store, book.merge([], refused=[bad]))
    close_all(book, store)
    assert held(store) == truth([*kept, *rest])
    assert (TEMPERATURE in correction.touched) is closed
    taken = write(store, book.merge([bad]))
    assert TEMPERATURE in taken.touched
    close_all(book, store)
    assert held(store) == truth([*kept, bad, *rest])
