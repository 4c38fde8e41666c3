"""The command `oshwatch-edge`."""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from domain.clock import clock_from_text
from domain.errors import BadInput, OshwatchError
from edge_agent.config import Loaded, load_config
from edge_agent.drivers.registry import channels_of, rate_hz
from edge_agent.sizing import Need, need

EXIT_DONE, EXIT_WRONG, EXIT_BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except BadInput as error:
        print(f"oshwatch-edge: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except OshwatchError as error:
        print(f"oshwatch-edge: {error}", file=sys.stderr)
        return EXIT_WRONG


def _parser() -> argparse.ArgumentParser:
    parser = _described(
        argparse.ArgumentParser(prog="oshwatch-edge", description="Reads sensors, keeps what they say, and brings it to the centre."), "oshwatch-edge check --config agent.yaml"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = _described(commands.add_parser("run", help="run the agent"), "oshwatch-edge run --config /etc/oshwatch-edge/agent.yaml")
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's config (YAML)")
    run.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="what is logged to stderr (default INFO)")
    run.set_defaults(act=_run)
    check = _described(commands.add_parser("check", help="validate a config: says file, line and field of what is wrong"), "oshwatch-edge check --config agent.yaml")
    check.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's config (YAML)")
    check.set_defaults(act=_check)
    outbox = _described(commands.add_parser("outbox", help="how big a buffer must be to carry an outage"), "oshwatch-edge outbox --hours 72 --config agent.yaml")
    outbox.add_argument("--hours", type=_positive, default=72.0, help="how long the outage lasts (default 72)")
    outbox.add_argument("--config", type=Path, metavar="FILE", help="count this config's sensors, and compare with its outbox.max_mb")
    outbox.add_argument("--sensors", type=int, default=20, metavar="N", help="without a config: how many channels (default 20)")
    outbox.add_argument("--rate", type=_positive, default=1.0, metavar="HZ", help="without a config: readings a second of each (default 1)")
    outbox.set_defaults(act=_outbox)
    return parser


def _described(parser: argparse.ArgumentParser, example: str) -> argparse.ArgumentParser:
    parser.epilog = f"example:  {example}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is to be over 0")
    return value


def _run(options: argparse.Namespace) -> int:
    from edge_agent.agent import Agent  # noqa: PLC0415 - `check` and `outbox` need neither MQTT nor SQLite

    logging.basicConfig(level=options.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    agent = Agent(options.config, clock_from_text(os.environ.get("OSHWATCH_SCENARIO_CLOCK", "")), version=_version(), chance=random.Random())  # noqa: S311 - jitter
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: agent.stop())
    signal.signal(signal.SIGHUP, lambda _number, _frame: agent.reload())
    print(agent.summary(), flush=True)
    agent.run()
    return EXIT_DONE


def _check(options: argparse.Namespace) -> int:
    loaded = load_config(options.config)
    for note in loaded.missing_files():
        print(f"note: {note}", file=sys.stderr)
    channels = sum(count for count, _ in _rates(loaded))
    print(f"{options.config}: good: {len(loaded.config.sensors)} sensors, {channels} channels, {len(loaded.destinations)} destination(s)")
    return EXIT_DONE


def _outbox(options: argparse.Namespace) -> int:
    if options.config is None:
        _print_need(need(options.hours, [(1, options.rate)] * options.sensors))
        return EXIT_DONE
    loaded = load_config(options.config)
    found = need(options.hours, _rates(loaded))
    _print_need(found)
    given = loaded.config.outbox.max_mb
    enough = given >= found.megabytes
    print(f"outbox.max_mb is {given:g}: {'enough' if enough else 'too little'}")
    return EXIT_DONE if enough else EXIT_WRONG


def _print_need(found: Need) -> None:
    print(f"{found.hours:g} h without a centre: {found.channels} channels, {found.readings:,} readings in {found.packs:,} packs")
    print(f"outbox: {{max_mb: {max(int(found.megabytes * 1.25) + 1, 8)}}}   # {found.megabytes:,.0f} MB and a quarter to spare")


def _rates(loaded: Loaded) -> list[tuple[int, float]]:
    return [(len(channels_of(sensor, loaded.folder)), rate_hz(sensor)) for sensor in loaded.config.sensors]


def _version() -> str:
    try:
        return version("oshwatch")
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
