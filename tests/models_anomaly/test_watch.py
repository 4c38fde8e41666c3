"""The model that needs only a channel's own past and its peers: laws of a stream, and each fault by its name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly.series import alike, quantity_of, score_series
from models.anomaly.suspect import Code
from models.anomaly.watch import Watch

MINUTE_US = 60_000_000
DAY = 288
"""Rows of five minutes."""


def site(days: float = 4.0, seed: int = 1, channels: int = 5) -> np.ndarray:
    """Rooms that follow one weather, each with its own share of it and its own noise."""
    dice = np.random.default_rng(seed)
    rows = np.arange(round(days * DAY))
    weather = 25 + 4 * np.sin(2 * np.pi * rows / DAY) + np.cumsum(dice.normal(0, 0.03, len(rows)))
    share = 0.8 + 0.1 * np.arange(channels)
    rooms: np.ndarray = np.round(weather[:, None] * share + dice.normal(0, 0.1, (len(rows), channels)), 2)
    return rooms


def codes(values: np.ndarray, period_s: float = 300.0, first_us: int = 0) -> np.ndarray:
    watch = Watch(np.full(values.shape[1], period_s), alike([f"room-{n}.air_temperature" for n in range(values.shape[1])]))
    found = np.zeros(values.shape, dtype=np.int8)
    for row in range(len(values)):
        watch.tick(first_us + round(row * period_s * 1e6), values[row])
        found[row] = watch.code
    return found


def called(found: np.ndarray, channel: int, start: int, stop: int) -> set[Code]:
    return {Code(code) for code in np.unique(found[start:stop, channel]) if code}


@pytest.mark.parametrize("seed", range(3))
def test_quiet_rooms_are_not_suspected(seed: int) -> None:
    assert not codes(site(5, seed)).any()


@pytest.mark.parametrize(
    ("fault", "expected"), [("stuck", Code.STUCK), ("noise", Code.NOISE), ("bias", Code.BIAS), ("dropout", Code.DROPOUT), ("spike", Code.SPIKE), ("drift", Code.DRIFT)]
)
def test_each_fault_gets_its_name(fault: str, expected: Code) -> None:
    values, at, dice = site(5), 3 * DAY + 50, np.random.default_rng(2)
    span = slice(at, at + 144)
    if fault == "stuck":
        values[span, 2] = values[at, 2]
    elif fault == "noise":
        values[span, 2] += dice.normal(0, 0.8, 144)
    elif fault == "bias":
        values[span, 2] += 3
    elif fault == "dropout":
        values[span, 2] = np.nan
    elif fault == "spike":
        values[at, 2] += 4
    else:
        values[at : at + DAY, 2] += 4 * np.arange(DAY) / DAY
    found = codes(values)
    assert expected in called(found, 2, at, at + DAY)
    assert not np.delete(found, 2, axis=1).any()
    assert not found[:at].any()


@pytest.mark.parametrize("value", [0.0, 21.3, -40.0, 1e6])
def test_a_constant_series_raises_only_stuck(value: float) -> None:
    assert called(codes(np.full((1_000, 1), value)), 0, 0, 1_000) == {Code.STUCK}


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10**15), st.sampled_from([(1.8, 32.0), (1e3, 0.0), (1.0, 273.15)]), st.permutations(range(5)))
def test_time_zone_unit_and_order_change_nothing(shift_us: int, unit: tuple[float, float], order: list[int]) -> None:
    values = site(4)
    values[950:, 1] += 3
    values[1_000:1_060, 3] = values[1_000, 3]
    expected = codes(values)
    assert np.array_equal(codes(values, first_us=shift_us), expected)
    scaled = codes(values * unit[0] + unit[1])
    assert (scaled != expected).mean() < 0.002  # a statistic just at its threshold may fall on either side of it by rounding
    assert (codes(values[:, order]) != expected[:, order]).mean() < 0.002


def test_missing_never_becomes_zero_and_nan_never_spreads() -> None:
    values = site(4)
    values[::2, 0] = np.nan
    values[900, 1] = np.nan
    found = codes(values)
    assert not np.delete(found, 0, axis=1).any()
    assert called(found, 0, 0, len(values)) <= {Code.DROPOUT}


def test_a_row_that_comes_twice_or_late_changes_nothing() -> None:
    values = site(3)
    once, twice = (Watch(np.full(5, 300.0), alike([f"r{n}.co2" for n in range(5)])) for _ in range(2))
    for row in range(len(values)):
        once.tick(row * 5 * MINUTE_US, values[row])
        twice.tick(row * 5 * MINUTE_US, values[row])
        twice.tick(row * 5 * MINUTE_US, values[row] + 9)
        twice.tick((row - 1) * 5 * MINUTE_US, values[row] - 9)
    assert np.array_equal(once.code, twice.code)
    assert np.array_equal(once.worst(), twice.worst())


@pytest.mark.parametrize("names", [["value"], ["air_temperature", "co2", "relative_humidity"], ["a", "b", "c", "d"]])
def test_a_row_rests_on_rows_up_to_it(names: list[str]) -> None:
    values = site(4, channels=len(names))
    times = np.arange(len(values), dtype=np.int64) * MINUTE_US
    other = values.copy()
    other[1_000:] = np.random.default_rng(3).normal(0, 50, other[1_000:].shape)
    first, second = score_series(times, values, names, 60.0), score_series(times, other, names, 60.0)
    for field in ("score", "p_fault", "p_event", "alarm"):
        assert np.array_equal(getattr(first, field)[:1_000], getattr(second, field)[:1_000]), field
    assert first.fault_type[:1_000] == second.fault_type[:1_000]
    assert np.isfinite(second.score).all()
    assert ((second.p_fault >= 0) & (second.p_event >= 0) & (second.p_fault + second.p_event <= 1)).all()


@pytest.mark.parametrize(
    ("name", "quantity"), [("a.p.co2", "co2"), ("ironing/air_temperature", "air_temperature"), ("Accelerometer1RMS", "accelerometer1rms"), ("temp 3", "temp"), ("value", "value")]
)
def test_quantities_are_read_from_names(name: str, quantity: str) -> None:
    assert quantity_of(name) == quantity
