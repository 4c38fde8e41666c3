"""`oshwatch simulate`: virtual devices, load as the wire sees it, and long records with their truth."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from datetime import UTC, datetime

from domain.clock import SystemClock, clock_from_text
from domain.errors import BadInput
from domain.times import HOUR_US, SECOND_US


def devices(options: argparse.Namespace) -> None:
    from simulator.devices.serve import run_devices

    run_devices(options.scenario, options.dir, clock_from_text(os.environ.get("OSHWATCH_SCENARIO_CLOCK", "")), _start_us(os.environ.get("OSHWATCH_SCENARIO_START_US")))


def _start_us(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"'{text}' is no number of microseconds", field="OSHWATCH_SCENARIO_START_US", remedy="leave it out: only the demo sets it") from None


def fleet(options: argparse.Namespace) -> None:
    import msgspec
    import yaml

    from simulator.fleet import FleetPlan, fleet_registry, run_fleet

    plan = FleetPlan(agents=options.agents, channels=options.channels, rate_hz=options.rate, packs_of=options.packs_of, duration_s=options.duration)
    if options.registry:
        site = fleet_registry(plan.agents, plan.channels, 1 / plan.rate_hz)
        options.registry.write_text(yaml.safe_dump(msgspec.to_builtins(site), sort_keys=False), encoding="utf-8")
        print(f"{options.registry}: {plan.agents} agents of {plan.channels} channels")
        return
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    print(run_fleet(plan, options.mqtt, SystemClock(), stop=stop).to_text())


def history(options: argparse.Namespace) -> None:
    """Days or months of a factory with the truth of every sample."""
    import time

    import msgspec

    from simulator.factory.export import write_record
    from simulator.factory.record import Record
    from simulator.scenario import load_scenario

    scenario = load_scenario(options.scenario)
    if not 1 <= options.days <= 3660:
        raise BadInput("is not between 1 and 3660", field="--days")
    if options.interval not in (5, 10, 15, 20, 30, 60):
        raise BadInput("is none of 5, 10, 15, 20, 30, 60 seconds", field="--interval")
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    record = Record(scenario, _date_us(options.start), options.days, options.interval)
    began_s, shows = time.monotonic(), sys.stderr.isatty()
    paths = write_record(
        record, options.out, options.format, (lambda day: print(f"\rday {day} of {options.days}", end="", file=sys.stderr, flush=True)) if shows else lambda _: None
    )
    if shows:
        print(file=sys.stderr)
    samples = len(record.channels) * round(86_400 / options.interval) * options.days
    print(f"{options.days} days of {len(record.channels)} channels, {samples} samples, {len(record.incidents)} incidents in {time.monotonic() - began_s:.1f} s")
    for path in paths:
        print(path)


def _date_us(text: str) -> int:
    try:
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_US + 12 * HOUR_US
    except ValueError:
        raise BadInput(f"'{text}' is no date", field="--start", remedy="write 2026-05-01") from None
