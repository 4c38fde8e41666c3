"""Templates, drawn in the reader's language."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alerts.review.access import Transition, may
from console.context import ROOM, ConsoleContext
from console.formats import AGES, Formats
from console.i18n import N_, Catalogue, load_catalogues, negotiate
from console.pages.footer import footer_by_address
from console.security import Caller
from console.words import ROLES
from domain.clock import ScenarioClock
from domain.times import SECOND_US
from storage.records.people import User

STATIC = ROOM / "static"
LANGUAGE_COOKIE = "oshwatch-lang"
YEAR_S = 31_536_000

NAV = (
    (N_("Floor"), "/floor", "floor"),
    (N_("Alerts"), "/alerts", "alerts"),
    (N_("Review"), "/reviews", "reviews"),
    (N_("Sites"), "/sites", "sites"),
    (N_("Equipment"), "/equipment", "equipment"),
)
HEADLINES = {
    401: N_("Please log in"),
    403: N_("Not allowed"),
    404: N_("Nothing here"),
    429: N_("Too many tries"),
    503: N_("Not ready"),
    500: N_("Something went wrong"),
}
EXPLANATIONS = {
    401: N_("This page is for people with an account."),
    403: N_("Your role may not do this, or the request came from another site."),
    404: N_("There is no such page for you: it does not exist, or it is not in your scope."),
    429: N_("Wait a few minutes before the next try."),
    503: N_("A database does not answer right now. Nothing is lost; try again in a moment."),
    500: N_("The centre's log says what happened."),
}
WRONG_REQUEST = N_("Something in the request is wrong")


@dataclass(frozen=True, slots=True)
class NavEntry:
    text: str
    href: str
    current: bool
    count: int


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    name: str
    current: bool
    href: str


class Renderer:
    """One environment a language; all texts go through its catalogue."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context
        self.catalogues = load_catalogues(pseudo=context.pseudo_locale)
        self._environments = {tag: _environment(catalogue) for tag, catalogue in self.catalogues.items()}
        self._assets: dict[str, str] = {}

    def catalogue(self, request: Request, user: User | None) -> Catalogue:
        """?lang=, else what was chosen here before, else the person's own, else the browser's."""
        return negotiate(
            self.catalogues,
            asked=request.query_params.get("lang", "") or request.cookies.get(LANGUAGE_COOKIE, ""),
            user=user.locale if user else "",
            accept=request.headers.get("accept-language", ""),
        )

    def formats(self, request: Request, user: User | None) -> Formats:
        return Formats(self.catalogue(request, user))

    def page(self, request: Request, template: str, caller: Caller | None, *, status: int = 200, section: str = "", unacknowledged: int = 0, **values: Any) -> HTMLResponse:
        """The page, in one language, for one person."""
        user = caller.user if caller else None
        catalogue = self.catalogue(request, user)
        shared = {**self._shared(catalogue, user, section, unacknowledged), "languages": self._languages(request, catalogue)}
        if caller is not None and "not_measured" not in values:
            shared |= footer_by_address(request, caller.scope)
        text = self._environments[catalogue.tag].get_template(template).render({**shared, **values})
        response = HTMLResponse(text, status, {"Content-Language": catalogue.tag, "Vary": "Cookie, Accept-Language"})
        if request.query_params.get("lang") == catalogue.tag:
            response.set_cookie(LANGUAGE_COOKIE, catalogue.tag, max_age=YEAR_S, httponly=True, samesite="lax", secure=self._context.secure)
        return response

    def problem(self, request: Request, status: int, detail: str, caller: Caller | None) -> HTMLResponse:
        headline, explanation = HEADLINES.get(status, WRONG_REQUEST), EXPLANATIONS.get(status, "")
        return self.page(request, "problem.html", caller, status=status, headline=headline, explanation=explanation, detail=detail if status in (403, 422, 429) else "")

    def asset(self, name: str) -> str:
        """Its address with the hash of its content, so that browsers may keep it for ever."""
        if name not in self._assets:
            path = STATIC / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.exists() else "missing"
            self._assets[name] = f"/static/{name}?v={digest}"
        return self._assets[name]

    def _languages(self, request: Request, catalogue: Catalogue) -> list[Language]:
        """Each with the address of this very view: what was chosen on the page stays chosen."""
        kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("lang", "problem")]
        return [Language(other.tag, other.name, other.tag == catalogue.tag, f"?{urlencode([*kept, ('lang', other.tag)])}") for other in self.catalogues.values()]

    def _shared(self, catalogue: Catalogue, user: User | None, section: str, unacknowledged: int) -> Mapping[str, Any]:
        return {
            "lang": catalogue.tag,
            "direction": catalogue.direction,
            "asset": self.asset,
            "bundle": (STATIC / "built" / "live.js").exists(),
            "user": user,
            "role": catalogue.gettext(ROLES[user.role.value]) if user else "",
            "may_review": user is not None and may(user.role, Transition.OPEN),
            "nav": [NavEntry(catalogue.gettext(text), href, name == section, unacknowledged if name == "alerts" else 0) for text, href, name in NAV],
            "unacknowledged": unacknowledged,
            "version": self._context.version,
            "operator": self._context.operator,
            "ages": {unit: catalogue.gettext(text) for unit, text in AGES.items()},
            "live": "",
            "not_measured": [],
            "plan_signed": False,
            "is_of_sites": False,
            "speed": self._context.clock.speed if isinstance(self._context.clock, ScenarioClock) else 1,
            "now": self._context.clock.now_us() / SECOND_US,
            "decimal": catalogue.babel.number_symbols["latn"]["decimal"],
        }


def _environment(catalogue: Catalogue) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOM / "templates"), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True
    )
    environment.install_gettext_callables(catalogue.gettext, catalogue.translations.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["t"] = catalogue.gettext
    return environment
