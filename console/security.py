"""Who is asking, what they may do, and from where: every route declares one `Require`, or the tests fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from alerts.review.access import ACCESS
from console.context import ConsoleContext, House, house_of
from console.problems import NotLoggedIn
from domain.errors import Refused
from domain.scope import Role, Scope
from storage.records.people import User

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
KEEP = "public, max-age=31536000, immutable"
"""Static files carry the hash of their content in their address."""
HSTS = "max-age=31536000"


class Permission(StrEnum):
    """What a route asks of its caller."""

    PUBLIC = "public"
    READ = "read"
    RESPOND = "respond"  # acknowledge, comment, confirm, shelve
    CONTACT = "contact"  # say how one is to be reached oneself
    OPERATE = "operate"  # retry what is in quarantine
    RECORD = "record"  # enter calibrations, headcounts, work rates, lab results
    PLAN = "plan"  # enter a monitoring plan
    SIGN = "sign"  # agree or not, for one's own side
    CONCERNS = "concerns"  # read what workers wrote without a name, with a key of one's own
    COMMITTEE = "committee"  # take part in reviews, meetings, mandates and accounts; alerts.review.access says who does what


EVERYBODY = frozenset(Role)
GRANTED: Mapping[Permission, frozenset[Role]] = {
    Permission.READ: EVERYBODY,
    Permission.RESPOND: frozenset({Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE}),
    Permission.CONTACT: frozenset({Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE, Role.ADMINISTRATOR, Role.INSPECTOR}),
    Permission.OPERATE: frozenset({Role.OFFICER, Role.ADMINISTRATOR}),
    Permission.RECORD: frozenset({Role.OFFICER}),
    Permission.PLAN: frozenset({Role.OFFICER, Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE}),
    Permission.SIGN: frozenset({Role.WORKER_REPRESENTATIVE, Role.MANAGEMENT_REPRESENTATIVE}),
    Permission.CONCERNS: frozenset({Role.WORKER_REPRESENTATIVE, Role.INSPECTOR}),
    Permission.COMMITTEE: frozenset(role for of in ACCESS.values() for role in of),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person or their program, already allowed to be here."""

    user: User

    @property
    def scope(self) -> Scope:
        return self.user.scope

    def may(self, permission: Permission) -> bool:
        return self.user.role in GRANTED[permission]


@dataclass(frozen=True, slots=True)
class Require:
    """A FastAPI dependency: answers with the caller, or refuses."""

    permission: Permission

    def __call__(self, request: Request) -> Caller:
        caller = self._caller(request)
        if not caller.may(self.permission):
            raise Refused(f"your role, {caller.user.role.value.replace('_', ' ')}, may not do this")
        return caller

    def _caller(self, request: Request) -> Caller:
        house = house_of(request)
        user = user_of(request, house)
        if user is None:
            raise NotLoggedIn("log in, or send Authorization: Bearer TOKEN")
        if request.method not in SAFE_METHODS and not bearer_of(request):
            check_origin(request, house.context, cookie=True)
        return Caller(user=user)


@dataclass(frozen=True, slots=True)
class Public:
    """A route that needs no login; a form sent from elsewhere is refused here too."""

    permission: Permission = Permission.PUBLIC

    def __call__(self, request: Request) -> None:
        if request.method not in SAFE_METHODS:
            check_origin(request, house_of(request).context, cookie=False)


READ = Require(Permission.READ)
RESPOND = Require(Permission.RESPOND)
CONTACT = Require(Permission.CONTACT)
OPERATE = Require(Permission.OPERATE)
RECORD = Require(Permission.RECORD)
PLAN = Require(Permission.PLAN)
SIGN = Require(Permission.SIGN)
CONCERNS = Require(Permission.CONCERNS)
COMMITTEE = Require(Permission.COMMITTEE)
PUBLIC = Public()

Reader = Annotated[Caller, Depends(READ)]
Responder = Annotated[Caller, Depends(RESPOND)]
Reachable = Annotated[Caller, Depends(CONTACT)]
Operating = Annotated[Caller, Depends(OPERATE)]
Recording = Annotated[Caller, Depends(RECORD)]
Planning = Annotated[Caller, Depends(PLAN)]
Signing = Annotated[Caller, Depends(SIGN)]
HearingConcerns = Annotated[Caller, Depends(CONCERNS)]
OnCommittee = Annotated[Caller, Depends(COMMITTEE)]


def user_of(request: Request, house: House) -> User | None:
    """The session's or the token's person; a token that is wrong is not made good by a cookie."""
    token = bearer_of(request)
    if token:
        return house.people.token_user(token)
    session = request.cookies.get(house.context.cookie, "")
    return house.people.session_user(session) if session else None


def bearer_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_origin(request: Request, context: ConsoleContext, *, cookie: bool) -> None:
    """Refuses a form that another site sends with this person's cookie."""
    fetch_site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if fetch_site is not None:
        allowed = fetch_site in ("same-origin", "none")
    elif origin is not None:
        allowed = origin == context.origin or urlsplit(origin).netloc == request.headers.get("host")
    else:
        allowed = not cookie
    if not allowed:
        raise Refused("the request comes from another site")


class SecurityHeaders:
    """Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, **({"Strict-Transport-Security": HSTS} if secure else {})}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = KEEP if scope["path"].startswith("/static/") else "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)
