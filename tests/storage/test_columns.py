"""Minutes as columns say what the minutes say: sealed, as rows, or both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reading import Minute
from domain.times import HOUR_US, MINUTE_US
from storage.timeseries.columns import columns_of, read_columns
from storage.timeseries.port import Batch
from storage.timeseries.sealed import minutes_from, seal_minutes
from storage.timeseries.sealed_arrays import columns_from
from storage.timeseries.sqlite import SqliteTimeSeries

START_US = 490_000 * HOUR_US


def minute(index, value):
    valid = index % 7
    low, high = (value - 1.5, value + 1.5) if valid else (None, None)
    return Minute(
        channel="a.b.co", start_us=START_US + index * MINUTE_US, valid=valid, rejected=index % 2, total=valid * value, low=low, high=high, saturated=index % 3, reasons=(131,)
    )


@pytest.mark.parametrize("sealed", ["all", "some", "none"])
@pytest.mark.parametrize(("first", "stop"), [(0, 180), (60, 120), (17, 93), (500, 600)])
def test_columns_are_the_minutes(tmp_path, sealed, first, stop):
    store = SqliteTimeSeries(tmp_path)
    store.write(Batch(minutes=[minute(index, 20.0 + index / 3) for index in range(180)]))
    if sealed != "none":
        store.seal_all()
    if sealed == "some":
        store.write(Batch(minutes=[minute(index, 99.0) for index in (20, 70, 71)]))
    span = START_US + first * MINUTE_US, START_US + stop * MINUTE_US
    minutes = store.read_minutes(["a.b.co", "a.b.unknown"], *span)
    found = read_columns(store, ["a.b.co", "a.b.unknown"], *span)
    assert found.keys() == minutes.keys()
    for channel, columns in found.items():
        expected = columns_of(minutes[channel])
        known = [number for number, valid in enumerate(expected.valid) if valid]
        for name in ("start_us", "valid", "rejected", "total", "saturated", "below_detection", "reasons"):
            assert list(getattr(columns, name)) == list(getattr(expected, name)), name
        assert [(columns.low[number], columns.high[number]) for number in known] == [(expected.low[number], expected.high[number]) for number in known]
    store.close()


counts = st.integers(0, 2**40)
values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6).map(lambda number: number / 100)
hours = st.lists(
    st.tuples(st.integers(1, 5), counts, counts, values, values, counts | st.just(0), st.sampled_from([(), (1,), (131, 132)])),
    min_size=1,
    max_size=12,
)


@given(st.lists(hours, min_size=1, max_size=3))
def test_arrays_of_sealed_hours_are_their_minutes_to_the_last_bit(drawn):
    at_us, sealed = START_US, []
    for hour in drawn:
        minutes = []
        for step, valid, rejected, total, top, flagged, reasons in hour:
            at_us += step * MINUTE_US
            low, high = (total, top) if valid else (None, None)
            minutes.append(
                Minute(
                    channel="a.b.co", start_us=at_us, valid=valid, rejected=rejected, total=total, low=low, high=high, saturated=flagged, below_detection=flagged, reasons=reasons
                )
            )
        sealed.append(seal_minutes(minutes))
    found, expected = columns_from(sealed), columns_of([minute for body in sealed for minute in minutes_from("a.b.co", body)])
    known = [number for number, valid in enumerate(expected.valid) if valid]
    for name in ("start_us", "valid", "rejected", "total", "saturated", "below_detection", "reasons"):
        assert list(map(repr, as_list(getattr(found, name)))) == list(map(repr, getattr(expected, name))), name
    for name in ("low", "high"):
        assert [repr(as_list(getattr(found, name))[number]) for number in known] == [repr(getattr(expected, name)[number]) for number in known], name


def as_list(column):
    return column if isinstance(column, list) else column.tolist()
