"""`oshwatch limits`: what is in force, since when, and where it is written."""

from __future__ import annotations

import argparse


def list_profiles(options: argparse.Namespace) -> None:
    from models.limits.loader import load_profiles

    for profile in load_profiles().values():
        print(f"{profile.id}\t{profile.title}\t{len(profile.limits)} limits")


def check(options: argparse.Namespace) -> int:
    from models.limits.loader import check as problems

    found = problems()
    for problem in found:
        print(problem)
    print("limits: " + (f"{len(found)} problems" if found else "every profile is in order"))
    return 1 if found else 0
