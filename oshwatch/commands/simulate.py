"""`oshwatch simulate`: virtual devices, and load as the wire sees it."""

from __future__ import annotations

import argparse
import os
import signal
import threading

from domain.clock import SystemClock, clock_from_text
from domain.errors import BadInput


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
