"""E-mail, by any SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import parse_qs, unquote, urlsplit

from alerts.notification.port import Permanent, Way
from domain.errors import BadInput

TIMEOUT_S = 10.0
"""A server that does not answer within this is tried again later."""
_FIELD = "OSHWATCH_SMTP_URL"


class SmtpNotifier:
    """`smtp://user:password@host:587?from=osh@example.org`: TLS by STARTTLS where the server offers it; `smtps://` from the first byte."""

    way = Way(name="smtp")

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        sender = parse_qs(parts.query).get("from", [""])[0]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise BadInput("is no SMTP URL", field=_FIELD, remedy="smtp://user:password@host:587?from=osh@example.org")
        if "@" not in sender:
            raise BadInput("names no sender", field=_FIELD, remedy="add ?from=osh@example.org")
        self._is_tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or (465 if self._is_tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender, self._timeout_s = sender, timeout_s

    def send(self, address: str, subject: str, text: str) -> None:
        """One message over a connection of its own; raises `Permanent` where the server refuses it for good."""
        message = self._message(address, subject, text)
        try:
            with self._connection() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, why = next(iter(error.recipients.values()))
            raise _judged(code, why) from error
        except smtplib.SMTPResponseException as error:
            raise _judged(error.smtp_code, error.smtp_error) from error

    def prove(self) -> bool:
        """The server takes this sender and would take a message to it; none is sent."""
        with self._connection() as server:
            for code, why in (server.mail(self._sender), server.rcpt(self._sender)):
                if code >= 400:
                    raise _judged(code, why)
            server.rset()
        return True

    def _connection(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            server.ehlo()
            if not self._is_tls and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, address: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._sender, address
        message["Subject"] = " ".join(subject.split())
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


def _judged(code: int, why: bytes | str) -> Exception:
    """5xx is final for this message (RFC 5321 4.2.1); a refused login is the operator's to mend and is tried again."""
    text = f"{code} {why.decode(errors='replace') if isinstance(why, bytes) else why}"
    is_login = code in (530, 534, 535, 538)
    return Permanent(text) if 500 <= code < 600 and not is_login else ConnectionError(text)
