"""Weather forecasts as they were handed in, append-only; the same one twice is there once, also where it does not say when it was issued."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select

from domain.weather import Forecast
from storage.records.sql import reading, writing
from storage.records.tables import weather_forecasts


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecast:
    id: int
    site: str
    received_us: int
    author: str
    forecast: Forecast


class WeatherRepository:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, site: str, forecast: Forecast, *, author: str, received_us: int) -> tuple[StoredForecast, bool]:
        """As it stands on record, and whether it is new. Hours and issue time say whether it is the same; of one that was issued as it came, the hours alone."""
        body = msgspec.json.encode(forecast)
        values = {
            "site": site,
            "issued_us": forecast.issued_us,
            "first_us": forecast.hours[0].start_us,
            "stop_us": forecast.hours[-1].start_us + 1,
            "received_us": received_us,
            "author": author,
            "digest": hashlib.sha256(body).hexdigest(),
            "body": body,
        }
        with writing(self._engine) as connection:
            same = select(weather_forecasts).where(weather_forecasts.c.site == site, weather_forecasts.c.digest == values["digest"])
            found = connection.execute(same).one_or_none()
            if found is None and forecast.issued_us == received_us:
                found = _unchanged(connection, site, forecast)
            is_new = found is None
            if found is None:
                connection.execute(insert(weather_forecasts).values(values))
                found = connection.execute(same).one()
        return _stored(found), is_new

    def covering(self, site: str, start_us: int, stop_us: int) -> list[StoredForecast]:
        """Those with an hour in [start, stop), in the order of their issue, then of their coming."""
        query = (
            select(weather_forecasts)
            .where(weather_forecasts.c.site == site, weather_forecasts.c.stop_us > start_us, weather_forecasts.c.first_us < stop_us)
            .order_by(weather_forecasts.c.issued_us, weather_forecasts.c.id)
        )
        with reading(self._engine) as connection:
            return [_stored(row) for row in connection.execute(query)]

    def latest(self, site: str) -> StoredForecast | None:
        """The last issued."""
        query = select(weather_forecasts).where(weather_forecasts.c.site == site).order_by(weather_forecasts.c.issued_us.desc(), weather_forecasts.c.id.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return _stored(row) if row else None


def _unchanged(connection: Connection, site: str, forecast: Forecast) -> Row[Any] | None:
    """The last on record of these hours where it says the same: handed in again it would only seem younger, and hours that are over by then would seem recorded."""
    table = weather_forecasts
    first_us, stop_us = forecast.hours[0].start_us, forecast.hours[-1].start_us + 1
    of_these_hours = select(table).where(table.c.site == site, table.c.first_us == first_us, table.c.stop_us == stop_us)
    last = connection.execute(of_these_hours.order_by(table.c.issued_us.desc(), table.c.id.desc()).limit(1)).one_or_none()
    return last if last is not None and msgspec.structs.replace(_stored(last).forecast, issued_us=forecast.issued_us) == forecast else None


def _stored(row: Row[Any]) -> StoredForecast:
    return StoredForecast(id=row.id, site=row.site, received_us=row.received_us, author=row.author, forecast=msgspec.json.decode(row.body, type=Forecast))
