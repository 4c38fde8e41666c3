"""The next day's heat plan, and the weather forecasts handed in for it: by a person, or by a job with an officer's token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from console.api.answers import answer, answers
from console.context import house_of
from console.heat_plan import HeatPlanJson, WeatherJson, day_of, plan_for, plan_json, take_weather, weather_json
from console.records.bodies import Body
from console.security import Reader, Recording
from domain.errors import NotFound
from domain.weather import COLUMNS, MAST_M

router = APIRouter(tags=["heat plan"])

WEATHER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string", "description": "columns: " + ", ".join(COLUMNS)}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["hours"],
                    "properties": {
                        "issued": {"type": "string"},
                        "source": {"type": "string"},
                        "wind_height_m": {"type": "number"},
                        "hours": {"type": "array", "items": {"type": "object", "properties": {name: {"type": "string" if name == "time" else "number"} for name in COLUMNS}}},
                    },
                }
            },
        },
    }
}


@router.get("/sites/{site}/heat-plan", responses=answers(HeatPlanJson))
def heat_plan(request: Request, site: str, caller: Reader, date: Annotated[str, Query(description="local date, today to six days on; absent: tomorrow")] = "") -> Response:
    """Expected WBGT by zone and hour of its shifts with a band, rest under RAL and REL, hours for heavy work. A plan, not evidence; null is unknown."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    return answer(plan_json(plan_for(house, caller.scope, site, day_of(house, site, date))))


@router.get("/sites/{site}/weather-forecast", responses=answers(WeatherJson))
def latest_weather(request: Request, site: str, caller: Reader) -> Response:
    """The last issued forecast on record."""
    house = house_of(request)
    stored = house.stores.weather.latest(house.sources.site(caller.scope, site).id)
    if stored is None:
        raise NotFound("no weather forecast was handed in yet")
    return answer(weather_json(stored))


@router.post("/sites/{site}/weather-forecast", responses=answers(WeatherJson), openapi_extra=WEATHER_BODY)
def hand_in_weather(
    request: Request,
    site: str,
    caller: Recording,
    body: Body,
    issued: Annotated[str, Query(max_length=64, description="of a CSV: when the forecast was made; absent: now")] = "",
    source: Annotated[str, Query(max_length=200, description="of a CSV: whose forecast it is")] = "",
    wind_height_m: Annotated[float, Query(description="of a CSV: height to which the wind refers")] = MAST_M,
) -> Response:
    """An hourly forecast, CSV or JSON; hours that are over count as weather as recorded. The same one twice is there once."""
    stored, is_new = take_weather(house_of(request), caller, site, body, issued=issued, source=source, wind_height_m=wind_height_m)
    return answer(weather_json(stored), status=201 if is_new else 200)
