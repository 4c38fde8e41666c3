"""`oshwatch simulate`: virtual devices, and load as the wire sees it."""

from __future__ import annotations

import argparse
import os

from domain.clock import clock_from_text


def devices(options: argparse.Namespace) -> None:
    from simulator.devices.serve import run_devices

    run_devices(options.scenario, options.dir, clock_from_text(os.environ.get("OSHWATCH_SCENARIO_CLOCK", "")))
