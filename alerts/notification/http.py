"""Channels that are one HTTP request: a signed webhook, and whatever gateway sends text messages or speaks for a bot."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from alerts.notification.port import AddressKind, Permanent, Way
from domain.clock import Clock
from domain.times import SECOND_US

TIMEOUT_S = 10.0
TRY_AGAIN = frozenset({401, 403, 407, 408, 421, 425, 429})
"""Not final: the operator mends a login, a limit passes."""
HEARTBEAT = b'{"event":"heartbeat"}'
FORM = "application/x-www-form-urlencoded"


class Webhook:
    """POSTs JSON. `Oshwatch-Signature: v1=HEX` is the HMAC-SHA256 of `{timestamp}.{body}`: the receiver recomputes it and refuses what is old."""

    def __init__(self, name: str, url: str, secret: bytes, clock: Clock, *, site: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self.way = Way(name=name, kind="machine", site=site)
        self._url, self._secret, self._clock, self._timeout_s = url, secret, clock, timeout_s

    def send(self, address: str, subject: str, text: str) -> None:
        self._post(text.encode())

    def prove(self) -> bool:
        self._post(HEARTBEAT)
        return True

    def _post(self, body: bytes) -> None:
        timestamp = str(self._clock.now_us() // SECOND_US)
        headers = {
            "Content-Type": "application/json",
            "Oshwatch-Timestamp": timestamp,
            "Oshwatch-Signature": f"v1={sign(self._secret, timestamp, body)}",
            "Oshwatch-Delivery": hashlib.sha256(body).hexdigest()[:32],
        }
        _ask(Request(self._url, data=body, headers=headers, method="POST"), self._timeout_s)  # noqa: S310 - the config takes http and https only


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the header carries, in hex."""
    return hmac.digest(secret, timestamp.encode() + b"." + body, hashlib.sha256).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One request a message. `{to}`, `{text}`, `{subject}` and `{secret}` in URL, headers and body are filled in, each escaped as its place wants it."""

    name: str
    reaches: AddressKind
    url: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    content_type: str = "application/json"
    prove_url: str = ""
    is_short: bool = True
    secret: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S

    @property
    def way(self) -> Way:
        return Way(name=self.name, kind=self.reaches, is_short=self.is_short)

    def send(self, address: str, subject: str, text: str) -> None:
        values = {"to": address, "text": text, "subject": subject, "secret": self.secret}
        body = _fill(self.body, values, self.content_type).encode() if self.method != "GET" else None
        _ask(self._request(self.url, self.method, body, values), self.timeout_s)

    def prove(self) -> bool:
        """By the address that the gateway's operator has for it; nothing is sent to anybody."""
        if not self.prove_url:
            return False
        _ask(self._request(self.prove_url, "GET", None, {"secret": self.secret}), self.timeout_s)
        return True

    def _request(self, url: str, method: str, body: bytes | None, values: Mapping[str, str]) -> Request:
        headers = {name: _fill(value, values, "") for name, value in self.headers.items()}
        if body is not None:
            headers["Content-Type"] = self.content_type
        return Request(_fill(url, values, "url"), data=body, headers=headers, method=method)  # noqa: S310 - the config takes http and https only


_PLACE = re.compile(r"\{(to|text|subject|secret)\}")


def _fill(template: str, values: Mapping[str, str], place: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = values.get(match[1], "")
        if place in ("url", FORM):
            return quote(found, safe="")
        return json.dumps(found)[1:-1] if "json" in place else found.replace("\r", " ").replace("\n", " ") if not place else found

    return _PLACE.sub(value, template)


class _NoRedirect(HTTPRedirectHandler):
    """A signed request goes where the operator said, and nowhere else."""

    def redirect_request(self, *arguments: object, **named: object) -> None:
        return None


_opener = build_opener(_NoRedirect)


def _ask(request: Request, timeout_s: float) -> None:
    try:
        with _opener.open(request, timeout=timeout_s) as answer:
            answer.read(4096)
    except HTTPError as error:
        why = f"{error.code} {error.reason}"
        error.close()
        raise (Permanent(why) if 300 <= error.code < 500 and error.code not in TRY_AGAIN else ConnectionError(why)) from None
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP: {error}") from None
