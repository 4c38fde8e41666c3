"""What is likely over its limit soon, in words for the floor and the zone page."""

from __future__ import annotations

from dataclasses import dataclass

from assess.forecasts import LIKELY, SHIFT_END
from assess.live import Forecast
from console.floors import Floor
from console.formats import Formats
from console.words import hazard_name, window_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastView:
    """One line of the page; `by` is empty where no time can be said."""

    zone: str
    place: str
    name: str
    metric: str
    by: str
    chances: list[tuple[str, str]]  # horizon in words for a number of minutes, or "" for the end of the shift; percent
    low: str
    middle: str
    high: str
    limit: str
    at: str
    is_shift_end: bool
    likely: bool
    known: int


def forecast_views(floor: Floor, formats: Formats, *, likely_only: bool) -> list[ForecastView]:
    """The likeliest first; one for each hazard and placement where only the likely are asked for."""
    held = [(zone, forecast) for zone in floor.zones if (live := floor.current(zone.id)) for forecast in live.forecasts]
    shown = sorted((one for one in held if one[1].likely or not likely_only), key=lambda one: -max(one[1].probability.values()))
    return [_view(zone.id, zone.spec.name, forecast, floor, formats) for zone, forecast in shown]


def likely_by(floor: Floor, zone: str, formats: Formats) -> str | None:
    """The soonest time that something of the zone is likely over; empty: likely, but no time can be said; None: nothing is likely."""
    live = floor.current(zone)
    likely = [forecast for forecast in live.forecasts if forecast.likely] if live else []
    times = [forecast.expected_at_us for forecast in likely if forecast.expected_at_us is not None]
    if not likely:
        return None
    return formats.clock(min(times), floor.timezone) if times else ""


def _view(zone: str, place: str, forecast: Forecast, floor: Floor, formats: Formats) -> ForecastView:
    limit = forecast.limit.value
    return ForecastView(
        zone=zone,
        place=place,
        name=hazard_name(forecast.hazard),
        metric=window_name(forecast.metric),
        by="" if forecast.expected_at_us is None else formats.clock(forecast.expected_at_us, floor.timezone),
        chances=[("" if horizon == "shift_end" else horizon, f"{round(100 * chance)} %") for horizon, chance in forecast.probability.items()],
        low=formats.measure(forecast.fan["p10"], forecast.unit),
        middle=formats.measure(forecast.fan["p50"], forecast.unit),
        high=formats.measure(forecast.fan["p90"], forecast.unit),
        limit=formats.measure(limit, forecast.unit),
        at=formats.clock(forecast.fan_at_us, floor.timezone),
        is_shift_end=forecast.method == SHIFT_END,
        likely=max(forecast.probability.values()) >= LIKELY,
        known=forecast.known,
    )
