"""What no type can say of a profile: units that reconcile, dates that do not overlap, sources that were seen, nothing that is left out without a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

import msgspec

from domain.quantities import is_cas
from models.airborne.units import mg_m3_from_ppm
from models.heat.niosh import FORMULAS
from models.heat.tables import WbgtTable
from models.limits.agents import AGENTS, is_agent
from models.limits.profile import Limit, Profile, Rung

RECONCILES_WITHIN = 0.03
"""A limit printed in ppm and in mg/m³ must be one limit: secondary tables are full of misprints."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_COPYRIGHTED = re.compile(r"\bACGIH\b|\bTLV", re.IGNORECASE)
_END = "9999-12-31"


def problems_of(profile: Profile) -> list[str]:
    """What is wrong with one profile, one sentence each."""
    found = [] if _ID.fullmatch(profile.id) else ["the id is not lower-case letters, digits and '-'"]
    for limit in profile.limits:
        found += [f"{limit.id}: {problem}" for problem in _limit_problems(profile, limit)]
    found += [*_overlaps(profile.limits), *_entry_problems(profile), *_coverage(profile)]
    if _COPYRIGHTED.search(msgspec.json.encode(profile).decode()):
        found.append("ACGIH's values are copyrighted: a site enters them itself, a profile does not ship them")
    statuses = {limit.status for limit in profile.limits} | {duty.status for duty in profile.general_duties}
    if profile.law and "unverified" in statuses and not (profile.authority and profile.confirm):
        found.append("something is unverified: name the authority and what it must confirm")
    return found


def _limit_problems(profile: Profile, limit: Limit) -> list[str]:
    problems = [problem for problem in (_date_problem(limit), _pair_problem(limit), _table_problem(limit.table), _ladder_problem(limit.ladder)) if problem]
    if not is_agent(limit.agent):
        problems.append(f"'{limit.agent}' is neither heat, noise nor a CAS number")
    problems += [f"'{member}' among the members is no CAS number" for member in limit.members if not is_cas(member)]
    problems += _source_problems(profile, limit.source, limit.clause, is_verified=limit.status == "verified")
    if [limit.value is not None or limit.lowest is not None, limit.formula is not None, limit.table is not None].count(True) != 1:
        problems.append("give either a value or a formula or a table")
    if limit.formula is not None and limit.formula not in FORMULAS:
        problems.append(f"no formula '{limit.formula}'")
    if (limit.over_ppm is None) == (limit.metric == "minutes_over_ceiling"):
        problems.append("minutes over a ceiling, and only they, need over_ppm")
    if limit.action_level is not None and limit.value is not None and limit.action_level > limit.value:
        problems.append("the action level is over the limit")
    return problems


def _source_problems(profile: Profile, key: str, clause: str, *, is_verified: bool) -> list[str]:
    source = profile.sources.get(key)
    problems = [f"no source '{key}'"] if source is None else []
    if source is not None and is_verified and not source.seen:
        problems.append(f"verified, but the source '{key}' does not say where its text was seen")
    return problems if clause else [*problems, "no clause: say where in the source the number stands"]


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


def _table_problem(table: WbgtTable | None) -> str | None:
    if table is None:
        return None
    ends = [float("inf") if one.up_to_w is None else one.up_to_w for one in table.classes]
    if not table.shares or any(len(row.limits_c) != len(ends) for row in table.shares):
        return "a table needs rows with one limit a class"
    if any(first >= second for first, second in pairwise(ends)) or any(first.share_from <= second.share_from for first, second in pairwise(table.shares)):
        return "classes go from light to heavy, rows from much work to little"
    rows = [[-float("inf") if value is None else value for value in row.limits_c] for row in table.shares]
    if any(first < second for row in rows for first, second in pairwise(row)) or any(
        more > less for above, below in pairwise(rows) for more, less in zip(above, below, strict=True)
    ):
        return "heavier or longer work cannot have the higher limit"
    return None


def _ladder_problem(ladder: list[Rung]) -> str | None:
    falls = all(first.minutes > second.minutes and first.level_db < second.level_db for first, second in pairwise(ladder))
    return None if falls else "a ladder goes from low levels and long times to high levels and short times"


def _overlaps(limits: list[Limit]) -> list[str]:
    problems = []
    for index, first in enumerate(limits):
        for second in limits[index + 1 :]:
            same = first.id == second.id or _key(first) == _key(second)
            if same and first.valid_from < (second.valid_until or _END) and second.valid_from < (first.valid_until or _END):
                problems.append(f"{first.id}: two entries hold at the same time for {first.agent} {first.metric}")
    return problems


def _key(limit: Limit) -> tuple[object, ...]:
    return (limit.agent, limit.metric, limit.averaging, limit.acclimatised, limit.fraction, limit.measured_as, limit.applies_to, limit.with_protectors)


def _entry_problems(profile: Profile) -> Iterator[str]:
    """Of what is no limit: duties, guidance, what is not covered."""
    for mixture in profile.mixtures:
        problems = _source_problems(profile, mixture.source, mixture.clause, is_verified=mixture.status == "verified")
        yield from (f"{mixture.id}: {problem}" for problem in [*problems, *(f"'{agent}' is no CAS number" for agent in mixture.agents if not is_cas(agent))])
    for rule in profile.extended_shifts:
        problems = _source_problems(profile, rule.source, rule.clause, is_verified=rule.status == "verified")
        yield from (f"{rule.id}: {problem}" for problem in [*problems, *(f"'{agent}' is no CAS number" for agent in rule.agents if not is_cas(agent))])
        if profile.law:
            yield f"{rule.id}: shifts are extended by good practice, never by law"
    for duty in profile.general_duties:
        yield from (f"general duty: {problem}" for problem in _source_problems(profile, duty.source, duty.clause, is_verified=duty.status == "verified"))
    for guidance in profile.guidance:
        yield from (f"guidance {guidance.order}: {problem}" for problem in _source_problems(profile, guidance.source, guidance.clause, is_verified=False))
    groups = [*(duty.agents for duty in profile.general_duties), *(entry.agents for entry in profile.not_covered), *(guidance.agents for guidance in profile.guidance)]
    named = [agent for agents in groups for agent in agents]
    yield from (f"'{agent}' is neither heat, noise nor a CAS number" for agent in dict.fromkeys(named) if not is_agent(agent))
    yield from (f"not_covered: no reason for {', '.join(entry.agents)}" for entry in profile.not_covered if not entry.reason)
    left_out = {agent for entry in profile.not_covered for agent in entry.agents}
    yield from (f"{limit.id}: has a limit and stands under not_covered" for limit in profile.limits if limit.agent in left_out)


def _coverage(profile: Profile) -> Iterator[str]:
    spoken = {agent for limit in profile.limits for agent in (limit.agent, *limit.members)}
    spoken |= {agent for duty in profile.general_duties for agent in duty.agents} | {agent for entry in profile.not_covered for agent in entry.agents}
    missing = [f"{name} ({agent})" for agent, name in AGENTS.items() if agent not in spoken]
    if missing:
        yield f"no limit, no general duty and no reason under not_covered: {', '.join(missing)}"
