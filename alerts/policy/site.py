"""A site's own alarm policy: dated changes to the master table. What makes anything less strict needs both sides; until then the stricter of both acts, and it is contested."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from alerts.policy.table import AlarmRow, Level, Paging, Policy, PolicyFile, Seconds
from domain.agreements import Signature, both_agree
from domain.errors import BadInput
from domain.hazards import Severity
from domain.scope import Role
from domain.yamltext import line_of, parse_yaml

LONGEST_ON_S = {Severity.NOTICE: 3600.0, Severity.ACTION: 900.0, Severity.STOP: 0.0}
"""Stop level never waits; an action waits at most a quarter of an hour."""
LONGEST_RESPONSE_MIN = {Severity.ACTION: 480, Severity.STOP: 15}
ALWAYS_AT_STOP = (Role.OFFICER, Role.WORKER_REPRESENTATIVE)
"""Contract 3.3 and acceptance B: stop level reaches the worker side when it is raised."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")


class LevelChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What differs from the table at one severity; what is left out stays."""

    on_delay_s: Seconds | None = None
    off_delay_s: Seconds | None = None
    deadband: Annotated[float, Meta(ge=0, le=100)] | None = None
    deadband_share: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    margin: Annotated[float, Meta(ge=0, le=100)] | None = None
    margin_share: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    latching: bool | None = None
    respond_within_min: Annotated[int, Meta(gt=0)] | None = None
    responses: dict[str, Annotated[str, Meta(min_length=1, max_length=2000)]] | None = None


class PagingChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    action: list[Role] | None = None
    stop: list[Role] | None = None
    overdue: list[Role] | None = None


class SitePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file: alarm type → severity → changes, and who is called."""

    valid_from: str = ""  # a date (00:00 local) or a time; absent: now
    reason: str = ""
    paging: PagingChange = PagingChange()
    alarms: dict[str, dict[Severity, LevelChange]] = {}


class Version(Struct, frozen=True, kw_only=True):
    """One entry of a site's policy, with the word of each side so far."""

    id: str
    site: str
    valid_from_us: int
    recorded_us: int
    author: str
    reason: str
    policy: SitePolicy
    signatures: list[Signature] = []


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What holds: the policy, the version it comes from, and what waits for a side."""

    policy: Policy
    version: Version | None = None
    waiting: Version | None = None
    less_strict: Sequence[str] = ()  # fields in which the one that waits is less strict

    @property
    def contested(self) -> bool:
        return self.waiting is not None


def parse_site_policy(text: str, base: Policy, *, source: str) -> SitePolicy:
    """Raises `BadInput` with file, line and field."""
    policy = parse_yaml(text, SitePolicy, source=source)
    for path, message, remedy in problems(base, policy):
        raise BadInput(message, source=source, line=line_of(text, *path), field=".".join(map(str, path)), remedy=remedy)
    return policy


def check_site_policy(base: Policy, policy: SitePolicy) -> None:
    for path, message, remedy in problems(base, policy):
        raise BadInput(message, field=".".join(map(str, path)), remedy=remedy)


def problems(base: Policy, policy: SitePolicy) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What no site may agree to, whoever signs: (where, what, remedy)."""
    for type, levels in policy.alarms.items():
        row = base.rows.get(type)
        if row is None:
            yield ("alarms", type), f"no alarm type '{type}'", "the types are those of the master alarm table"
            continue
        for severity, change in levels.items():
            where = ("alarms", type, severity.value)
            if severity not in row.levels:
                yield where, f"'{type}' has no level {severity.value}", "it has " + ", ".join(level.value for level in row.levels)
            elif (change.on_delay_s or 0) > LONGEST_ON_S[severity]:
                yield (*where, "on_delay_s"), "waits too long", f"at most {LONGEST_ON_S[severity]:g} s at this severity"
            elif change.respond_within_min is not None and change.respond_within_min > LONGEST_RESPONSE_MIN.get(severity, 0):
                yield (*where, "respond_within_min"), "leaves too much time", f"at most {LONGEST_RESPONSE_MIN.get(severity, 0)} minutes at this severity"
            for language in change.responses or {}:
                if not _LANGUAGE.fullmatch(language):
                    yield (*where, "responses"), f"'{language}' is no language", "write vi, km, bn or en"
    for name in ("action", "stop", "overdue"):
        if getattr(policy.paging, name) == []:
            yield ("paging", name), "calls nobody", "name at least one role"
    missing = [role.value for role in ALWAYS_AT_STOP if policy.paging.stop is not None and role not in policy.paging.stop]
    if missing:
        yield ("paging", "stop"), f"leaves out {missing[0]}", "stop level reaches the officer and the worker side when it is raised"


def in_force(base: Policy, versions: Sequence[Version], at_us: int) -> InForce:
    """By the entries of one site, in the order they were recorded; each is a whole policy, not a change to the one before."""
    state = InForce(policy=base)
    for version in sorted((one for one in versions if one.valid_from_us <= at_us), key=lambda one: (one.recorded_us, one.id)):
        proposed = applied(base, version.policy)
        less = less_strict(state.policy, proposed)
        if not less or both_agree(version.signatures):
            state = InForce(policy=proposed, version=version)
        else:
            state = InForce(policy=stricter(state.policy, proposed), version=state.version, waiting=version, less_strict=less)
    return state


def applied(base: Policy, changes: SitePolicy) -> Policy:
    """The table with these changes."""
    rows = [
        _row_with(row, {severity: _changed(row.levels[severity], change) for severity, change in changes.alarms.get(row.type, {}).items() if severity in row.levels})
        for row in base.file.alarms
    ]
    return _policy(base.file, rows, _changed(base.paging, changes.paging))


def less_strict(old: Policy, new: Policy) -> list[str]:
    """Fields in which the new one protects less, such as `heat.action.on_delay_s`."""
    found = []
    for row in old.file.alarms:
        for severity, level in row.levels.items():
            other = new.rows[row.type].levels[severity]
            found += [f"{row.type}.{severity.value}.{name}" for name, is_less in _LESS_STRICT.items() if is_less(getattr(level, name), getattr(other, name))]
    return found + [f"paging.{name}" for name in _PAGING if set(getattr(old.paging, name)) - set(getattr(new.paging, name))]


def stricter(one: Policy, other: Policy) -> Policy:
    """Field by field the stricter of both."""
    rows = [_row_with(row, {severity: _stricter_level(level, other.rows[row.type].levels[severity]) for severity, level in row.levels.items()}) for row in one.file.alarms]
    called = {name: list(dict.fromkeys([*getattr(one.paging, name), *getattr(other.paging, name)])) for name in _PAGING}
    return _policy(one.file, rows, Paging(**called))


def _stricter_level(one: Level, other: Level) -> Level:
    values = {name: getattr(other, name) for name, is_less in _LESS_STRICT.items() if not is_less(getattr(one, name), getattr(other, name))}
    return msgspec.structs.replace(one, **values)


def _later(old: float | None, new: float | None) -> bool:
    return new is not None and old is not None and new > old


def _smaller(old: float, new: float) -> bool:
    return new < old


_LESS_STRICT: Mapping[str, Callable[[Any, Any], bool]] = {
    "on_delay_s": _later,
    "off_delay_s": _smaller,  # it would be over sooner
    "deadband": _smaller,
    "deadband_share": _smaller,
    "margin": _smaller,
    "margin_share": _smaller,
    "latching": lambda old, new: old and not new,
    "respond_within_min": _later,
    "responses": lambda old, new: old != new,  # words cannot be weighed by a program
}
_PAGING = ("action", "stop", "overdue")


def _changed(base: Any, change: LevelChange | PagingChange) -> Any:
    return msgspec.structs.replace(base, **{name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not None})


def _row_with(row: AlarmRow, levels: Mapping[Severity, Level]) -> AlarmRow:
    return msgspec.structs.replace(row, levels={**row.levels, **levels}) if levels else row


def _policy(file: PolicyFile, rows: list[AlarmRow], paging: Paging) -> Policy:
    return Policy(msgspec.structs.replace(file, alarms=rows, paging=paging))
