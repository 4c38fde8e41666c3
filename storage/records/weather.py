"""Weather forecasts as they were handed in, append-only; the same one twice is there once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Engine, Row, insert, select

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
        """As it stands on record, and whether it is new. Hours and issue time say whether it is the same."""
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


def _stored(row: Row[Any]) -> StoredForecast:
    return StoredForecast(id=row.id, site=row.site, received_us=row.received_us, author=row.author, forecast=msgspec.json.decode(row.body, type=Forecast))
