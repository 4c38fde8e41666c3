"""The master alarm table, a site's own policy, and how well alarming works: read by everybody, changed by those whose part it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.kpi import Figure, Kpis
from alerts.policy import AlarmRow, Level, Policy, load_policy
from alerts.policy.site import Version, parse_site_policy
from alerts.state import TRANSITIONS
from console.alarms import day_start, held_policy, kpis_of, put_policy, sign_policy
from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import DASH, Formats
from console.i18n import N_
from console.pages.records import SIDES
from console.records.bodies import Fields, filled
from console.records.shapes import AgreeBody
from console.security import Caller, Permission, Planning, Reader, Signing
from console.words import ROLES, SEVERITY, STEPS, Mark
from domain.agreements import SIDES as BOTH
from domain.agreements import Signature, sides_that
from domain.errors import BadInput
from domain.hazards import Severity
from domain.times import parse_instant

router = APIRouter(include_in_schema=False)

CALLED = {"action": N_("called at action level"), "stop": N_("called at stop level"), "overdue": N_("called when nobody confirmed in time")}
KINDS = {"frequent": N_("makes most of the load"), "chattering": N_("comes and goes"), "standing": N_("stands"), "stale": N_("stands for more than a day")}
EXAMPLE = "# what differs from the master alarm table; the rest stays\nalarms:\n  heat:\n    action: {margin: 0.5, respond_within_min: 20}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    mark: Mark
    kind: str
    set_point: str
    response: str
    respond: str
    delays: str
    latching: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    type: str
    title: str
    class_name: str
    priority: str
    cause: str
    consequence: str
    who: str
    review_by: str
    levels: list[LevelView]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    since: str
    author: str
    reason: str
    text: str
    signatures: list[str]
    waiting_for: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    name: str
    value: str
    target: str
    definition: str
    kind: str


@router.get("/alarms")
def table_page(request: Request, caller: Reader) -> HTMLResponse:
    """Every alarm there can be: why, what it does to people, who acts, how soon, and on what basis it begins."""
    house = house_of(request)
    formats, policy = house.renderer.formats(request, caller.user), load_policy()
    return _page(
        request,
        house,
        "alarms.html",
        caller,
        rows=rows_of(policy, formats),
        sites=house.sources.sites(caller.scope),
        paging=_paging(policy),
        transitions=[(STEPS.get(kind.value, kind.value), [ROLES[role.value] for role in rule.roles], rule.at_stop, rule.needs_text) for kind, rule in TRANSITIONS.items()],
    )


@router.get("/sites/{site}/alarm-policy")
def policy_page(request: Request, site: str, caller: Reader) -> HTMLResponse:
    return _policy_page(request, site, caller)


@router.post("/sites/{site}/alarm-policy")
def enter_policy(request: Request, site: str, caller: Planning, fields: Fields) -> Response:
    """The policy is a small YAML text; what is wrong in it is said with its line."""
    house = house_of(request)
    text = fields.get("policy", "")
    try:
        policy = parse_site_policy(text, load_policy(), source="policy")
        wanted = msgspec.structs.replace(policy, reason=fields.get("reason", "") or policy.reason, valid_from=fields.get("valid_from", "") or policy.valid_from)
        put_policy(house, caller, site, wanted)
    except BadInput as error:
        return _policy_page(request, site, caller, problem=str(error), draft=text)
    return RedirectResponse(f"/sites/{site}/alarm-policy", 303)


@router.post("/sites/{site}/alarm-policy/sign")
def sign(request: Request, site: str, caller: Signing, fields: Fields) -> Response:
    sign_policy(house_of(request), caller, site, filled(fields, AgreeBody))
    return RedirectResponse(f"/sites/{site}/alarm-policy", 303)


@router.get("/sites/{site}/alarm-kpis")
def kpi_page(
    request: Request,
    site: str,
    caller: Reader,
    start: Annotated[str, Query(alias="from", max_length=32)] = "",
    stop: Annotated[str, Query(alias="to", max_length=32)] = "",
) -> HTMLResponse:
    house = house_of(request)
    spec, zone = house.sources.site(caller.scope, site), house.sources.timezone(site)
    formats = house.renderer.formats(request, caller.user)
    found = kpis_of(house, caller.scope, site, day_start(start, zone, "from"), day_start(stop, zone, "to"))
    titles = {row.type: row.title for row in house.stores.policy_of(site).file.alarms}
    zones = {one.id: one.spec.name for one in house.sources.zones(caller.scope, site)}
    return _page(
        request,
        house,
        "kpis.html",
        caller,
        site=spec,
        figures=[_figure(figure, formats) for figure in found.figures],
        roles=[(ROLES.get(one.role, one.role), one) for one in found.roles],
        types=[(titles.get(type, type), count) for type, count in found.types.items()],
        severities=[(SEVERITY[severity], severity, found.severities.get(severity, 0)) for severity in ("stop", "action")],
        nuisances=[(zones.get(one.zone, one.zone) or DASH, titles.get(one.type, one.type), KINDS[one.kind], one.count) for one in found.nuisances],
        period=_period(found, formats, zone),
        start=start,
        stop=stop,
    )


def rows_of(policy: Policy, formats: Formats) -> list[RowView]:
    return [_row(row, policy, formats) for row in policy.file.alarms]


def _row(row: AlarmRow, policy: Policy, formats: Formats) -> RowView:
    kind = policy.file.classes[row.class_]
    return RowView(
        type=row.type,
        title=row.title,
        class_name=kind.name,
        priority=kind.priority,
        cause=row.cause,
        consequence=row.consequence,
        who=row.who,
        review_by=row.review_by,
        levels=[_level(severity, level, formats) for severity, level in row.levels.items()],
    )


def _level(severity: Severity, level: Level, formats: Formats) -> LevelView:
    delays = [f"{formats.number(value, 0)} s" for value in (level.on_delay_s, level.off_delay_s)]
    return LevelView(
        mark=SEVERITY[severity.value],
        kind=severity.value,
        set_point=level.set_point,
        response=level.say(formats.catalogue.tag),
        respond="" if level.respond_within_min is None else f"{level.respond_within_min} min",
        delays=" / ".join(delays),
        latching=level.latching,
    )


def _policy_page(request: Request, site: str, caller: Caller, *, problem: str = "", draft: str = "") -> HTMLResponse:
    house = house_of(request)
    held, spec = held_policy(house, caller.scope, site), house.sources.site(caller.scope, site)
    formats, zone = house.renderer.formats(request, caller.user), house.sources.timezone(site)
    shown = held.waiting or held.version
    changed = {type for version in (held.version, held.waiting) if version for type in version.policy.alarms}
    return _page(
        request,
        house,
        "alarm_policy.html",
        caller,
        status=422 if problem else 200,
        problem=problem,
        site=spec,
        held=_version(held.version, formats, zone) if held.version else None,
        waiting=_version(held.waiting, formats, zone) if held.waiting else None,
        less_strict=list(held.less_strict),
        rows=[row for row in rows_of(held.policy, formats) if row.type in changed],
        paging=_paging(held.policy),
        draft=draft or (yaml_of(shown) if shown else EXAMPLE),
        may_plan=caller.may(Permission.PLAN),
        may_sign=caller.may(Permission.SIGN) and shown is not None and caller.user.role.side not in sides_that(shown.signatures, agree=True),
    )


def yaml_of(version: Version) -> str:
    """The policy as somebody would write it; date and reason have fields of their own."""
    changes = msgspec.to_builtins(msgspec.structs.replace(version.policy, valid_from="", reason=""))
    return str(yaml.safe_dump(changes, sort_keys=False, allow_unicode=True, width=100))


def _version(version: Version, formats: Formats, zone: ZoneInfo) -> VersionView:
    agreed = sides_that(version.signatures, agree=True)
    return VersionView(
        since=formats.moment(version.valid_from_us, zone),
        author=version.author,
        reason=version.reason,
        text=yaml_of(version),
        signatures=[_signature(one, formats, zone) for one in version.signatures],
        waiting_for=[SIDES[side] for side in BOTH if side not in agreed],
    )


def _signature(one: Signature, formats: Formats, zone: ZoneInfo) -> str:
    said = f": {one.text}" if one.text else ""
    return f"{'✓' if one.agree else '✗'} {formats.catalogue.gettext(SIDES[one.side])}, {one.by}, {formats.moment(parse_instant(one.at), zone)}{said}"


def _paging(policy: Policy) -> list[tuple[str, list[str]]]:
    return [(word, [ROLES[role.value] for role in getattr(policy.paging, name)]) for name, word in CALLED.items()]


def _figure(figure: Figure, formats: Formats) -> FigureView:
    decimals = 0 if figure.unit == "1" else 1
    unit = {"1": "", "%": "\u00a0%", "1/h": "/h"}[figure.unit]
    value = DASH if figure.value is None else formats.number(figure.value, decimals) + unit
    kind = {True: "within", False: "action", None: ""}[figure.kept]
    return FigureView(name=figure.name, value=value, target=figure.target, definition=figure.definition, kind=kind)


def _period(found: Kpis, formats: Formats, zone: ZoneInfo) -> str:
    return f"{formats.moment(found.start_us, zone)} – {formats.moment(found.stop_us, zone)}"


def _page(request: Request, house: House, template: str, caller: Caller, *, status: int = 200, **values: object) -> HTMLResponse:
    waiting = unacknowledged(house.open_alerts(caller.scope))
    return house.renderer.page(request, template, caller, status=status, section="alerts", unacknowledged=waiting, **values)
