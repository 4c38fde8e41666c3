"""`oshwatch limits`: what is in force, since when, and where it is written."""

from __future__ import annotations

import argparse


def list_profiles(options: argparse.Namespace) -> None:
    from models.limits import loader

    print("\n".join(loader.list_profiles()))


def show(options: argparse.Namespace) -> None:
    from models.limits import loader

    print("\n".join(loader.show(options.id)))


def check(options: argparse.Namespace) -> int:
    from models.limits.loader import check as problems

    found = problems()
    for problem in found:
        print(problem)
    print("limits: " + (f"{len(found)} problems" if found else "every profile is in order"))
    return 1 if found else 0
