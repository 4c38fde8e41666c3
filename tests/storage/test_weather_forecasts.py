"""Weather forecasts on record: the same one twice is there once, and each is found by the hours that it is of."""

from __future__ import annotations

import msgspec
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


def test_one_that_does_not_say_when_it_was_issued_is_there_once_however_often_it_is_handed_in(repository: WeatherRepository) -> None:
    first, _ = repository.add("hue", forecast(0, 1), author="ann", received_us=FIRST_US)
    repository.add("hue", forecast(0, 25), author="ann", received_us=FIRST_US)
    again, is_new = repository.add("hue", forecast(30, 1), author="ann", received_us=FIRST_US + 30 * HOUR_US)
    assert (again, is_new) == (first, False)
    assert len(repository.covering("hue", 0, 2**62)) == 2


def test_one_that_goes_back_on_another_or_says_that_it_was_issued_later_is_new(repository: WeatherRepository) -> None:
    first, other = forecast(0, 1), msgspec.structs.replace(forecast(1, 1), wind_height_m=2.0)
    assert repository.add("hue", first, author="ann", received_us=FIRST_US)[1]
    assert repository.add("hue", other, author="ann", received_us=FIRST_US + HOUR_US)[1]
    assert repository.add("hue", forecast(2, 1), author="ann", received_us=FIRST_US + 2 * HOUR_US)[1]
    assert [found.forecast.wind_height_m for found in repository.covering("hue", 0, 2**62)] == [10.0, 2.0, 10.0]
    assert repository.add("hue", forecast(3, 1), author="ann", received_us=FIRST_US + 9 * HOUR_US)[1]


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
