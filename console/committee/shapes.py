"""The committee's JSON. Field names are public and stay."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from alerts.review.accounts import Do, Request
from alerts.review.attendance import sex_for
from alerts.review.kpi import Figures
from alerts.review.mandates import Chosen, Mandate, Sex, Share
from alerts.review.model import Action, Classification, Control, Review, Word
from alerts.review.state import by_hierarchy, digest_of, standings, state_of
from alerts.review.status import cap_status, is_overdue
from domain.agreements import Side
from domain.registry import Committee
from domain.times import to_rfc3339
from domain.verdict import LimitOf
from storage.records.people import AuditEntry


class OpenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "stop": "to"}):
    """One alert, one result, or all of a site's period."""

    alert: str = ""
    verdict: int | None = None
    site: str = ""
    start: str = ""
    stop: str = ""


class CauseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    causes: list[str] = []
    text: str = ""
    classification: Classification = "exposure"


class MeasureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    control: Control
    text: str
    owner: str
    due: str
    why_ppe_alone: str = ""


class SayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    word: Word
    text: str = ""


class SignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`digest`: of what the person saw; left out, of what stands now."""

    side: Side
    agree: bool
    text: str = ""
    digest: str = ""


class DissentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    to: Literal["both", "inspectorate"] = "both"


class TextBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str = ""


class MandateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    side: Side
    chosen: Chosen
    sex: Sex
    since: str
    until: str
    account: str = ""


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    side: Side
    released: bool = True


class ReleasedJson(msgspec.Struct, frozen=True, kw_only=True):
    """Sides that have released their counts by sex."""

    released: list[Side]


class EndBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    on: str
    why: str


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    do: Do
    name: str
    why: str
    locale: str = ""


class SaidJson(msgspec.Struct, frozen=True, kw_only=True):
    word: Word
    by: str
    role: str
    at: str
    text: str


class ActionJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    control: Control
    text: str
    owner: str
    due: str
    why_ppe_alone: str
    by: str
    at: str
    word: Word
    words: list[SaidJson]
    overdue: bool
    told_both_sides_at: str | None
    told_inspector_at: str | None


class EvidenceJson(msgspec.Struct, frozen=True, kw_only=True):
    sha256: str
    name: str
    media_type: str
    size: int
    action: str | None
    text: str
    by: str
    at: str


class SignatureJson(msgspec.Struct, frozen=True, kw_only=True):
    side: Side
    agree: bool
    by: str
    role: str
    at: str
    text: str
    digest: str
    stands: bool  # it is of what the review says now
    touched: list[str]


class SideJson(msgspec.Struct, frozen=True, kw_only=True):
    signed: int
    needed: int
    agrees: bool
    dissents: bool


class DissentJson(msgspec.Struct, frozen=True, kw_only=True):
    side: Side
    by: str
    at: str
    text: str
    to: str


class MarkJson(msgspec.Struct, frozen=True, kw_only=True):
    at: str
    by: str | None  # null: the data changed
    text: str


class ReviewJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    site: str
    zone: str
    hazard: str
    kind: str
    type: str
    alert: str | None
    verdict: int | None
    severity: str | None
    value: float | None
    unit: str
    limit: LimitOf | None
    started_at: str
    ended_at: str | None
    revision: int
    simulated: bool
    state: str
    cap_status: str
    opened_at: str
    opened_by: str
    causes: list[str]
    cause_text: str
    classification: Classification
    actions: list[ActionJson]
    evidence: list[EvidenceJson]
    signatures: list[SignatureJson]
    sides: dict[Side, SideJson]
    dissents: list[DissentJson]
    marks: list[MarkJson]
    digest: str
    closed_at: str | None
    closed_by: str | None
    closed_text: str


def review_json(review: Review, committee: Committee, today: date) -> ReviewJson:
    facts, digest = review.facts, digest_of(review)
    return ReviewJson(
        id=review.id,
        site=review.site,
        zone=facts.zone,
        hazard=facts.hazard,
        kind=facts.kind,
        type=facts.type,
        alert=None if facts.kind == "exceedance" else facts.ref,
        verdict=facts.result or None,
        severity=facts.severity or None,
        value=facts.value,
        unit=facts.unit,
        limit=facts.limit,
        started_at=facts.started_at,
        ended_at=facts.ended_at,
        revision=facts.revision,
        simulated=facts.simulated,
        state=state_of(review, committee),
        cap_status=cap_status(review, today),
        opened_at=to_rfc3339(review.opened_us),
        opened_by=review.opened_by,
        causes=review.causes,
        cause_text=review.cause_text,
        classification=review.classification,
        actions=[_action(action, today) for action in by_hierarchy(review.actions)],
        evidence=[
            EvidenceJson(sha256=one.sha256, name=one.name, media_type=one.media_type, size=one.size, action=one.action or None, text=one.text, by=one.by, at=to_rfc3339(one.at_us))
            for one in review.files
        ],
        signatures=[
            SignatureJson(
                side=one.side,
                agree=one.agree,
                by=one.by,
                role=one.role,
                at=to_rfc3339(one.at_us),
                text=one.text,
                digest=one.digest,
                stands=one.digest == digest,
                touched=one.touched,
            )
            for one in review.signatures
        ],
        sides={side: SideJson(signed=one.signed, needed=one.needed, agrees=one.agrees, dissents=one.dissents) for side, one in standings(review, committee).items()},
        dissents=[DissentJson(side=one.side, by=one.by, at=to_rfc3339(one.at_us), text=one.text, to="inspectorate" if one.inspector_only else "both") for one in review.dissents],
        marks=[MarkJson(at=to_rfc3339(one.at_us), by=one.by or None, text=one.text) for one in review.marks],
        digest=digest,
        closed_at=_time(review.closed_us),
        closed_by=review.closed_by or None,
        closed_text=review.closed_text,
    )


def _action(action: Action, today: date) -> ActionJson:
    return ActionJson(
        id=action.id,
        control=action.control,
        text=action.text,
        owner=action.owner,
        due=action.due,
        why_ppe_alone=action.why_ppe_alone,
        by=action.by,
        at=to_rfc3339(action.at_us),
        word=action.word,
        words=[SaidJson(word=one.word, by=one.by, role=one.role, at=to_rfc3339(one.at_us), text=one.text) for one in action.words],
        overdue=is_overdue(action, today),
        told_both_sides_at=_time(action.overdue_us),
        told_inspector_at=_time(action.to_inspector_us),
    )


class MandateJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    side: Side
    chosen: Chosen
    elected: bool
    sex: str | None  # null to everybody but their own side
    since: str
    until: str
    ended: str | None
    holds: bool
    account: str | None
    by: str
    at: str


class MandatesJson(msgspec.Struct, frozen=True, kw_only=True):
    """Women's share on the committee beside their share of the workforce; null and `suppressed` where fewer than five could be worked out."""

    items: list[MandateJson]
    committee: Share
    workforce: Share
    released: list[Side]  # sides that let their own counts by sex be told although they are few
    quorum_each: int
    equal_numbers: bool
    next: str | None = None


def mandate_json(one: Mandate, today: date, reader_side: str) -> MandateJson:
    return MandateJson(
        id=one.id,
        name=one.name,
        side=one.side,
        chosen=one.chosen,
        elected=one.elected,
        sex=sex_for(one, reader_side),
        since=one.since,
        until=one.until,
        ended=one.ended or None,
        holds=one.holds(today.isoformat()),
        account=one.account or None,
        by=one.by,
        at=to_rfc3339(one.at_us),
    )


class RequestJson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    site: str
    do: Do
    name: str
    why: str
    by: str
    role: str
    at: str
    state: Literal["waiting", "done", "refused"]
    agreed_by: str | None
    refused_by: str | None
    code: str | None = None  # a one-time code, told once


class TouchJson(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator did to a worker-side account."""

    at: str
    by: str
    action: str
    account: str


class AccountsJson(msgspec.Struct, frozen=True, kw_only=True):
    items: list[RequestJson]
    touches: list[TouchJson]
    next: str | None = None


def request_json(request: Request, code: str = "") -> RequestJson:
    return RequestJson(
        id=request.id,
        site=request.site,
        do=request.do,
        name=request.name,
        why=request.why,
        by=request.by,
        role=request.role,
        at=to_rfc3339(request.at_us),
        state="done" if request.done_us is not None else "refused" if request.refused_by else "waiting",
        agreed_by=request.agreed_by or None,
        refused_by=request.refused_by or None,
        code=code or None,
    )


def touch_json(entry: AuditEntry) -> TouchJson:
    return TouchJson(at=to_rfc3339(entry.at_us), by=entry.by, action=entry.action, account=entry.subject)


class CommitteeJson(msgspec.Struct, frozen=True, kw_only=True):
    site: str
    quorum_each: int
    equal_numbers: bool
    figures: Figures


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else to_rfc3339(time_us)
