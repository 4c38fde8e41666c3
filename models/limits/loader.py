"""Reading limit profiles, and asking what is in force on a day and where it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from domain.errors import BadInput, NotFound
from domain.yamltext import parse_yaml
from models.limits.agents import is_agent
from models.limits.check import RECONCILES_WITHIN, problems_of
from models.limits.profile import GeneralDuty, Limit, Mixture, Profile, Status

__all__ = ["RECONCILES_WITHIN", "Written", "check", "duties", "in_force", "limit_refs", "list_profiles", "load_profile", "load_profiles", "show", "show_written", "where_written"]


def load_profile(path: Path) -> Profile:
    """One file; raises `BadInput` with file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", source=str(path), remedy="name a limit profile") from None
    return parse_yaml(text, Profile, source=str(path))


@cache
def load_profiles() -> Mapping[str, Profile]:
    """The profiles of this installation, by id; each is read when it is asked for."""
    return _Shipped()


def in_force(profile: Profile, agent: str, day: date, metric: str | None = None, averaging: str | None = None) -> list[Limit]:
    """The limits for an agent ("heat", "noise", a CAS number, a dust) that hold on a day, in the profile's order."""
    found = (limit for limit in profile.limits if limit.is_for(agent) and limit.holds_on(day))
    return [limit for limit in found if metric in (None, limit.metric) and averaging in (None, limit.averaging)]


def duties(profile: Profile, agent: str) -> list[GeneralDuty]:
    """General duties for an agent."""
    return [duty for duty in profile.general_duties if agent in duty.agents]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What holds for an agent, and where it can be read: a limit, or a duty without a number."""

    profile: str
    entry: Limit | GeneralDuty
    title: str
    edition: str
    clause: str
    seen: str
    status: Status

    @property
    def number(self) -> str:
        """As a person reads it; "" for a duty without one."""
        return _number(self.entry) if isinstance(self.entry, Limit) else ""


def where_written(profile: Profile, agent: str, day: date, metric: str | None = None, averaging: str | None = None) -> list[Written]:
    """Which limit for this agent and averaging was in force on that day, and where it stands; the general duties where there is none."""
    found: list[Limit] | list[GeneralDuty] = in_force(profile, agent, day, metric, averaging) or duties(profile, agent)
    sources = profile.sources
    return [
        Written(
            profile=profile.id,
            entry=entry,
            title=sources[entry.source].title,
            edition=sources[entry.source].edition,
            clause=entry.clause,
            seen=sources[entry.source].seen,
            status=entry.status,
        )
        for entry in found
    ]


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
    """One line an entry, for `oshwatch limits show`; raises `NotFound`."""
    profile = _known(id)
    return [
        profile.name,
        *([profile.notice] if profile.notice else []),
        *(_line(profile, limit) for limit in profile.limits),
        *(_mixture_line(profile, mixture) for mixture in profile.mixtures),
        *(
            f"{rule.id}  {rule.rule.replace('_', ' ')} for shifts of more than 8 h: {', '.join(rule.agents)}; {rule.status}; {profile.clause_of(rule)}"
            for rule in profile.extended_shifts
        ),
        *(_duty_line(profile, duty) for duty in profile.general_duties),
        *(f"{one.order}. {one.control.replace('_', ' ')}: {one.text} {profile.clause_of(one)}" for one in profile.guidance),
        *(f"not covered: {', '.join(entry.agents)}: {entry.reason}" for entry in profile.not_covered),
        *(f"to be confirmed by {profile.authority}: {question}" for question in profile.confirm),
    ]


def show_written(id: str, agent: str, day: date) -> list[str]:
    """What was in force for an agent on a day, and where it can be read, for `oshwatch limits show --agent`; raises `NotFound`."""
    profile = _known(id)
    if not is_agent(agent):
        raise NotFound(f"'{agent}' is neither heat, noise nor a CAS number")
    found = where_written(profile, agent, day)
    lines = [f"{_line(profile, one.entry) if isinstance(one.entry, Limit) else _duty_line(profile, one.entry)}; {_seen(one)}" for one in found]
    reasons = [f"not covered: {entry.reason}" for entry in profile.not_covered if agent in entry.agents]
    return lines or reasons or [f"nothing in force for {agent} on {day}"]


def check(profiles: Mapping[str, Profile] | None = None) -> list[str]:
    """What is wrong, one sentence each; empty when all is well. For `oshwatch limits check`."""
    found = load_profiles() if profiles is None else profiles
    return [f"{profile.id}: {problem}" for profile in found.values() for problem in problems_of(profile)]


def _mixture_line(profile: Profile, mixture: Mixture) -> str:
    agents = ", ".join(mixture.agents) or "every substance with such a limit"
    return f"{mixture.id}  {mixture.name}: shares of the {mixture.metric} limits add up to 1 at most: {agents}; {mixture.status}; {profile.clause_of(mixture)}"


class _Shipped(Mapping[str, Profile]):
    """Reading all of them takes a second, and a site adopts few."""

    def __init__(self) -> None:
        files = resources.files("models.limits").iterdir()
        self._files = {item.name.removesuffix(".yaml"): item for item in sorted(files, key=lambda item: item.name) if item.name.endswith(".yaml")}
        self._read: dict[str, Profile] = {}

    def __getitem__(self, id: str) -> Profile:
        if id not in self._read:
            file = self._files[id]
            self._read[id] = parse_yaml(file.read_text(encoding="utf-8"), Profile, source=file.name)
        return self._read[id]

    def __contains__(self, id: object) -> bool:
        return id in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _known(id: str) -> Profile:
    profile = load_profiles().get(id)
    if profile is None:
        raise NotFound(f"no limit profile '{id}': one of {', '.join(load_profiles())}")
    return profile


def _seen(written: Written) -> str:
    return f"seen: {written.seen}" if written.seen else "the text was not seen"


def _number(limit: Limit) -> str:
    if limit.table is not None:
        return f"table of {len(limit.table.shares)} by {len(limit.table.classes)}"
    if limit.formula is not None:
        return limit.formula
    low = "" if limit.lowest is None else f"{limit.lowest:g} to " if limit.value is not None else f"at least {limit.lowest:g}"
    over = "" if limit.over_ppm is None else f" over {limit.over_ppm:g} ppm"
    return f"{low}{'' if limit.value is None else f'{limit.value:g}'} {limit.unit}{over}"


def _line(profile: Profile, limit: Limit) -> str:
    pair = f" ({limit.value_mg_m3:g} mg/m3)" if limit.value_mg_m3 is not None else ""
    what = "".join(f", {part}" for part in (limit.fraction or "", f"as {limit.measured_as}" if limit.measured_as else "", limit.applies_to) if part)
    until = f" until {limit.valid_until}" if limit.valid_until else ""
    return (
        f"{limit.id}  {limit.name}{what}: {limit.metric} {_number(limit)}{pair}, {limit.averaging_text}, from {limit.valid_from}{until}; {limit.status}; {profile.clause_of(limit)}"
    )


def _duty_line(profile: Profile, duty: GeneralDuty) -> str:
    number = "no number" if duty.number == "none" else "number not known here"
    return f"general duty, {number}: {', '.join(duty.agents)}: {duty.duty} {duty.status}; {profile.clause_of(duty)}"
