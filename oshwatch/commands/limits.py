"""`oshwatch limits`: what is in force, since when, and where it is written."""

from __future__ import annotations

import argparse
from datetime import date

from domain.clock import SystemClock
from domain.errors import BadInput
from domain.times import to_datetime


def list_profiles(options: argparse.Namespace) -> None:
    from models.limits import loader

    print("\n".join(loader.list_profiles()))


def show(options: argparse.Namespace) -> None:
    from models.limits import loader

    if options.agent is None:
        print("\n".join(loader.show(options.id)))
    else:
        print("\n".join(loader.show_written(options.id, options.agent, _day(options.on))))


def check(options: argparse.Namespace) -> int:
    from models.limits.loader import check as problems

    found = problems()
    for problem in found:
        print(problem)
    print("limits: " + (f"{len(found)} problems" if found else "every profile is in order"))
    return 1 if found else 0


def _day(text: str | None) -> date:
    if text is None:
        return to_datetime(SystemClock().now_us()).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--on {text}: no date", remedy="write 2026-01-31") from None
