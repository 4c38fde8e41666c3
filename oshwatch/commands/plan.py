"""`oshwatch plan`: the next day's heat plan on this machine, and a weather forecast from a file or an address that the site configured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec

from domain.errors import BadInput, NotFound, NotReady
from domain.times import DAY_US, to_rfc3339

if TYPE_CHECKING:
    from assess.heat_plan import HeatPlan
    from domain.registry import Registry

TIMEOUT_S = 30.0
MOST_BYTES = 256 * 1024


def weather(options: argparse.Namespace) -> None:
    """Reads a forecast and keeps it."""
    from domain.weather import parse_weather
    from oshwatch.parts import prepare
    from oshwatch.settings import load_settings
    from storage.records.registry import RegistryRepository
    from storage.records.weather import WeatherRepository

    settings = load_settings(config=options.config)
    engine = prepare(settings)
    now_us = settings.clock.now_us()
    held = RegistryRepository(engine).load().at(now_us)
    _site_is_there(options.site, held.sites)
    forecast = parse_weather(
        _text(options.source), held.timezone(options.site), now_us, source=options.name or _name(options.source), issued=options.issued, wind_height_m=options.wind_height
    )
    stored, is_new = WeatherRepository(engine).add(options.site, forecast, author="command line", received_us=now_us)
    engine.dispose()
    hours = stored.forecast.hours
    print(
        f"{'stored' if is_new else 'known already'}: {len(hours)} hours, {to_rfc3339(hours[0].start_us)} to {to_rfc3339(hours[-1].start_us)}, issued {to_rfc3339(stored.forecast.issued_us)}"
    )


def show(options: argparse.Namespace) -> int:
    """The plan as text or JSON; 1 where nothing at all is known."""
    from assess.heat_days import PAST_DAYS
    from assess.heat_plan import heat_plan
    from console.heat_plan import plan_json
    from domain.shifts import local_instant
    from oshwatch.parts import prepare
    from oshwatch.settings import load_settings
    from storage.records.registry import RegistryRepository
    from storage.records.weather import WeatherRepository
    from storage.timeseries.opening import open_timeseries

    settings = load_settings(config=options.config)
    engine = prepare(settings)
    registry, now_us = RegistryRepository(engine).load(), settings.clock.now_us()
    _site_is_there(options.site, registry.at(now_us).sites)
    day = _day(options.date, registry, options.site, now_us)
    start_us = local_instant(day, "00:00", registry.at(now_us).timezone(options.site))
    stored = WeatherRepository(engine).covering(options.site, start_us - PAST_DAYS * DAY_US, start_us + 2 * DAY_US)
    timeseries = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    plan = heat_plan(timeseries, registry, options.site, day, [one.forecast for one in stored], now_us)
    timeseries.close()
    engine.dispose()
    print(msgspec.json.encode(plan_json(plan)).decode() if options.json else _table(plan, lambda time_us: _clock(time_us, registry, options.site, now_us)))
    return 0 if any(zone.way for zone in plan.zones) else 1


def _site_is_there(site: str, sites: Collection[str]) -> None:
    if site not in sites:
        raise NotFound(f"no site '{site}'; there are {', '.join(sorted(sites)) or 'none'}")


def _text(source: str) -> str:
    """A file, `-` for standard input, or an http(s) address."""
    if source == "-":
        return sys.stdin.read(MOST_BYTES + 1)
    if source.startswith(("http://", "https://")):
        return _fetched(source)
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(str(error.strerror), source=source, remedy="name a file that this user may read") from None
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", source=source, remedy="save it as CSV in UTF-8") from None


def _fetched(address: str) -> str:
    try:
        with urlopen(Request(address, headers={"Accept": "text/csv, application/json"}), timeout=TIMEOUT_S) as answer:  # noqa: S310 - http and https only
            raw: bytes = answer.read(MOST_BYTES + 1)
    except (URLError, OSError) as error:
        raise NotReady(f"{address.partition('?')[0]} does not answer: {error}") from None
    if len(raw) > MOST_BYTES:
        raise BadInput(f"longer than {MOST_BYTES} bytes", source=address.partition("?")[0], remedy="ask for fewer hours")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", source=address.partition("?")[0], remedy="an address that answers with CSV or JSON") from None


def _name(source: str) -> str:
    """What a forecast is called by where it came from; nothing after a question mark, which may hold a key."""
    return source.partition("?")[0] if source.startswith("http") else Path(source).name


def _day(text: str, registry: Registry, site: str, now_us: int) -> date:
    if text:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise BadInput(f"'{text}' is no date", field="--date", remedy="such as 2026-11-25") from None
    local = datetime.fromtimestamp(now_us / 1e6, tz=UTC).astimezone(registry.at(now_us).timezone(site))
    return local.date() + timedelta(days=1)


def _clock(time_us: int, registry: Registry, site: str, now_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1e6, tz=UTC).astimezone(registry.at(now_us).timezone(site)):%H:%M}"


def _table(plan: HeatPlan, clock: Callable[[int], str]) -> str:
    """One line an hour."""
    lines = [f"{plan.site} {plan.day}: a plan, not evidence; weather forecast of {to_rfc3339(plan.weather_issued_us) if plan.weather_issued_us else 'nobody'}"]
    for zone in plan.zones:
        lines.append(f"{zone.zone}\t{zone.way.value if zone.way else 'unknown'}{''.join(f', {note.value}' for note in zone.notes)}")
        for hour in zone.hours:
            wbgt = "unknown" if hour.wbgt_c is None else f"{hour.wbgt_c:.1f} C ({hour.low_c:.1f} to {hour.high_c:.1f})"
            rests = "".join(f"\t{rest.limit} {rest.expected_min:.0f} to {rest.high_min:.0f} min" for rest in hour.rests)
            lines.append(f"  {clock(hour.start_us)}\t{wbgt}{rests}{_mark(hour.start_us, zone.move_from, zone.move_to)}")
    return "\n".join(lines)


def _mark(start_us: int, leave: list[int], go: list[int]) -> str:
    return "\theavy work: good" if start_us in go else "\theavy work: move away" if start_us in leave else ""
