"""What raises an alarm at a site, who agreed to it, and how well alarming works there."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from alerts.kpi import Figure, OfRole
from alerts.policy.site import SitePolicy
from console import params
from console.alarms import PolicyJson, kpis_of, policy_json, put_policy, sign_policy
from console.api.answers import answer, answers, body_of
from console.context import house_of
from console.records.bodies import Body, decoded
from console.records.shapes import AgreeBody
from console.security import Planning, Reader, Signing
from domain.times import to_rfc3339

router = APIRouter(tags=["alarms"])


class NuisanceJson(msgspec.Struct, frozen=True, kw_only=True):
    zone: str
    type: str
    kind: str
    count: int


class KpisJson(msgspec.Struct, frozen=True, kw_only=True):
    """Figures with their definitions and targets; roles with fewer than five acknowledgements are not told apart from nobody."""

    site: str
    start: str
    stop: str
    figures: list[Figure]
    roles: list[OfRole]
    types: dict[str, int]
    severities: dict[str, int]
    nuisances: list[NuisanceJson]


@router.get("/sites/{site}/alarm-policy", responses=answers(PolicyJson))
def alarm_policy(request: Request, site: str, caller: Reader) -> Response:
    """What holds now, what waits for a side, and in which fields that is less strict."""
    return answer(policy_json(house_of(request), caller.scope, site))


@router.put("/sites/{site}/alarm-policy", responses=answers(PolicyJson), openapi_extra=body_of(SitePolicy))
def enter_alarm_policy(request: Request, site: str, caller: Planning, body: Body) -> Response:
    """A policy as a whole. Stricter: from its date on; less strict: when both sides have signed, until then the stricter of both acts."""
    return answer(put_policy(house_of(request), caller, site, decoded(body, SitePolicy)))


@router.post("/sites/{site}/alarm-policy/sign", responses=answers(PolicyJson), openapi_extra=body_of(AgreeBody))
def sign_alarm_policy(request: Request, site: str, caller: Signing, body: Body) -> Response:
    """The caller's own side agrees, or does not, to the policy that waits."""
    return answer(sign_policy(house_of(request), caller, site, decoded(body, AgreeBody)))


@router.get("/sites/{site}/alarm-kpis", responses=answers(KpisJson))
def alarm_kpis(
    request: Request,
    site: str,
    caller: Reader,
    start: Annotated[str | None, Query(alias="from", description="inclusive; the last four weeks where nothing is said")] = None,
    stop: Annotated[str | None, Query(alias="to", description="exclusive; at most 400 days later")] = None,
) -> Response:
    """Figures of ISA-18.2 and EEMUA 191 over the alarms of a period: by role, never by person."""
    start_us = params.instant(start, "from", 0) if start else None
    stop_us = params.instant(stop, "to", 0) if stop else None
    found = kpis_of(house_of(request), caller.scope, site, start_us, stop_us)
    return answer(
        KpisJson(
            site=site,
            start=to_rfc3339(found.start_us),
            stop=to_rfc3339(found.stop_us),
            figures=found.figures,
            roles=found.roles,
            types=found.types,
            severities=found.severities,
            nuisances=[NuisanceJson(zone=one.zone, type=one.type, kind=one.kind, count=one.count) for one in found.nuisances],
        )
    )
