"""Messages in the words of whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts import joint_calls
from alerts.policy import Policy
from alerts.state import Alert
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.times import to_datetime, to_rfc3339
from storage.records.journal import StepKind

Say = Callable[[str, str], str]
"""(language, English text) → the text in that language, or as it is."""
LISTED = 20
SHORT_MAX = 300
UNITS: Mapping[str, str] = {"Cel": "°C", "ug/m3": "µg/m³", "mg/m3": "mg/m³"}

LEVELS = {Severity.STOP: "STOP", Severity.ACTION: "Action", Severity.NOTICE: "Notice"}
SIMULATED = "SIMULATED"
OVERDUE = "nobody has confirmed a response"
SUPPRESSED = "suppressed by design"
DATA_LOST = "data lost"
TO_DO = "What to do: {what}"
NOT_SAFETY = "This is a watch on conditions, not a safety function: it does not replace certified gas detection or a fire alarm."
VALUE = "Value: {value}"
LIMIT = "limit {value} ({profile}, {clause})"
CERTAINTY = "Certainty: {certainty}"
NOT_PROVEN = "probably over, not proven"
SINCE = "Since: {time}"
RESPOND_BY = "Respond by: {time}"
CLOSE_BEHIND = "close behind: {zones}"
HOLDS = "This call holds for them too: there is another one only if it gets worse there, or nobody confirms a response."
SILENT = "The sensor no longer sends: the alert stays until somebody has looked."
ACKNOWLEDGE = "Acknowledge, for you alone: {link}"
SEE = "See it: {link}"
ID = "Alert: {id}"
GROUPED = "{level}: {n} alerts, {site}"
MORE = "and {n} more"
TEXTS = (
    *LEVELS.values(), SIMULATED, OVERDUE, SUPPRESSED, DATA_LOST, TO_DO, NOT_SAFETY, VALUE, LIMIT, CERTAINTY, NOT_PROVEN, SINCE, RESPOND_BY, CLOSE_BEHIND, HOLDS, SILENT, ACKNOWLEDGE, SEE, ID, GROUPED, MORE,
)  # fmt: skip
"""For the catalogues."""


def in_english(language: str, text: str) -> str:
    """Where nobody handed a catalogue in."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What a message needs besides its alert."""

    policy: Policy
    held: Snapshot
    say: Say = in_english
    console_url: str = ""


def write_message(head: Letterhead, alert: Alert, reason: str, language: str, *, link: str = "", is_short: bool = False) -> tuple[str, str]:
    """Subject and text: what, where, how bad, what to do first."""
    subject = subject_of(head, alert, reason, language)
    if is_short:
        return subject, _short(head, alert, language, subject, link)

    def say(text: str) -> str:
        return head.say(language, text)

    row = head.policy.for_site(alert.site).rows[alert.type]
    lines = [f"{say(row.title)}: {place_of(head, alert)}", "", say(TO_DO).format(what=say(row.level(alert.severity).say(language))), "", *_facts(head, alert, say)]
    lines += [say(ACKNOWLEDGE).format(link=link)] if link else []
    lines += [say(SEE).format(link=f"{head.console_url}/alerts/{alert.id}")] if head.console_url else []
    return subject, "\n".join([*lines, "", say(NOT_SAFETY)])


def subject_of(head: Letterhead, alert: Alert, reason: str, language: str) -> str:
    """One line."""

    def say(text: str) -> str:
        return head.say(language, text)

    kind, behind = reason.rpartition("-")[0], _behind(head, alert, say)
    late = f"{say(OVERDUE)}: " if kind.startswith("overdue") else f"{say(SUPPRESSED)}: " if kind == "suppressed" else ""
    lost = f" ({say(DATA_LOST)})" if alert.data_lost else ""
    simulated = f"{say(SIMULATED)} " if alert.simulated else ""
    return f"{simulated}{say(LEVELS[alert.severity])}: {late}{say(head.policy.rows[alert.type].title)}, {zone_of(head, alert)}{f'; {behind}' if behind else ''}{lost}"


def write_group(head: Letterhead, subjects: Sequence[str], worst: Severity, site: str, language: str) -> tuple[str, str]:
    """Many alerts in one message, the most urgent first."""

    def say(text: str) -> str:
        return head.say(language, text)

    subject = say(GROUPED).format(level=say(LEVELS[worst]), n=len(subjects), site=site_of(head, site))
    lines = [*subjects[:LISTED], *([say(MORE).format(n=len(subjects) - LISTED)] if len(subjects) > LISTED else [])]
    lines += ["", say(SEE).format(link=f"{head.console_url}/alerts")] if head.console_url else []
    return subject, "\n".join([*lines, "", say(NOT_SAFETY)])


def local_time(held: Snapshot, site: str, at_us: int) -> str:
    """As the clock on the site's wall shows it."""
    if site not in held.sites:
        return to_rfc3339(at_us)
    return f"{to_datetime(at_us).astimezone(held.timezone(site)):%Y-%m-%d %H:%M}"


def zone_of(head: Letterhead, alert: Alert) -> str:
    return name_of(head, alert.zone)


def name_of(head: Letterhead, zone: str) -> str:
    return head.held.zones[zone].spec.name if zone in head.held.zones else zone or "-"


def site_of(head: Letterhead, site: str) -> str:
    return head.held.sites[site].name if site in head.held.sites else site or "-"


def place_of(head: Letterhead, alert: Alert) -> str:
    return f"{zone_of(head, alert)}, {site_of(head, alert.site)}"


def _short(head: Letterhead, alert: Alert, language: str, subject: str, link: str) -> str:
    value = f" {_measure(alert.value, alert.unit)}." if alert.value is not None else ""
    way = link or (f"{head.console_url}/alerts/{alert.id}" if head.console_url else "")
    return f"{f'{subject}.{value}'[:SHORT_MAX]} {way}".strip()


def _facts(head: Letterhead, alert: Alert, say: Callable[[str], str]) -> Iterator[str]:
    if alert.value is not None:
        limit = alert.limit
        told = say(LIMIT).format(value=f"{limit.value:g}", profile=limit.profile, clause=limit.clause) if limit and limit.value is not None else ""
        yield say(VALUE).format(value=_measure(alert.value, alert.unit)) + (f", {told}" if told else "")
    if alert.evidence.get("certainty"):
        yield say(CERTAINTY).format(certainty=say(str(alert.evidence["certainty"])))
    yield say(SINCE).format(time=local_time(head.held, alert.site, alert.raised_at_us))
    if alert.respond_by_us is not None:
        yield say(RESPOND_BY).format(time=local_time(head.held, alert.site, alert.respond_by_us))
    if behind := _behind(head, alert, say):
        yield f"{behind[0].upper()}{behind[1:]}. {say(HOLDS)}"
    if alert.data_lost:
        yield say(SILENT)
    yield say(ID).format(id=alert.id)


def _behind(head: Letterhead, alert: Alert, say: Callable[[str], str]) -> str:
    """The zones that this call names; also in the subject, since a text message and a group have nothing else."""
    zones = alert.evidence.get(joint_calls.CLOSE_BEHIND)
    if not isinstance(zones, list) or alert.called_for is not StepKind.RAISED:
        return ""
    return say(CLOSE_BEHIND).format(zones=", ".join(name_of(head, zone) for zone in zones))


def _measure(value: Any, unit: str) -> str:
    return f"{value:.4g} {UNITS.get(unit, unit)}".strip()
