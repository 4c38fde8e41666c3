"""The joint committee. Who it is comes from the session or the token, the side from their role: nobody signs for the other side."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

from alerts.review.files import SIZE_MAX
from alerts.review.mandates import workforce_share
from alerts.review.model import Review
from alerts.review.paper import sheet_of
from alerts.review.state import STATES, State
from console import params
from console.api.answers import answer, answers, body_of
from console.committee.meeting_shapes import AttendanceBody, MeetingBody, MeetingJson, PaperBody, meeting_json
from console.committee.shapes import (
    AccountBody,
    AccountsJson,
    CauseBody,
    CommitteeJson,
    DissentBody,
    EndBody,
    MandateBody,
    MandateJson,
    MandatesJson,
    MeasureBody,
    OpenBody,
    ReleaseBody,
    ReleasedJson,
    RequestJson,
    ReviewJson,
    SayBody,
    SignBody,
    TextBody,
    mandate_json,
    request_json,
    review_json,
    touch_json,
)
from console.context import House, house_of
from console.records.bodies import Body, decoded
from console.security import OnCommittee, Reader
from console.shapes import Page
from domain.errors import BadInput
from domain.times import DAY_US
from storage.records.paging import MAX_LIMIT

router = APIRouter(tags=["committee"])

CREATED = 201


async def _upload(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > SIZE_MAX:
            raise BadInput("is too large", field="file", remedy=f"at most {SIZE_MAX // 1024 // 1024} MB")
    return raw


Upload = Annotated[bytes, Depends(_upload)]


def _json(house: House, review: Review) -> ReviewJson:
    return review_json(review, house.committee.rule(review.site), house.committee.today(review.site))


@router.get("/reviews", responses=answers(Page[ReviewJson]))
def reviews(
    request: Request,
    caller: Reader,
    site: Annotated[str | None, Query(max_length=63)] = None,
    state: Annotated[str | None, Query(description="open, agreed, dissent, closed or reopened")] = None,
    since: Annotated[str | None, Query(description="of what began at or after")] = None,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> Response:
    """Review items, the last opened first."""
    house = house_of(request)
    if site:
        house.sources.site(caller.scope, site)
    chosen: State | None = next((one for one in STATES if one == params.one_of(state, STATES, "state")), None)
    since_us = params.instant(since, "since", 0) or None
    page = house.committee.desk.page(caller.scope, site=site, state=chosen, since_us=since_us, cursor=params.from_cursor(cursor), limit=limit)
    return answer(Page(items=[_json(house, review) for review in page.items], next=params.to_cursor(page.next) if page.next else None))


@router.post("/reviews", responses=answers(ReviewJson, Page[ReviewJson]), openapi_extra=body_of(OpenBody))
def open_reviews(request: Request, caller: OnCommittee, body: Body) -> Response:
    """Takes `alert` or `verdict` into review and answers with its item; of `site`, all that began in [`from`, `to`), and answers with what is new."""
    house, asked = house_of(request), decoded(body, OpenBody)
    desk = house.committee.desk
    if asked.alert:
        return answer(_json(house, desk.open_alert(caller.scope, asked.alert)), status=CREATED)
    if asked.verdict is not None:
        return answer(_json(house, desk.open_verdict(caller.scope, asked.verdict)), status=CREATED)
    if not asked.site:
        raise BadInput("is empty", field="alert", remedy="give alert, verdict, or site with from and to")
    span = params.span(asked.start or None, asked.stop or None, house.context.clock.now_us(), 7 * DAY_US)
    opened = desk.open_period(caller.scope, asked.site, span.start_us, span.stop_us)
    return answer(Page(items=[_json(house, review) for review in opened]), status=CREATED)


@router.get("/reviews/{id}", responses=answers(ReviewJson))
def review(request: Request, id: str, caller: Reader) -> Response:
    """One item, with the hash that a signature given now would bind."""
    house = house_of(request)
    return answer(_json(house, house.committee.desk.one(caller.scope, id)))


@router.post("/reviews/{id}/cause", responses=answers(ReviewJson), openapi_extra=body_of(CauseBody))
def cause(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """Why it happened, from the list of its hazard and in words, and what it was."""
    house, said = house_of(request), decoded(body, CauseBody)
    return answer(_json(house, house.committee.desk.set_cause(caller.scope, id, said.causes, said.text, said.classification)))


@router.post("/reviews/{id}/actions", responses=answers(ReviewJson), openapi_extra=body_of(MeasureBody))
def add_action(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """A corrective action; protective equipment alone needs `why_ppe_alone`."""
    house, said = house_of(request), decoded(body, MeasureBody)
    found = house.committee.desk.add_action(caller.scope, id, control=said.control, text=said.text, owner=said.owner, due=said.due, why_ppe_alone=said.why_ppe_alone)
    return answer(_json(house, found), status=CREATED)


@router.post("/reviews/{id}/actions/{action}/say", responses=answers(ReviewJson), openapi_extra=body_of(SayBody))
def say(request: Request, id: str, action: str, caller: OnCommittee, body: Body) -> Response:
    """`done` is self-declared by management, `checked` the worker side's, `verified` the inspectorate's or the programme's, `not_done` an objection."""
    house, said = house_of(request), decoded(body, SayBody)
    return answer(_json(house, house.committee.desk.say(caller.scope, id, action, said.word, said.text)))


@router.post("/reviews/{id}/evidence", responses=answers(ReviewJson), openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}})
def add_evidence(
    request: Request,
    id: str,
    caller: OnCommittee,
    content: Upload,
    name: Annotated[str, Query(max_length=200)] = "file",
    action: Annotated[str, Query(max_length=64)] = "",
    text: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The file is the body: a photo (JPEG, PNG, WebP) or a PDF of at most 10 MB, kept under its SHA-256."""
    house = house_of(request)
    found = house.committee.desk.add_evidence(caller.scope, id, content, name, action=action, text=text)
    return answer(_json(house, found), status=CREATED)


@router.get("/reviews/{id}/evidence/{record}", responses=answers(None, media=["image/jpeg", "image/png", "image/webp", "application/pdf"]))
def evidence(request: Request, id: str, record: str, caller: Reader) -> Response:
    """The file, by its SHA-256, after its hash was looked at again."""
    return file_answer(house_of(request), caller, id, record)


@router.post("/reviews/{id}/sign", responses=answers(ReviewJson), openapi_extra=body_of(SignBody))
def sign(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """Agreement, or dissent with its reason, of the caller's own side. It records what was reviewed, waives no right and moves no duty from the employer."""
    house, said = house_of(request), decoded(body, SignBody)
    return answer(_json(house, house.committee.desk.sign(caller.scope, id, side=said.side, agree=said.agree, text=said.text, digest=said.digest)))


@router.post("/reviews/{id}/dissent", responses=answers(ReviewJson), openapi_extra=body_of(DissentBody))
def dissent(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """A later word against, at any time; `to: inspectorate` is shown to inspectors only."""
    house, said = house_of(request), decoded(body, DissentBody)
    return answer(_json(house, house.committee.desk.dissent(caller.scope, id, said.text, to_inspectorate=said.to == "inspectorate")))


@router.post("/reviews/{id}/close", responses=answers(ReviewJson), openapi_extra=body_of(TextBody))
def close(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """409 until both sides have signed; at stop level, or where it is reclassified, until both agree."""
    house = house_of(request)
    return answer(_json(house, house.committee.desk.close(caller.scope, id, decoded(body, TextBody).text)))


@router.post("/reviews/{id}/reopen", responses=answers(ReviewJson), openapi_extra=body_of(TextBody))
def reopen(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    house = house_of(request)
    return answer(_json(house, house.committee.desk.reopen(caller.scope, id, decoded(body, TextBody).text)))


@router.get("/sites/{site}/committee", responses=answers(CommitteeJson))
def committee(request: Request, site: str, caller: Reader) -> Response:
    """How reviewing goes, by side and never by person; figures of fewer than five reviews are not told."""
    house = house_of(request)
    house.sources.site(caller.scope, site)
    rule = house.committee.rule(site)
    return answer(CommitteeJson(site=site, quorum_each=rule.quorum_each, equal_numbers=rule.equal_numbers, figures=house.committee.figures(caller.scope, site)))


@router.get("/sites/{site}/mandates", responses=answers(MandatesJson))
def mandates(request: Request, site: str, caller: Reader) -> Response:
    """How each representative was chosen, and the women's share on the committee beside their share of the workforce."""
    house = house_of(request)
    found, today, rule = house.committee.mandates.of_site(caller.scope, site), house.committee.today(site), house.committee.rule(site)
    return answer(
        MandatesJson(
            items=[mandate_json(one, today, caller.scope.role.side) for one in found],
            committee=house.committee.women(caller.scope, site),
            workforce=workforce_share(house.sources.snapshot(), site),
            released=sorted(house.committee.mandates.released(caller.scope, site)),
            quorum_each=rule.quorum_each,
            equal_numbers=rule.equal_numbers,
        )
    )


@router.post("/sites/{site}/mandates/release", responses=answers(ReleasedJson), openapi_extra=body_of(ReleaseBody))
def release(request: Request, site: str, caller: OnCommittee, body: Body) -> Response:
    """A side lets its own counts by sex be told although they are few, or no longer."""
    said = decoded(body, ReleaseBody)
    return answer(ReleasedJson(released=sorted(house_of(request).committee.mandates.release(caller.scope, site, side=said.side, released=said.released))))


@router.post("/sites/{site}/mandates", responses=answers(MandateJson), openapi_extra=body_of(MandateBody))
def enter_mandate(request: Request, site: str, caller: OnCommittee, body: Body) -> Response:
    """By a side for itself, or by the inspectorate or the programme for either."""
    house, said = house_of(request), decoded(body, MandateBody)
    found = house.committee.mandates.enter(
        caller.scope, site, name=said.name, side=said.side, chosen=said.chosen, sex=said.sex, since=said.since, until=said.until, account=said.account
    )
    return answer(mandate_json(found, house.committee.today(site), caller.scope.role.side), status=CREATED)


@router.post("/sites/{site}/mandates/{id}/end", responses=answers(MandateJson), openapi_extra=body_of(EndBody))
def end_mandate(request: Request, site: str, id: str, caller: OnCommittee, body: Body) -> Response:
    """Before its term; it stays on record."""
    house, said = house_of(request), decoded(body, EndBody)
    return answer(mandate_json(house.committee.mandates.end(caller.scope, site, id, on=said.on, why=said.why), house.committee.today(site), caller.scope.role.side))


@router.get("/sites/{site}/meetings", responses=answers(Page[MeetingJson]))
def meetings(request: Request, site: str, caller: Reader) -> Response:
    """The last called first, each with the agenda that made itself."""
    house = house_of(request)
    found = house.committee.meetings.of_site(caller.scope, site)
    return answer(Page(items=[meeting_json(one, house.committee.agenda(caller.scope, one), caller.scope.role.side) for one in found]))


@router.post("/sites/{site}/meetings", responses=answers(MeetingJson), openapi_extra=body_of(MeetingBody))
def call_meeting(request: Request, site: str, caller: OnCommittee, body: Body) -> Response:
    house, said = house_of(request), decoded(body, MeetingBody)
    found = house.committee.meetings.call(caller.scope, site, on=said.on, place=said.place)
    return answer(meeting_json(found, house.committee.agenda(caller.scope, found), caller.scope.role.side), status=CREATED)


@router.get("/meetings/{id}", responses=answers(MeetingJson))
def meeting(request: Request, id: str, caller: Reader) -> Response:
    """Agenda, who was there by side and sex, minutes."""
    house = house_of(request)
    found = house.committee.meetings.one(caller.scope, id)
    return answer(meeting_json(found, house.committee.agenda(caller.scope, found), caller.scope.role.side))


@router.post("/meetings/{id}/attendance", responses=answers(MeetingJson), openapi_extra=body_of(AttendanceBody))
def attendance(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """Ids of mandates that hold on the day."""
    house = house_of(request)
    found = house.committee.attend(caller.scope, id, decoded(body, AttendanceBody).mandates)
    return answer(meeting_json(found, house.committee.agenda(caller.scope, found), caller.scope.role.side))


@router.post("/meetings/{id}/minutes", responses=answers(MeetingJson), openapi_extra=body_of(TextBody))
def minutes(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """Appends a paragraph."""
    house = house_of(request)
    found = house.committee.meetings.write(caller.scope, id, decoded(body, TextBody).text)
    return answer(meeting_json(found, house.committee.agenda(caller.scope, found), caller.scope.role.side))


@router.post("/meetings/{id}/close", responses=answers(MeetingJson))
def close_meeting(request: Request, id: str, caller: OnCommittee) -> Response:
    """Keeps the agenda as it stands, and says whether there was a quorum."""
    house = house_of(request)
    found = house.committee.close_meeting(caller.scope, id)
    return answer(meeting_json(found, found.agenda, caller.scope.role.side))


@router.get("/meetings/{id}/sheet", responses=answers(None, media=["application/json"]))
def sheet(request: Request, id: str, caller: Reader) -> Response:
    """What the sheet for signing in ink says, byte for byte: its SHA-256 is the digest printed on it. 409 until the minutes are closed."""
    return Response(sheet_of(house_of(request).committee.meetings.one(caller.scope, id)), media_type="application/json")


@router.post("/meetings/{id}/paper", responses=answers(MeetingJson), openapi_extra=body_of(PaperBody))
def sign_paper(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    """Records who of the caller's own side signed the printed minutes, and when. It is shown as ink on paper, never as a digital signature."""
    house, said = house_of(request), decoded(body, PaperBody)
    found = house.committee.sign_paper(caller.scope, id, side=said.side, mandates=said.mandates, on=said.on, digest=said.digest, reference=said.reference)
    return answer(meeting_json(found, found.agenda, caller.scope.role.side))


@router.get("/sites/{site}/accounts", responses=answers(AccountsJson))
def accounts(request: Request, site: str, caller: Reader) -> Response:
    """Requests for worker-side accounts, and every administrative touch of one: both sides see them."""
    rooms = house_of(request).committee
    found, touches = rooms.accounts.of_site(caller.scope, site), rooms.accounts.touches(caller.scope, site)
    return answer(AccountsJson(items=[request_json(one) for one in found], touches=[touch_json(one) for one in touches]))


@router.post("/sites/{site}/accounts", responses=answers(RequestJson), openapi_extra=body_of(AccountBody))
def propose_account(request: Request, site: str, caller: OnCommittee, body: Body) -> Response:
    """`create`, `reset` or `revoke`: by a worker-side holder, it waits for a second one; by the inspectorate or the programme, it is done, and `code` is the one-time code."""
    house, said = house_of(request), decoded(body, AccountBody)
    found, code = house.committee.accounts.propose(caller.scope, site, do=said.do, name=said.name, why=said.why, locale=said.locale)
    return answer(request_json(found, code), status=CREATED)


@router.post("/accounts/{id}/agree", responses=answers(RequestJson))
def agree_to_account(request: Request, id: str, caller: OnCommittee) -> Response:
    """The second holder's word carries it out; `code` is told once, here."""
    found, code = house_of(request).committee.accounts.agree(caller.scope, id)
    return answer(request_json(found, code))


@router.post("/accounts/{id}/refuse", responses=answers(RequestJson), openapi_extra=body_of(TextBody))
def refuse_account(request: Request, id: str, caller: OnCommittee, body: Body) -> Response:
    return answer(request_json(house_of(request).committee.accounts.refuse(caller.scope, id, decoded(body, TextBody).text)))


def file_answer(house: House, caller: Reader, id: str, digest: str) -> Response:
    """Shown as what it is, and by no other site; a file never becomes a page of ours."""
    content, media_type, name = house.committee.desk.evidence(caller.scope, id, digest)
    kind = "inline" if media_type.startswith("image/") else "attachment"
    return Response(content, 200, {"Content-Disposition": f"{kind}; filename*=UTF-8''{quote(name)}"}, media_type)
