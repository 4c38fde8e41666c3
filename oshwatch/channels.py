"""`oshwatch doctor`'s look at the ways to reach people: what the settings say, whether the other side answers, who could be called; nothing is sent."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from alerts.notification.chain import MISSED_US, SILENT
from alerts.notification.config import ChannelsFile, GatewaySpec, SirenSpec, WebhookSpec, channels_of, load_channels
from alerts.notification.duty import is_of, ways_of
from alerts.notification.http import Gateway, Webhook
from alerts.notification.mail import SmtpNotifier
from alerts.notification.port import Notifier, Permanent, Way
from alerts.notification.siren import MqttBroker
from alerts.policies import site_policies
from domain.clock import SystemClock
from domain.errors import OshwatchError
from domain.hazards import Severity
from domain.registry import Snapshot
from domain.scope import Role
from domain.times import to_rfc3339
from oshwatch.parts import mqtt_address, mqtt_client
from oshwatch.settings import Settings
from storage.records.notifications import NotificationsRepository
from storage.records.proofs import ProofsRepository
from storage.records.registry import RegistryRepository

TIMEOUT_S = 5.0
Check = tuple[str, Callable[[], str | None]]


class Note(str):
    """Worth knowing, and nothing that must be mended."""

    __slots__ = ()


def channel_checks(settings: Settings, open_records: Callable[[], Engine]) -> Iterator[Check]:
    """A check for each configured channel, then for what they are for."""
    file: ChannelsFile | None = None
    problem: str | None = None
    try:
        file = load_channels(Path(settings.notify_file)) if settings.notify_file else ChannelsFile()
    except OshwatchError as error:
        problem = str(error)
    yield "mail", lambda: _mail(settings, file)
    if problem is not None:
        yield "channels", lambda: problem
    if file is None:
        return
    specs: list[GatewaySpec | WebhookSpec] = [*file.gateways, *file.webhooks]
    for spec in specs:
        yield f"channel {spec.name}", lambda spec=spec: _received(open_records(), spec.name) or _http(settings, spec)  # type: ignore[misc]
    if file.siren is not None:
        yield "siren", lambda: _siren(settings, file.siren, _held(open_records()))
    yield "sites of channels", lambda: _sites(file, open_records())
    yield "people to call", lambda: _people(settings, file, open_records())
    yield "watchdog's address", lambda: _watchdog(settings)


def _mail(settings: Settings, file: ChannelsFile | None) -> str | None:
    if not settings.smtp_url:
        if file is None or file.gateways:
            return Note("OSHWATCH_SMTP_URL is not set: the watchdog can write to nobody, and people without a phone or chat are not reached")
        return "OSHWATCH_SMTP_URL is not set and OSHWATCH_NOTIFY_FILE names no gateway: nobody is told of an alert who does not look at a page"
    notifier = SmtpNotifier(settings.smtp_url, timeout_s=TIMEOUT_S)
    try:
        notifier.prove()
    except (Permanent, smtplib.SMTPException, OSError) as error:
        return f"{type(error).__name__}: {error}; {_mail_remedy(error)}"
    return None


def _mail_remedy(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the server does not know this user or password: check both in OSHWATCH_SMTP_URL (percent-encode @ : / in them)"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "the server offers no login here: leave user and password out, or use port 587 with STARTTLS or smtps://"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the server hung up: a TLS port wants smtps:// (465), a plain one smtp:// (587 or 25)"
    if isinstance(error, Permanent | ConnectionError) and str(error)[:3].isdigit():
        return "the server does not take mail from this sender: check ?from= in OSHWATCH_SMTP_URL, and whether this machine may relay"
    return _remedy(error)


def _remedy(error: Exception) -> str:
    """What to look at first, by what went wrong on the way."""
    if isinstance(error, socket.gaierror):
        return "no such host: check the spelling, and that this machine can ask a DNS server"
    if isinstance(error, ssl.SSLError):
        return "no TLS: check the port, the host's certificate and this machine's date"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there: check the port, and that the server runs"
    if isinstance(error, TimeoutError):
        return "no answer: a firewall may be in the way"
    return "check the address and the line"


def _http(settings: Settings, spec: GatewaySpec | WebhookSpec) -> str | None:
    """Its secret, then its host; a gateway's own address for the purpose where it has one."""
    file = ChannelsFile(gateways=[spec]) if isinstance(spec, GatewaySpec) else ChannelsFile(webhooks=[spec])
    (notifier,) = channels_of(file, Path(settings.notify_file).parent, SystemClock())
    try:
        if isinstance(notifier, Gateway) and notifier.prove_url:
            notifier.prove()
            return None
        _connect(spec.url)
    except Permanent as error:
        return f"prove_url answers {error}; check it, and secret_file"
    except OSError as error:
        return f"{type(error).__name__}: {error}; {_http_remedy(error)}"
    if isinstance(notifier, Webhook):
        return None
    return Note("its host answers; without prove_url only the weekly test shows whether it takes messages")


def _http_remedy(error: OSError) -> str:
    answered = str(error)[:3]
    if answered in ("401", "403"):
        return "the gateway does not know us: check secret_file and headers"
    return "the gateway answers, and not well: ask its operator" if answered.isdigit() else _remedy(error)


def _connect(url: str) -> None:
    """As far as TLS; no request is made. Raises OSError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as line:
        if parts.scheme == "https":
            ssl.create_default_context().wrap_socket(line, server_hostname=host).close()


def _siren(settings: Settings, spec: SirenSpec | None, held: Snapshot) -> str | None:
    """A heartbeat, which lights nothing, for each site: the broker has to hand it back."""
    if spec is None:
        return None
    host, port = mqtt_address(settings)
    broker = MqttBroker(mqtt_client(settings, "oshwatch-doctor-siren"), host, port, ack_s=TIMEOUT_S)
    try:
        if not broker.wait_until_connected(TIMEOUT_S):
            return f"the broker at {host}:{port} does not let us in: see the line of the broker"
        for site in spec.sites or held.sites:
            broker.publish(f"{spec.topic.format(site=site)}/heartbeat", b'{"from":"doctor"}', retain=False)
    except OSError as error:
        return str(error)
    finally:
        broker.close()
    return None


def _received(engine: Engine, channel: str) -> str | None:
    """What the running centre itself last heard of it."""
    proofs = ProofsRepository(engine)
    last, received = proofs.last(channel, SILENT), proofs.last_received(channel, SILENT)
    if last is None or not last.problem or (received is not None and last.asked_us - received.asked_us < MISSED_US):
        return None
    since = f"since {to_rfc3339(received.asked_us)}" if received else "ever"
    return f"the running centre has had no receipt {since}: {last.problem}; look at the page Who is told"


def _sites(file: ChannelsFile, engine: Engine) -> str | None:
    known = _held(engine).sites
    named = [*(spec.site for spec in file.webhooks if spec.site), *(file.siren.sites if file.siren else [])]
    unknown = sorted(set(named) - set(known))
    if unknown:
        return f"the file of channels names sites that are not registered: {', '.join(unknown)}; check the spelling, or `oshwatch registry import`"
    return None


def _people(settings: Settings, file: ChannelsFile, engine: Engine) -> str | None:
    """At stop level somebody of each role that the site's policy calls has to have an address for one of the channels."""
    notifiers: list[Notifier] = [SmtpNotifier(settings.smtp_url)] if settings.smtp_url else []
    ways = [*(one.way for one in notifiers), *(Way(name=spec.name, kind=spec.reaches) for spec in file.gateways)]
    if not ways:
        return "there is no channel by which anybody could be called"
    held, people, policy = _held(engine), NotificationsRepository(engine).recipients(list(Role)), site_policies(engine)
    policy.refresh(settings.clock.now_us())
    missing = []
    for site in held.sites:
        reached = {person.role for person in people if is_of(person, site, held) and ways_of(person, ways, Severity.STOP)}
        roles = [role.value.replace("_", " ") for role in policy.for_site(site).paging.stop if role not in reached]
        missing += [f"{site}: no {' and no '.join(roles)}"] if roles else []
    if missing:
        return f"{'; '.join(missing)} can be reached by {_names(ways)}; each says on the page Who is told by what address, or `oshwatch user add --email`"
    return None


def _watchdog(settings: Settings) -> str | None:
    if not settings.watchdog_url:
        return Note("OSHWATCH_WATCHDOG_URL is not set: nobody notices when this whole machine is off")
    try:
        _connect(settings.watchdog_url)
    except OSError as error:
        return f"{type(error).__name__}: {error}; {_remedy(error)}"
    return None


def _held(engine: Engine) -> Snapshot:
    return RegistryRepository(engine).load().latest()


def _names(ways: Sequence[Way]) -> str:
    return " or ".join(way.name for way in ways)
