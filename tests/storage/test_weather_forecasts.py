"""Weather forecasts on record: the same one twice is there once, and each is found by the hours that it is of."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from domain.times import HOUR_US
from domain.weather import Forecast, WeatherHour
from storage.records.weather import WeatherRepository

FIRST_US = 1_795_000_000_000_000 // HOUR_US * HOUR_US


def forecast(issued_h: int, first_h: int, hours: int = 24) -> Forecast:
    return Forecast(
        issued_us=FIRST_US + issued_h * HOUR_US,
        hours=[
            WeatherHour(start_us=FIRST_US + (first_h + number) * HOUR_US, air_temperature_c=25.0 + number, relative_humidity_pct=70.0, wind_speed_ms=1.0) for number in range(hours)
        ],
    )


@pytest.fixture
def repository(engine: Engine) -> WeatherRepository:
    return WeatherRepository(engine)


def test_the_same_forecast_twice_is_there_once(repository: WeatherRepository) -> None:
    first, is_new = repository.add("hue", forecast(0, 1), author="ann", received_us=5)
    again, is_new_again = repository.add("hue", forecast(0, 1), author="job", received_us=9)
    assert (is_new, is_new_again) == (True, False)
    assert again == first
    assert repository.add("dong-ha", forecast(0, 1), author="ann", received_us=5)[1]


def test_those_with_an_hour_in_the_span_are_found_in_the_order_of_their_issue(repository: WeatherRepository) -> None:
    late, early, other = forecast(12, 20), forecast(0, 1), forecast(1, 100)
    for one in (late, early, other):
        repository.add("hue", one, author="ann", received_us=5)
    assert [found.forecast for found in repository.covering("hue", FIRST_US + 20 * HOUR_US, FIRST_US + 44 * HOUR_US)] == [early, late]
    assert [found.forecast for found in repository.covering("hue", FIRST_US + 25 * HOUR_US, FIRST_US + 44 * HOUR_US)] == [late]
    assert repository.covering("dong-ha", 0, 2**62) == []


def test_the_latest_is_the_last_issued_not_the_last_to_come(repository: WeatherRepository) -> None:
    assert repository.latest("hue") is None
    for one in (forecast(12, 20), forecast(0, 1)):
        repository.add("hue", one, author="ann", received_us=5)
    found = repository.latest("hue")
    assert found is not None
    assert found.forecast == forecast(12, 20)
