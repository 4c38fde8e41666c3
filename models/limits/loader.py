"""Reading limit profiles, asking what is in force, and checking what no type can say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from domain.errors import BadInput, NotFound
from domain.quantities import is_cas
from domain.yamltext import parse_yaml
from models.airborne.units import mg_m3_from_ppm
from models.heat.niosh import FORMULAS
from models.limits.profile import Limit, Profile

RECONCILES_WITHIN = 0.03
"""A limit printed in ppm and in mg/m³ must be one limit: secondary tables are full of misprints."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_COPYRIGHTED = re.compile(r"\bACGIH\b|\bTLV", re.IGNORECASE)


def load_profile(path: Path) -> Profile:
    """One file; raises `BadInput` with file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="name a limit profile") from None
    return parse_yaml(text, Profile, source=str(path))


@cache
def load_profiles() -> Mapping[str, Profile]:
    """The profiles of this installation, by id."""
    profiles = [parse_yaml(text, Profile, source=name) for name, text in _files()]
    return {profile.id: profile for profile in profiles}


def in_force(profile: Profile, agent: str, day: date, metric: str | None = None) -> list[Limit]:
    """The limits for an agent ("heat", "noise" or a CAS number) that hold on a day, in the profile's order."""
    return [limit for limit in profile.limits if limit.agent == agent and metric in (None, limit.metric) and limit.holds_on(day)]


def limit_refs(profile: Profile) -> list[str]:
    """`profile/limit` of each limit, once."""
    return list(dict.fromkeys(f"{profile.id}/{limit.id}" for limit in profile.limits))


def list_profiles() -> list[str]:
    """One line a profile, for `oshwatch limits list`."""
    return [
        f"{profile.id}  {profile.name}  ({'law' if profile.law else 'recommendation'}; {len(profile.limits)} limits, "
        f"{sum(limit.status == 'verified' for limit in profile.limits)} verified)"
        for profile in load_profiles().values()
    ]


def show(id: str) -> list[str]:
    """One line a limit, for `oshwatch limits show`; raises `NotFound`."""
    profile = load_profiles().get(id)
    if profile is None:
        raise NotFound(f"no limit profile '{id}': one of {', '.join(load_profiles())}")
    return [profile.name, *([profile.notice] if profile.notice else []), *(_line(profile, limit) for limit in profile.limits)]


def check(profiles: Mapping[str, Profile] | None = None) -> list[str]:
    """What is wrong, one sentence each; empty when all is well. For `oshwatch limits check`."""
    found = load_profiles() if profiles is None else profiles
    return [f"{profile.id}: {problem}" for profile in found.values() for problem in _problems(profile)]


def _files() -> list[tuple[str, str]]:
    folder = resources.files("models.limits")
    return [(item.name, item.read_text(encoding="utf-8")) for item in sorted(folder.iterdir(), key=lambda item: item.name) if item.name.endswith(".yaml")]


def _line(profile: Profile, limit: Limit) -> str:
    number = limit.formula if limit.value is None else f"{limit.value:g} {limit.unit}"
    pair = f" ({limit.value_mg_m3:g} mg/m3)" if limit.value_mg_m3 is not None else ""
    until = f" until {limit.valid_until}" if limit.valid_until else ""
    return f"{limit.id}  {limit.name}: {limit.metric} {number}{pair}, {limit.averaging_text}, from {limit.valid_from}{until}; {limit.status}; {profile.clause_of(limit)}"


def _problems(profile: Profile) -> list[str]:
    problems = [] if _ID.fullmatch(profile.id) else ["the id is not lower-case letters, digits and '-'"]
    for limit in profile.limits:
        problems += [f"{limit.id}: {problem}" for problem in _limit_problems(profile, limit)]
    problems += _overlaps(profile.limits)
    texts = [profile.name, *(f"{source.title} {source.seen}" for source in profile.sources.values()), *(f"{limit.name} {limit.note}" for limit in profile.limits)]
    if any(_COPYRIGHTED.search(text) for text in texts):
        problems.append("ACGIH's values are copyrighted: a site enters them itself, a profile does not ship them")
    return problems


def _limit_problems(profile: Profile, limit: Limit) -> list[str]:
    problems = [problem for problem in (_date_problem(limit), _pair_problem(limit)) if problem]
    if limit.agent not in ("heat", "noise") and not is_cas(limit.agent):
        problems.append(f"'{limit.agent}' is neither heat, noise nor a CAS number")
    if limit.source not in profile.sources:
        problems.append(f"no source '{limit.source}'")
    if not limit.clause:
        problems.append("no clause: say where in the source the number stands")
    if (limit.value is None) == (limit.formula is None):
        problems.append("give either a value or a formula")
    if limit.formula is not None and limit.formula not in FORMULAS:
        problems.append(f"no formula '{limit.formula}'")
    return problems


def _date_problem(limit: Limit) -> str | None:
    try:
        first = date.fromisoformat(limit.valid_from)
        last = date.fromisoformat(limit.valid_until) if limit.valid_until else date.max
    except ValueError:
        return "valid_from and valid_until are dates, 2026-01-31"
    return None if first < last else "valid_until is not after valid_from"


def _pair_problem(limit: Limit) -> str | None:
    if limit.value_mg_m3 is None or limit.value is None:
        return None
    if limit.molar_mass_g_mol is None or limit.ref_temperature_c is None:
        return "a pair of ppm and mg/m3 needs molar_mass_g_mol and ref_temperature_c"
    computed = mg_m3_from_ppm(limit.value, limit.molar_mass_g_mol, limit.ref_temperature_c)
    if abs(limit.value_mg_m3 / computed - 1.0) > RECONCILES_WITHIN:
        return f"{limit.value:g} ppm is {computed:.3g} mg/m3, not {limit.value_mg_m3:g}"
    return None


def _overlaps(limits: list[Limit]) -> list[str]:
    problems = []
    for index, first in enumerate(limits):
        for second in limits[index + 1 :]:
            same = first.id == second.id or (first.agent, first.metric, first.averaging, first.acclimatised) == (second.agent, second.metric, second.averaging, second.acclimatised)
            if same and first.valid_from < (second.valid_until or "9999-12-31") and second.valid_from < (first.valid_until or "9999-12-31"):
                problems.append(f"{first.id}: two entries hold at the same time for {first.agent} {first.metric}")
    return problems
