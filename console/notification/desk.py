"""Delivery record, contacts, rosters, times: what page and REST share, and who may change what."""

from __future__ import annotations

from datetime import date

import msgspec

from alerts.notification import inspectorate
from alerts.notification.links import Call, Links, open_key
from console.context import House
from console.notification.shapes import ContactBody, ContactJson, DutyBody, DutyJson, MessageJson, ProofJson
from console.security import Caller
from console.shapes import Page
from domain.errors import BadInput, NotFound, Refused
from domain.scope import Role, Scope
from domain.times import to_datetime, to_rfc3339
from storage.records.contacts import Contact, ContactsRepository, Duty, SiteTimes
from storage.records.notifications import STATES, Message, NotificationsRepository
from storage.records.people import User
from storage.records.proofs import ProofsRepository


def record(house: House, scope: Scope, *, site: str = "", state: str = "", channel: str = "", cursor: str | None = None, limit: int = 100) -> Page[MessageJson]:
    """Who was told of what, by which channel, and what came of it; no address stands in it. What inspectors alone were told, only inspectors see."""
    if state and state not in STATES:
        raise BadInput(f"'{state}' is no state of a message", field="state", remedy="one of " + ", ".join(STATES))
    if site:
        house.sources.site(scope, site)
    sites = [site] if site else house.sources.site_ids(scope)
    without = "" if scope.role is Role.INSPECTOR else inspectorate.REASON
    page = NotificationsRepository(house.context.engine).page(sites, state=state, channel=channel, without=without, cursor=cursor, limit=limit)
    return Page[MessageJson](items=[_message(message) for message in page.items], next=page.next)


def channels(house: House) -> list[ProofJson]:
    """Each channel's last silent proof, each site's last weekly test."""
    return [
        ProofJson(
            channel=proof.channel,
            kind=proof.kind,
            asked_at=to_rfc3339(proof.asked_us),
            received_at=to_rfc3339(proof.received_us) if proof.received_us is not None else None,
            problem=proof.problem,
        )
        for proof in ProofsRepository(house.context.engine).latest()
    ]


def contact_of(house: House, caller: Caller) -> ContactJson:
    contact = ContactsRepository(house.context.engine).contact(caller.user.name)
    return ContactJson(email=caller.user.email, locale=caller.user.locale, **{name: getattr(contact, name) for name in Contact.__struct_fields__})


def set_contact(house: House, caller: Caller, body: ContactBody) -> ContactJson:
    """One's own, and nobody else's."""
    if bool(body.quiet_from) != bool(body.quiet_to):
        raise BadInput("quiet hours need a beginning and an end", field="quiet_to", remedy="give both, or neither")
    if body.locale and body.locale not in house.renderer.catalogues:
        raise BadInput(f"no language '{body.locale}'", field="locale", remedy="one of " + ", ".join(house.renderer.catalogues))
    contact = Contact(**{name: getattr(body, name) for name in Contact.__struct_fields__})
    ContactsRepository(house.context.engine).set_contact(caller.user.name, contact, house.context.clock.now_us())
    house.people.set_reach(caller.user.name, email=body.email, locale=body.locale, by=caller.user.name)
    return ContactJson(**msgspec.structs.asdict(body))


def roster_of(house: House, scope: Scope, site: str) -> list[DutyJson]:
    """From today on, by date."""
    house.sources.site(scope, site)
    today = to_datetime(house.context.clock.now_us()).astimezone(house.sources.timezone(site)).date().isoformat()
    people = {user.name: user.role.value for user in house.people.list_users()}
    return [_duty(duty, people.get(duty.user, "")) for duty in ContactsRepository(house.context.engine).roster([site], today)]


def rosterable(house: House, caller: Caller, site: str) -> list[User]:
    """People of the caller's own side who see this site."""
    spec = house.sources.site(caller.scope, site)
    return [user for user in house.people.list_users() if user.active and user.role.side and user.role.side == caller.user.role.side and user.scope.sees(spec)]


def put_on_duty(house: House, caller: Caller, site: str, body: DutyBody) -> DutyJson:
    """Each side makes its own roster."""
    person = next((user for user in rosterable(house, caller, site) if user.name == body.user), None)
    if person is None:
        raise BadInput(f"'{body.user}' is nobody of your side at this site", field="user", remedy="each side makes its own roster")
    shifts = [shift.name for shift in house.sources.snapshot().shifts.get(site, [])]
    if body.shift and body.shift not in shifts:
        raise BadInput(f"no shift '{body.shift}'", field="shift", remedy="one of " + ", ".join(shifts))
    first, last = _date(body.first, "first"), _date(body.last or body.first, "last")
    if last < first:
        raise BadInput("is before the first day", field="last", remedy="the last day on duty")
    duty = Duty(
        site=site, shift=body.shift, first=first, last=last, user=person.name, set_by=caller.user.name, set_us=house.context.clock.now_us()
    )  # fmt: skip
    id = ContactsRepository(house.context.engine).put_on_duty(duty)
    return DutyJson(id=id, shift=duty.shift, first=duty.first, last=duty.last, user=duty.user, role=person.role.value, set_by=duty.set_by)


def end_duty(house: House, caller: Caller, site: str, id: int) -> None:
    """Also only of one's own side."""
    house.sources.site(caller.scope, site)
    repository = ContactsRepository(house.context.engine)
    duty = repository.duty(id)
    if duty is None or duty.site != site:
        raise NotFound(f"no duty {id}")
    user = house.people.user(duty.user)
    if user is not None and user.role.side != caller.user.role.side:
        raise Refused("each side makes its own roster")
    repository.end_duty(id, by=caller.user.name, now_us=house.context.clock.now_us())


def times_of(house: House, scope: Scope, site: str) -> SiteTimes:
    house.sources.site(scope, site)
    return ContactsRepository(house.context.engine).times(site)


def set_times(house: House, caller: Caller, site: str, times: SiteTimes) -> SiteTimes:
    house.sources.site(caller.scope, site)
    ContactsRepository(house.context.engine).set_times(site, times, by=caller.user.name, now_us=house.context.clock.now_us())
    return times


def opened(house: House, token: str) -> tuple[Call, User]:
    """What a signed link stands for, and whose it is; raises `NotFound` for a link that is none, is over, or whose owner has no account any more."""
    if house.context.data_dir is None:
        raise NotFound("this centre sends no links")
    call = Links(open_key(house.context.data_dir)).read(token, house.context.clock.now_us())
    user = house.people.user(call.user)
    if user is None or not user.active or user.role not in (Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE):
        raise NotFound("this link is not one of ours")
    return call, user


def _date(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadInput(f"'{text}' is no date", field=field, remedy="2026-11-25") from None


def _message(message: Message) -> MessageJson:
    return MessageJson(
        id=message.id,
        site=message.site,
        about=message.alert,
        reason=message.reason,
        channel=message.channel,
        recipient=message.recipient,
        subject=message.subject,
        state=message.state,
        tries=message.tries,
        error=message.last_error,
        created_at=to_rfc3339(message.created_us),
        sent_at=to_rfc3339(message.sent_us) if message.sent_us is not None else None,
    )


def _duty(duty: Duty, role: str) -> DutyJson:
    return DutyJson(id=duty.id, shift=duty.shift, first=duty.first, last=duty.last, user=duty.user, role=role, set_by=duty.set_by)
