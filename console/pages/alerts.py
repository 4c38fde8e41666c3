"""Alerts as people read them: the list, one alert with its journal, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.state import Alert
from alerts.suspicions import TYPE, settled
from console.context import House, house_of
from console.floors import unacknowledged
from console.formats import Formats
from console.i18n import N_
from console.pages.event_trend import event_of, event_trend
from console.pages.journal import journal_lines
from console.params import one_of
from console.security import Caller, Permission, Reader, Responder
from console.suspicions import STANDS, evidence_words, judgements, said_of_replaced, suspects_of
from console.words import ALERT_STATES, ROLES, SEVERITY, Mark, sentence
from domain.hazards import Severity
from domain.scope import Role
from domain.times import to_rfc3339

router = APIRouter(include_in_schema=False)

SHOWN_MAX = 200
SHOW = ("open", "unacknowledged", "all")
OFFERS = {
    "acknowledge": (N_("Acknowledge"), N_("You have seen it and take care of it. The paging of your side stops.")),
    "comment": (N_("Comment"), N_("Anything that helps to understand it later.")),
    "confirm": (N_("Confirm the response"), N_("The response is done. Say what was done.")),
    "shelve": (N_("Shelve"), N_("Quiet for a while, with a reason that others read. It comes back by itself.")),
    "unshelve": (N_("End shelving"), N_("It calls again from now on.")),
    "reset": (N_("Reset"), N_("The condition is over and was looked at: close the alert.")),
    "out-of-service": (N_("Take out of service"), N_("The sensor is broken and somebody replaces it. Say what watches the place until then.")),
    "return-to-service": (N_("Return to service"), N_("The sensor works again.")),
    "suppress-by-design": (
        N_("Suppress by design"),
        N_("For a calibration or a closed line, at most four hours. Say what protects people meanwhile; both sides are told."),
    ),
    "end-suppression": (N_("End the suppression"), N_("The alert calls again from now on.")),
}
UNACKNOWLEDGED = ("unacknowledged", "returned_unacknowledged")


@dataclass(frozen=True, slots=True)
class AcknowledgementView:
    at: str
    by: str
    role: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert, in words."""

    id: str
    severity: str
    mark: Mark
    place: str
    site: str
    title: str
    value: str
    limit: str
    unproven: bool
    raised_at: str
    raised: str
    returned: str
    lasting: str
    data_lost: bool
    advice: str
    state: str
    state_word: str
    plain: bool  # its state needs no chip: it stands with the others that wait
    acknowledgements: list[AcknowledgementView]
    simulated: bool
    wants_acknowledgement: bool


@dataclass(frozen=True, slots=True)
class Possible:
    """Something that this person may do about this alert now."""

    action: str
    needs_text: bool
    minutes: int | None = None

    @property
    def title(self) -> str:
        return OFFERS[self.action][0]

    @property
    def help(self) -> str:
        return OFFERS[self.action][1]


def alert_views(house: House, formats: Formats, alerts: Sequence[Alert], names: Mapping[str, str], timezone: ZoneInfo, now_us: int) -> list[AlertView]:
    return [alert_view(house, formats, alert, names, timezone, now_us) for alert in sorted_alerts(alerts)]


def sorted_alerts(alerts: Sequence[Alert]) -> list[Alert]:
    """What waits for somebody first, then by severity, then the latest."""
    return sorted(alerts, key=lambda alert: (alert.state not in UNACKNOWLEDGED or alert.severity is Severity.NOTICE, not alert.active, -alert.severity.rank, -alert.raised_at_us))


def alert_view(house: House, formats: Formats, alert: Alert, names: Mapping[str, str], timezone: ZoneInfo, now_us: int) -> AlertView:
    limit = alert.limit.value if alert.limit else None
    same_day = formats.day(alert.raised_at_us, timezone) == formats.day(now_us, timezone)
    when = formats.clock if same_day else formats.moment
    return AlertView(
        id=alert.id,
        severity=alert.severity.value,
        mark=SEVERITY[alert.severity.value],
        place=names.get(alert.zone) or alert.channel or alert.zone or alert.site,
        site=alert.site,
        title=house.stores.alert_title(alert),
        value=measure(formats, alert.value, alert),
        limit=measure(formats, limit, alert),
        unproven=alert.evidence.get("proven") is False and alert.active,
        raised_at=to_rfc3339(alert.raised_at_us),
        raised=when(alert.raised_at_us, timezone),
        returned=when(alert.returned_at_us, timezone) if alert.returned_at_us is not None else "",
        lasting=formats.age(now_us - alert.raised_at_us),
        data_lost=alert.data_lost,
        advice=house.stores.alert_advice(alert, formats.catalogue.tag),
        state=alert.state,
        state_word=ALERT_STATES.get(alert.state, alert.state),
        plain=alert.state in ("unacknowledged", "acknowledged"),
        acknowledgements=[AcknowledgementView(when(mark.at_us, timezone), mark.by, ROLES.get(mark.role, mark.role), mark.text) for mark in alert.acknowledgements],
        simulated=alert.simulated,
        wants_acknowledgement=alert.state in UNACKNOWLEDGED and alert.severity is not Severity.NOTICE,
    )


def measure(formats: Formats, value: float | None, alert: Alert) -> str:
    if value is None:
        return ""
    return formats.quantity(value, alert.channel.rpartition(".")[2], alert.unit) if alert.channel else formats.measure(value, alert.unit)


@router.get("/alerts")
def alerts_page(
    request: Request, caller: Reader, site: Annotated[str, Query(max_length=63)] = "", show: str = "open", severity: Annotated[str, Query(max_length=16)] = ""
) -> HTMLResponse:
    """The committee's door; for everybody, what they may see."""
    house = house_of(request)
    show = one_of(show, SHOW, "show") or "open"
    chosen = one_of(severity, tuple(Severity), "severity")
    held = house.sources.snapshot()
    if site:
        house.sources.site(caller.scope, site)
    waiting = house.open_alerts(caller.scope)
    alerts = house.stores.recent_alerts(caller.scope, held, SHOWN_MAX) if show == "all" else waiting
    alerts = [alert for alert in alerts if _chosen(alert, site, show, chosen)]
    formats = house.renderer.formats(request, caller.user)
    query = {"site": site, "show": show, "severity": severity}
    here = "/alerts?" + urlencode({name: value for name, value in query.items() if value})
    return house.renderer.page(
        request,
        "alerts.html",
        caller,
        section="alerts",
        unacknowledged=unacknowledged(waiting),
        alerts=[_view_anywhere(house, formats, alert) for alert in sorted_alerts(alerts)],
        sites=house.sources.sites(caller.scope),
        site=site,
        show=show,
        severity=severity,
        severities=list(SEVERITY.items()),
        may_respond=caller.may(Permission.RESPOND),
        here=here,
        live=house.hub.address(site=site, channels=[], every_s=60),
    )


@router.get("/alerts/{alert}")
def alert_page(request: Request, alert: str, caller: Reader, problem: Annotated[str, Query(max_length=300)] = "") -> HTMLResponse:
    house = house_of(request)
    found, steps = house.stores.inbox.one(caller.scope, house.sources.snapshot(), alert)
    formats = house.renderer.formats(request, caller.user)
    timezone = house.sources.timezone(found.site)
    return house.renderer.page(
        request,
        "alert.html",
        caller,
        section="alerts",
        unacknowledged=unacknowledged(house.open_alerts(caller.scope)),
        item=_view_anywhere(house, formats, found),
        alert=found,
        zone_known=found.zone in house.sources.snapshot().zones,
        row=house.stores.row(found),
        limit=found.limit,
        trend=event_trend(house, formats, event_of(found)),
        respond_by=formats.moment(found.respond_by_us, timezone) if found.respond_by_us else "",
        journal=journal_lines(house, found.id, steps, formats, timezone),
        possible=possible(found, caller),
        problem=problem,
        notes=_notes(found, formats),
        suspicion=suspicion_view(house, formats, found, caller, timezone) if found.type == TYPE else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidView:
    at: str
    fault: bool
    checked: bool
    by: str
    role: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectEvidence:
    channel: str
    evidence: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspicionView:
    """What a model's alert rests on, and what people said of it."""

    suspects: list[SuspectEvidence]
    stands: str
    said: list[SaidView]
    may_judge: bool


def suspicion_view(house: House, formats: Formats, alert: Alert, caller: Caller, timezone: ZoneInfo) -> SuspicionView:
    said = judgements(house.context.engine, alert.id)
    return SuspicionView(
        suspects=[SuspectEvidence(channel=suspect.channel, evidence=evidence_words(suspect, formats)) for suspect in suspects_of(house, alert)],
        stands=STANDS[settled(said)],
        said=[
            SaidView(at=formats.moment(one.at_us, timezone), fault=one.is_true, checked=one.is_checked, by=one.by, role=ROLES.get(one.role, one.role), text=one.text)
            for one in said
        ],
        may_judge=caller.may(Permission.RESPOND),
    )


@router.post("/alerts/{alert}/{action}")
def act(
    request: Request,
    alert: str,
    action: str,
    caller: Responder,
    text: Annotated[str, Form(max_length=2000)] = "",
    minutes: Annotated[int | None, Form(ge=1, le=1440)] = None,
    back: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """A form's way to what the REST interface does too; then back to where the person was."""
    house = house_of(request)
    house.stores.act(caller.scope, alert, action, text, minutes, "page")
    return RedirectResponse(local_path(back) or f"/alerts/{quote(alert)}", 303)


def possible(alert: Alert, caller: Caller) -> list[Possible]:
    """What `alerts.state.allowed` would let this person do, so that the page offers nothing that is refused."""
    if not caller.may(Permission.RESPOND):
        return []
    officer, stop = caller.user.role is Role.OFFICER, alert.severity is Severity.STOP
    offers = [
        (alert.open and alert.severity is not Severity.NOTICE and not alert.heard_by(caller.user.role.side), Possible("acknowledge", False)),
        (True, Possible("comment", True)),
        (alert.confirmed is None, Possible("confirm", True)),
        (alert.open and not stop and alert.suppression == "none", Possible("shelve", True, 60)),
        (alert.suppression == "shelved", Possible("unshelve", False)),
        (alert.latched and not alert.active, Possible("reset", False)),
        (officer and alert.open and not stop and alert.suppression != "out_of_service", Possible("out-of-service", True)),
        (officer and alert.suppression == "out_of_service", Possible("return-to-service", False)),
        (officer and alert.open and alert.suppression == "none", Possible("suppress-by-design", True, 60)),
        (officer and alert.suppression == "by_design", Possible("end-suppression", False)),
    ]
    return [offer for offered, offer in offers if offered]


def _chosen(alert: Alert, site: str, show: str, severity: str | None) -> bool:
    return (
        (not site or alert.site == site)
        and (show != "unacknowledged" or alert.state in UNACKNOWLEDGED)
        and (alert.severity == severity if severity else alert.severity is not Severity.NOTICE)
    )


def _view_anywhere(house: House, formats: Formats, alert: Alert) -> AlertView:
    snapshot = house.sources.snapshot()
    names = {zone.id: f"{zone.spec.name}, {snapshot.sites[zone.site].name}" for zone in snapshot.zones_of(alert.site)} if alert.site in snapshot.sites else {}
    return alert_view(house, formats, alert, names, house.sources.timezone(alert.site), house.context.clock.now_us())


def _notes(alert: Alert, formats: Formats) -> list[str]:
    """What its evidence says beside the value; of suspected sensors both values."""
    return [*said_of_replaced(_sentences(alert, "reasons"), formats), *(sentence(note, formats.catalogue.gettext) for note in _sentences(alert, "notes"))]


def _sentences(alert: Alert, name: str) -> list[str]:
    found = alert.evidence.get(name)
    return [str(one) for one in found] if isinstance(found, list) else []


def local_path(address: str) -> str:
    """A path of this console, never another site's."""
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\")) else ""
