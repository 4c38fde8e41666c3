"""`oshwatch bench`: measures this machine. Figures are printed, never asserted."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.clock import Clock, SystemClock
from oshwatch.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alerts.instant import InstantRules


def bench(options: argparse.Namespace) -> None:
    rows = {
        "ingest": _ingest,
        "evaluate": lambda: _evaluate(options.year),
        "alerts": lambda: _alerts(options.days),
        "query": lambda: _query(options.rows),
        "edge": _edge,
        "demo": _demo,
        "workers": _workers,
        "live": _live,
    }[options.what]()
    for row in rows:
        print(json.dumps(row) if options.json else "  ".join(f"{name}={value}" for name, value in row.items()))


def _ingest() -> list[dict[str, Any]]:
    """What each stage costs; then into SQLite, or into InfluxDB where OSHWATCH_TIMESERIES_URL names one, next to mosquitto_sub draining the same queue."""
    from ingest.bench import run_bench
    from ingest.bench_stages import stage_costs

    settings = load_settings({name: value for name, value in os.environ.items() if name.startswith("OSHWATCH_")})
    is_influxdb = settings.timeseries_url.startswith("influxdb")
    stages = [stage_costs(size, readings, instant_rules) for size, readings in ((1, 40_000), (10, 200_000), (100, 400_000))]
    store = ("influxdb", settings.timeseries_url, settings.influxdb_token) if is_influxdb else ("sqlite", "", "")
    return stages + run_bench(stores=[store], rules=f"{__name__}:{instant_rules.__name__}")


def instant_rules(engine: Engine, clock: Clock) -> InstantRules:
    """Those that the centre runs."""
    from alerts.instant import InstantRules
    from storage.records.registry import RegistryRepository

    return InstantRules(engine, clock, RegistryRepository(engine).load)


def _evaluate(shifts: int | None) -> list[dict[str, Any]]:
    """Every window of 20,000 channels; what the house does each minute and at a shift's end; a file from a cold start; with `--year` a factory-year computed again."""
    from assess.bench import cold_assess, evaluate_rates, house_rates

    found = [{"bench": "evaluate", **{name: round(value, 4) for name, value in rates.items()}} for rates in (evaluate_rates(), house_rates())]
    with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as name:
        found.append({"bench": "evaluate", **cold_assess(Path(name))})
        if shifts is None:
            return found
        from assess.bench_year import year_rates

        return [*found, *year_rates(Path(name), SystemClock(), number=shifts)]


def _workers() -> list[dict[str, Any]]:
    from oshwatch.bench_workers import bench_workers

    return bench_workers(load_settings())


def _live() -> list[dict[str, Any]]:
    """How late a live pack is decided and committed at 20,000 readings/s, alone and beside a backlog."""
    from oshwatch.bench_live import live_rates

    return live_rates(load_settings())


def _query(rows: int) -> list[dict[str, Any]]:
    from storage.timeseries.bench import query_rates

    with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as name:
        return query_rates(Path(name), rows)


def _alerts(days: int) -> list[dict[str, Any]]:
    """20,000 channels under policy, lists and figures over a year of 10,000 alerts a day, the start after a million transitions and a fold of them all, and 500 alerts in a minute from raised
    to handed over; on SQLite, then on PostgreSQL where OSHWATCH_DATABASE_URL names one whose role may make databases."""
    from alerts.bench import alert_rates
    from alerts.bench_notification import notification_rates

    url = os.environ.get("OSHWATCH_DATABASE_URL", "")
    servers = ["", url] if url.startswith("postgresql") else [""]
    return [row for server in servers for row in [*alert_rates(days, server), notification_rates(server=server)]]


def _edge() -> list[dict[str, Any]]:
    from edge_agent.bench import outbox_rates
    from oshwatch.bench_agent import agent_rates

    with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as name, tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as other:
        return [
            {"bench": "edge", **{what: round(value, 3) for what, value in rates.items()}}
            for rates in (outbox_rates(Path(name), SystemClock()), agent_rates(Path(other), SystemClock()))
        ]


def _demo() -> list[dict[str, Any]]:
    from oshwatch.bench_demo import demo_rates

    with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as name:
        return [{"bench": "demo", **{what: round(value, 2) for what, value in demo_rates(Path(name)).items()}}]
