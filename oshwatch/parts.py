"""The wiring of each part of the centre: which repositories, stores and rules it is handed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from domain.clock import SystemClock
from domain.errors import BadInput, NotReady
from oshwatch.ports import check_listen
from oshwatch.settings import Settings
from storage.timeseries.port import Expired, TimeSeries

log = logging.getLogger(__name__)

TICK_S = 2.0
"""How often the floor is looked at anew: well within what "at once" means for heat; instant rules run in ingest."""
HEARTBEAT_S = 2.0
RETENTION_S = 3_600.0
HOLDS_S = 600.0
"""Retention looks anew by itself before it deletes; this is for who asks what is held."""
NOTIFICATION_S = 5.0
MONITOR_S = 600.0
REVIEW_S = 30.0
"""Reviews speak of days; what is overdue is journaled within half a minute of a start."""


def prepare(settings: Settings) -> Engine:
    """Folders and an up-to-date records database; raises `BadInput` or `NotReady` in plain words."""
    from storage.records.engine import open_records

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{settings.data_dir} cannot be made: {error.strerror}", field="OSHWATCH_DATA_DIR", remedy="name a folder that this user may write") from None
    return open_records(settings.database_url)


def mqtt_address(settings: Settings) -> tuple[str, int]:
    url = urlsplit(settings.mqtt_url)
    return url.hostname or "127.0.0.1", url.port or (8883 if url.scheme == "mqtts" else 1883)


def mqtt_client(settings: Settings, client_id: str) -> mqtt.Client:
    """A client with the centre's user, password and certificates; not yet connected."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    url = urlsplit(settings.mqtt_url)
    if url.username:
        client.username_pw_set(unquote(url.username), settings.mqtt_password or (unquote(url.password) if url.password else None))
    check_certificates(settings)
    if url.scheme == "mqtts":
        client.tls_set(settings.mqtt_ca_file or None, settings.mqtt_cert_file or None, settings.mqtt_key_file or None)
    return client


def ask_retry(settings: Settings, *items: int) -> None:
    """Asks a running ingest to try entries in quarantine again: it alone writes what packs say. Raises `NotReady` when the broker does not take the request."""
    from ingest.intake import RETRY_TOPIC

    client = mqtt_client(settings, f"oshwatch-retry-{items[0]}")
    host, port = mqtt_address(settings)
    try:
        client.connect(host, port, keepalive=10)
    except OSError as error:
        raise NotReady(f"the broker at {host}:{port} does not answer: {error}") from None
    client.loop_start()
    sent = [client.publish(RETRY_TOPIC, b'{"id":%d}' % item, qos=1) for item in items]
    for each in sent:
        each.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    if not all(each.is_published() for each in sent):
        raise NotReady("the broker did not take the request; try again")


def check_certificates(settings: Settings) -> None:
    for name, path in (("OSHWATCH_MQTT_CA_FILE", settings.mqtt_ca_file), ("OSHWATCH_MQTT_CERT_FILE", settings.mqtt_cert_file), ("OSHWATCH_MQTT_KEY_FILE", settings.mqtt_key_file)):
        if path and not Path(path).is_file():
            raise BadInput(f"{path} is not a file", field=name, remedy="check the path")


def run_ingest(settings: Settings) -> int:
    """Packs in, until told to stop."""
    from ingest.memory import collect_seldom
    from oshwatch.workers import run_alone, run_shared
    from storage.timeseries.opening import open_timeseries

    engine, stop = prepare(settings), stop_event()
    check_certificates(settings)
    timeseries = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    collect_seldom()
    try:
        (run_alone if settings.ingest_workers == 1 else run_shared)(settings, engine, timeseries, stop)
    finally:
        timeseries.close()
    return 0


def run_alerts(settings: Settings) -> int:
    """Windows, verdicts, alerts, suspects and notifications, until told to stop."""
    from alerts.model_monitor import ModelMonitor
    from alerts.policies import site_policies
    from alerts.review.holds import keep_holds
    from alerts.review.sweep import ReviewSweep
    from alerts.service import AlertService
    from alerts.suspects import SuspectsRunner
    from assess.engine import Assessor
    from assess.forecasts import Forecaster
    from oshwatch.loop import Loop
    from oshwatch.notifying import Notifying
    from storage.records.registry import RegistryRepository
    from storage.timeseries.opening import open_timeseries
    from storage.timeseries.port import Expires

    engine, clock, stop = prepare(settings), settings.clock, stop_event()
    timeseries = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    policy = site_policies(engine)
    notifying = Notifying(settings, engine, policy)
    forecaster = Forecaster(settings.data_dir / "models" / "forecast")
    assessor = Assessor(timeseries, engine, clock, forecaster)
    service = AlertService(engine=engine, timeseries=timeseries, clock=clock, policy=policy)
    suspects = SuspectsRunner(timeseries, engine, clock, settings.data_dir / "models")
    monitor = ModelMonitor(settings.data_dir / "models", suspects, forecaster)
    reviews = ReviewSweep(engine, clock, lambda: RegistryRepository(engine).load().at(clock.now_us()))
    notifying.start(stop)
    loop = Loop("alerts", engine)
    loop.add("floor", TICK_S / getattr(clock, "speed", 1.0), lambda: service.tick(clock.now_us(), assessor.tick(clock.now_us())))
    loop.add("suspects", TICK_S / getattr(clock, "speed", 1.0), lambda: suspects.tick(clock.now_us()))
    loop.add("models", MONITOR_S, lambda: monitor.tick(clock.now_us()))
    loop.tell_of([], monitor.counters)
    loop.add("reviews", REVIEW_S, lambda: reviews.tick(clock.now_us()))
    loop.add("notification", NOTIFICATION_S, notifying.tick)
    loop.tell_of(notifying.rounds, notifying.counters)
    loop.add("holds", HOLDS_S, lambda: keep_holds(engine, clock.now_us()))
    if isinstance(timeseries, Expires):
        loop.add("retention", RETENTION_S, lambda: let_go(engine, timeseries, clock.now_us()))
    loop.run(stop)
    timeseries.close()
    return 0


def let_go(engine: Engine, timeseries: TimeSeries, now_us: int) -> list[Expired]:
    """Deletes what retention lets go, with today's open cases held first."""
    from alerts.review.holds import keep_holds
    from storage.retention import apply_retention

    keep_holds(engine, now_us)
    return apply_retention(engine, timeseries, now_us)


def run_console(settings: Settings) -> int:
    """REST, live stream and pages, until told to stop."""
    from console.app import create_app
    from console.context import ConsoleContext
    from console.server import ConsoleServer
    from storage.timeseries.opening import open_timeseries

    host, port = settings.listen_address
    check_listen(host, port)
    engine = prepare(settings)
    timeseries = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    context = ConsoleContext(
        engine=engine,
        timeseries=timeseries,
        clock=settings.clock,
        console_url=settings.console_url,
        operator=settings.operator,
        version=version("oshwatch"),
        wait_for_reading=settings.is_demo,
        retry_quarantine=lambda item: ask_retry(settings, item),
        data_dir=settings.data_dir,
    )
    beating = threading.Thread(target=_beat, args=("console", engine), daemon=True)
    beating.start()
    ConsoleServer(create_app(context), host=host, port=port).run()
    timeseries.close()
    return 0


def run_watchdog(settings: Settings) -> int:
    """The dead man's switch, by the real clock, until told to stop."""
    from alerts.notification.mail import SmtpNotifier
    from alerts.notification.watchdog import LOOK_S, Watchdog, caller
    from oshwatch.loop import Loop
    from oshwatch.notifying import translator

    engine, stop = prepare(settings), stop_event()
    watchdog = Watchdog(
        engine,
        SystemClock(),
        mail=SmtpNotifier(settings.smtp_url) if settings.smtp_url else None,
        addresses=[address.strip() for address in settings.watchdog_mail.split(",") if address.strip()],
        call=caller(settings.watchdog_url) if settings.watchdog_url else None,
        say=translator(),
    )
    loop = Loop("watchdog", engine)
    loop.add("watchdog", LOOK_S, watchdog.look)
    loop.tell_of([], watchdog.counters)
    loop.run(stop)
    return 0


def check_channels(settings: Settings) -> None:
    """What is wrong with the file of channels is said before any part starts."""
    from alerts.notification.config import channels_of, load_channels
    from alerts.notification.mail import SmtpNotifier

    if settings.smtp_url:
        SmtpNotifier(settings.smtp_url)
    if settings.notify_file:
        path = Path(settings.notify_file)
        channels_of(load_channels(path), path.parent, settings.clock)


def _beat(name: str, engine: Engine) -> None:
    from storage.records.services import ServicesRepository

    services, forever = ServicesRepository(engine), threading.Event()
    while True:
        try:
            services.heartbeat(name, os.getpid(), SystemClock().now_us(), ready=True)
        except NotReady as error:
            log.warning("heartbeat: %s", error)
        forever.wait(HEARTBEAT_S)


def stop_event() -> threading.Event:
    """Set by SIGTERM or SIGINT."""
    event = threading.Event()

    def handle(signum: int, frame: FrameType | None) -> None:
        event.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return event
