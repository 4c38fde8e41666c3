"""The alarm policy of a site and the figures of its alarms, for REST and pages alike."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from alerts.kpi import Kpis
from alerts.policies import enter, sign, versions_of
from alerts.policy import Policy, load_policy
from alerts.policy.site import InForce, SitePolicy, Version, in_force
from console.context import House
from console.records.bodies import text
from console.records.dates import moment, valid_from
from console.records.shapes import AgreeBody
from console.records.zones import own_side
from console.security import Caller
from domain.agreements import SIDES, Side, Signature, sides_that
from domain.errors import BadInput, NotFound
from domain.registry import Snapshot
from domain.scope import Role, Scope
from domain.shifts import shifts_between
from domain.times import DAY_US, to_rfc3339

LONGEST_US = 400 * DAY_US
DEFAULT_US = 28 * DAY_US


class LevelJson(msgspec.Struct, frozen=True, kw_only=True):
    """How one severity of one alarm behaves at this site; `begins` are what its windows are held against beyond the limit itself."""

    type: str
    severity: str
    on_delay_s: float
    off_delay_s: float
    deadband: float
    deadband_share: float
    margin: float
    margin_share: float
    latching: bool
    respond_within_min: int | None
    response: str
    responses: dict[str, str]


class PolicyVersionJson(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: what it changes of the master table, and who agreed."""

    id: str
    valid_from: str
    recorded_at: str
    author: str
    reason: str
    policy: SitePolicy
    signatures: list[Signature]
    agreed_by: list[Side]
    waiting_for: list[Side]


class PolicyJson(msgspec.Struct, frozen=True, kw_only=True):
    """`contested`: the stricter of what is in force and of what waits acts."""

    site: str
    contested: bool
    less_strict: list[str]
    in_force: PolicyVersionJson | None
    waiting: PolicyVersionJson | None
    paging: dict[str, list[Role]]
    levels: list[LevelJson]


def held_policy(house: House, scope: Scope, site: str) -> InForce:
    house.sources.site(scope, site)
    return in_force(load_policy(), versions_of(house.context.engine, site), house.context.clock.now_us())


def policy_json(house: House, scope: Scope, site: str) -> PolicyJson:
    held = held_policy(house, scope, site)
    paging = held.policy.paging
    return PolicyJson(
        site=site,
        contested=held.contested,
        less_strict=list(held.less_strict),
        in_force=_version(held.version) if held.version else None,
        waiting=_version(held.waiting) if held.waiting else None,
        paging={"action": paging.action, "stop": paging.stop, "overdue": paging.overdue},
        levels=levels_of(held.policy),
    )


def put_policy(house: House, caller: Caller, site: str, body: SitePolicy) -> PolicyJson:
    """A policy as a whole; what makes it less strict waits for both sides, and the caller signs for their own."""
    house.sources.site(caller.scope, site)
    from_us = valid_from(body.valid_from or None, house.sources.timezone(site).key, house.context.clock.now_us())
    text(body.reason, "reason")
    side = next((one for one in SIDES if one == caller.user.role.side), None)
    version = enter(house.context.engine, house.context.clock, site, body, valid_from_us=from_us, by=caller.user.name, side=side)
    house.people.record(caller.user.name, "alarm policy entered", version.id, site)
    return policy_json(house, caller.scope, site)


def sign_policy(house: House, caller: Caller, site: str, body: AgreeBody) -> PolicyJson:
    """The caller's own side's word on what waits, or on what is in force."""
    side, held = own_side(caller, body.side), held_policy(house, caller.scope, site)
    version = held.waiting or held.version
    if version is None:
        raise NotFound("no alarm policy was entered for this site: the master table holds")
    sign(house.context.engine, house.context.clock, site, version.id, side=side, agree=body.agree, by=caller.user.name, text=text(body.text, "text"))
    house.people.record(caller.user.name, "alarm policy agreed" if body.agree else "alarm policy not agreed", version.id, site)
    return policy_json(house, caller.scope, site)


def kpis_of(house: House, scope: Scope, site: str, start_us: int | None, stop_us: int | None) -> Kpis:
    """The last four weeks where nothing is said."""
    house.sources.site(scope, site)
    now_us = house.context.clock.now_us()
    stop_us = now_us if stop_us is None else stop_us
    start_us = (stop_us - DEFAULT_US) // DAY_US * DAY_US if start_us is None else start_us
    if not 0 < stop_us - start_us <= LONGEST_US:
        raise BadInput("is not a period of up to 400 days", field="to", remedy="give from and to, the later one second")
    return house.stores.kpis.kpis(site, start_us, stop_us, officer_shifts(house.sources.snapshot(), site, start_us, min(stop_us, now_us)))


def officer_shifts(held: Snapshot, site: str, start_us: int, stop_us: int) -> list[tuple[int, int]]:
    """Those of the site's plan that lie in the period as a whole."""
    found = shifts_between(held.shifts.get(site, []), held.timezone(site), start_us, stop_us)
    return [(shift.start_us, shift.stop_us) for shift in found if shift.start_us >= start_us and shift.stop_us <= stop_us]


def levels_of(policy: Policy) -> list[LevelJson]:
    return [
        LevelJson(
            type=row.type,
            severity=severity.value,
            on_delay_s=level.on_delay_s,
            off_delay_s=level.off_delay_s,
            deadband=level.deadband,
            deadband_share=level.deadband_share,
            margin=level.margin,
            margin_share=level.margin_share,
            latching=level.latching,
            respond_within_min=level.respond_within_min,
            response=level.response,
            responses=level.responses,
        )
        for row in policy.file.alarms
        for severity, level in row.levels.items()
    ]


def day_start(day: str, zone: ZoneInfo, field: str) -> int | None:
    """00:00 of a date in the site's own time; None for nothing."""
    return moment(day, zone.key, field) if day.strip() else None


def _version(version: Version) -> PolicyVersionJson:
    agreed = sides_that(version.signatures, agree=True)
    return PolicyVersionJson(
        id=version.id,
        valid_from=to_rfc3339(version.valid_from_us),
        recorded_at=to_rfc3339(version.recorded_us),
        author=version.author,
        reason=version.reason,
        policy=version.policy,
        signatures=version.signatures,
        agreed_by=agreed,
        waiting_for=[side for side in SIDES if side not in agreed],
    )
