"""Minutes as columns say what the minutes say: sealed, as rows, or both."""

from __future__ import annotations

import pytest

from domain.reading import Minute
from domain.times import HOUR_US, MINUTE_US
from storage.timeseries.columns import columns_of, read_columns
from storage.timeseries.port import Batch
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
        assert (columns.start_us, columns.valid, columns.rejected, columns.total) == (expected.start_us, expected.valid, expected.rejected, expected.total)
        assert (columns.saturated, columns.below_detection, columns.reasons) == (expected.saturated, expected.below_detection, expected.reasons)
        assert [(columns.low[number], columns.high[number]) for number in known] == [(expected.low[number], expected.high[number]) for number in known]
    store.close()
