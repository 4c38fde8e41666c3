"""Ingest alone, as one worker has all agents, or as one of several workers that share them."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Engine

from alerts.instant import InstantRules
from domain.clock import SystemClock
from domain.errors import NotReady
from domain.times import SECOND_US
from ingest.mqtt import MqttSource, tls_context
from ingest.service import IngestService
from ingest.sessions import SlotSessions, end_session
from ingest.share import CLIENT_ID, SERVICE, Share, Topics, client_id_of, subscriptions_of
from ingest.worker import Worker
from oshwatch.settings import Settings
from storage.records.leases import LeasesRepository
from storage.records.registry import RegistryRepository
from storage.records.services import ServicesRepository
from storage.timeseries.port import TimeSeries

log = logging.getLogger(__name__)

SILENT_US = 10 * SECOND_US
"""A worker that has all agents is gone when it has not spoken for five heartbeats."""
LOOK_EVERY_S = 1.0


def run_alone(settings: Settings, engine: Engine, timeseries: TimeSeries, stop: threading.Event) -> None:
    """All agents, one session, nothing to agree on. Raises `NotReady` while workers of a larger installation live."""
    left = LeasesRepository(engine).all()
    if any(row.name and row.left_us > 0 for row in left):
        raise NotReady("several ingest workers share the agents now: stop them first, or set OSHWATCH_INGEST_WORKERS as it is set there")
    service = _service(settings, engine, timeseries, _session(settings, CLIENT_ID), Share())
    service.start()
    if left:
        _once_ready(service, stop, lambda: _end_slots(settings, engine, [row.slot for row in left]))
    stop.wait()
    service.stop()


def run_shared(settings: Settings, engine: Engine, timeseries: TimeSeries, stop: threading.Event) -> None:
    """The agents of the slots that this worker gets."""
    name = settings.ingest_worker or f"{socket.gethostname()}-{os.getpid()}"[:64]
    services = ServicesRepository(engine)
    while _has_all(services) and not stop.wait(LOOK_EVERY_S):
        log.warning("one ingest worker has all agents still: it must stop first")

    def begin(share: Share, sure: Callable[[], bool]) -> IngestService:
        sessions = SlotSessions([lease.slot for lease in share.held], share.slots, lambda slot: _slot_session(settings, slot, sure))
        service = _service(settings, engine, timeseries, sessions, share)
        service.start()
        return service

    worker = Worker(
        leases=LeasesRepository(engine),
        services=services,
        slots=settings.ingest_slots,
        name=name,
        token=secrets.token_hex(16),
        begin=begin,
        settled=lambda: _end(settings, [CLIENT_ID]),
    )
    worker.run(stop)


def worker_names(settings: Settings) -> list[str]:
    """Of the workers that `serve` starts on this machine."""
    return [f"{socket.gethostname()[:56]}-{number}" for number in range(1, settings.ingest_workers + 1)]


def _service(settings: Settings, engine: Engine, timeseries: TimeSeries, source: MqttSource | SlotSessions, share: Share) -> IngestService:
    rules = InstantRules(engine, settings.clock, RegistryRepository(engine).load, last_of=timeseries.last)
    return IngestService(source=source, timeseries=timeseries, engine=engine, clock=settings.clock, rules=rules, share=share)


def _session(settings: Settings, client_id: str, **of_a_slot: Any) -> MqttSource:
    return MqttSource(
        settings.mqtt_url,
        clock=settings.clock,
        client_id=client_id,
        password=settings.mqtt_password,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
        **of_a_slot,
    )


def _slot_session(settings: Settings, slot: int, sure: Callable[[], bool]) -> MqttSource:
    slots = settings.ingest_slots
    return _session(settings, client_id_of(slot), subscriptions=subscriptions_of(slot, slots), number=slot, mine=Topics(slot, slots).mine, permit=sure)


def _has_all(services: ServicesRepository) -> bool:
    now_us = SystemClock().now_us()
    return any(row.name == SERVICE and row.problem != "stopped" and now_us - row.at_us < SILENT_US for row in services.all())


def _once_ready(service: IngestService, stop: threading.Event, then: Callable[[], None]) -> None:
    while not service.ready()[0]:
        if stop.wait(LOOK_EVERY_S):
            return
    then()


def _end_slots(settings: Settings, engine: Engine, slots: Sequence[int]) -> None:
    if _end(settings, [client_id_of(slot) for slot in slots]):
        LeasesRepository(engine).forget(slots)


def _end(settings: Settings, client_ids: Iterable[str]) -> bool:
    """Sessions that nobody will use again go, or the broker would collect for them; what waits in them is not acknowledged, and agents send it again."""
    context = tls_context(settings.mqtt_ca_file, settings.mqtt_cert_file, settings.mqtt_key_file) if settings.mqtt_url.startswith("mqtts") else None
    began_s = time.monotonic()
    done = [end_session(settings.mqtt_url, client_id, password=settings.mqtt_password, context=context) for client_id in client_ids]
    log.info("%d of %d former sessions ended in %.1f s", sum(done), len(done), time.monotonic() - began_s)
    return all(done)
