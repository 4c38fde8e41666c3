"""The policies in force, site by site: the master table with what each site changed of it, followed as it changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Engine

from alerts.policy import Policy, load_policy
from alerts.policy.site import InForce, SitePolicy, Version, check_site_policy, in_force
from domain.agreements import Side, Signature
from domain.clock import Clock
from domain.errors import BadInput, NotFound
from domain.times import SECOND_US, to_rfc3339
from storage.records.alarm_policies import AlarmPoliciesRepository, PolicyRow

LOOK_US = 5 * SECOND_US
"""Of the clock's own time: a changed policy acts within seconds."""


@dataclass(slots=True)
class _Held:
    last_id: int = -1
    looked_us: int = 0
    until_us: int = 0  # when a policy that was entered ahead begins
    by_site: dict[str, InForce] = field(default_factory=dict)


@dataclass(frozen=True)
class SitePolicies(Policy):
    """A policy that knows its sites. Call `refresh` now and then."""

    engine: Engine
    held: _Held = field(default_factory=_Held)

    def for_site(self, site: str) -> Policy:
        known = self.held.by_site.get(site)
        return known.policy if known else Policy(self.file)

    def refresh(self, now_us: int) -> None:
        """Quick where nothing changed; raises `NotReady` when the database does not answer."""
        held = self.held
        if 0 <= now_us - held.looked_us < LOOK_US and held.last_id >= 0:
            return
        held.looked_us = now_us
        last_id = AlarmPoliciesRepository(self.engine).last_id()
        if last_id == held.last_id and now_us < held.until_us:
            return
        base, found, ahead = Policy(self.file), {}, []
        for site in AlarmPoliciesRepository(self.engine).sites():
            versions = versions_of(self.engine, site)
            found[site] = in_force(base, versions, now_us)
            ahead += [version.valid_from_us for version in versions if version.valid_from_us > now_us]
        held.by_site, held.last_id, held.until_us = found, last_id, min(ahead, default=2**62)


def site_policies(engine: Engine, base: Policy | None = None) -> SitePolicies:
    return SitePolicies((base or load_policy()).file, engine)


def versions_of(engine: Engine, site: str) -> list[Version]:
    """Every policy that was entered for a site, with its signatures so far."""
    return [msgspec.json.decode(row.body, type=Version) for row in AlarmPoliciesRepository(engine).of_site(site)]


def enter(engine: Engine, clock: Clock, site: str, policy: SitePolicy, *, valid_from_us: int, by: str, side: Side | None, base: Policy | None = None) -> Version:
    """A new policy as a whole; who enters it signs it where they are of a side. Raises `BadInput` for what no site may agree to."""
    check_site_policy(base or load_policy(), policy)
    if not policy.reason.strip():
        raise BadInput("is empty", field="reason", remedy="say in a sentence why")
    now_us = clock.now_us()
    signatures = [Signature(side=side, agree=True, by=by, at=to_rfc3339(now_us), text=policy.reason)] if side else []
    id = f"policy-{hashlib.sha256(msgspec.json.encode([site, now_us, by, policy])).hexdigest()[:16]}"
    version = Version(id=id, site=site, valid_from_us=valid_from_us, recorded_us=now_us, author=by, reason=policy.reason, policy=policy, signatures=signatures)
    _add(engine, version)
    return version


def sign(engine: Engine, clock: Clock, site: str, policy_id: str, *, side: Side, agree: bool, by: str, text: str = "") -> Version:
    """One side's word; the latest of a side counts."""
    found = next((version for version in versions_of(engine, site) if version.id == policy_id), None)
    if found is None:
        raise NotFound(f"no alarm policy '{policy_id}' of this site")
    signature = Signature(side=side, agree=agree, by=by, at=to_rfc3339(clock.now_us()), text=text)
    signed = msgspec.structs.replace(found, signatures=[*found.signatures, signature])
    _add(engine, signed)
    return signed


def _add(engine: Engine, version: Version) -> None:
    body = msgspec.json.encode(version)
    row = PolicyRow(
        site=version.site, policy=version.id, valid_from_us=version.valid_from_us, recorded_us=version.recorded_us, author=version.author, reason=version.reason, body=body
    )
    AlarmPoliciesRepository(engine).add(row)
