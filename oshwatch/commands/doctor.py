"""`oshwatch doctor`: what is wrong with this installation, in plain words."""

from __future__ import annotations

import argparse
import shutil
import threading
from collections.abc import Callable, Iterator

from sqlalchemy import Engine, func, select

from domain.clock import SystemClock
from domain.errors import OshwatchError
from domain.times import DAY_US, SECOND_US, to_rfc3339
from oshwatch.channels import Note, channel_checks
from oshwatch.parts import prepare
from oshwatch.settings import Settings, load_settings
from storage.timeseries.port import DeletesByItself

DISK_FREE_MIN = 1 << 30
"""A day of a large factory's readings with room to spare."""
HEARTBEAT_MAX_S = 15


def doctor(options: argparse.Namespace) -> int:
    """Prints a line a check; 1 when anything is wrong."""
    settings = load_settings(config=options.config)
    wrong = 0
    for name, check in _checks(settings):
        problem = _problem(check)
        is_wrong = problem is not None and not isinstance(problem, Note)
        wrong += is_wrong
        print(f"{'wrong' if is_wrong else 'ok   '}  {name}" + (f": {problem}" if problem else ""))
    print(f"{wrong} of the above must be mended" if wrong else "nothing is wrong")
    return 1 if wrong else 0


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str | None]]]:
    yield "records database", lambda: _registered(prepare(settings))
    yield "time-series store", lambda: _timeseries(settings)
    yield "broker", lambda: _broker(settings)
    yield "ingest", lambda: _heartbeat(settings, "ingest") if settings.ingest_workers == 1 else _workers(settings)
    for part in ("alerts", "console", "watchdog"):
        yield part, lambda part=part: _heartbeat(settings, part)  # type: ignore[misc]
    yield "quarantine", lambda: _quarantine(prepare(settings))
    yield "limit profiles", _limits
    yield from channel_checks(settings, lambda: prepare(settings))
    yield "disk", lambda: _disk(settings)


def _problem(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except (OshwatchError, OSError) as error:
        return str(error)


def _registered(engine: Engine) -> str | None:
    from storage.records.registry import RegistryRepository

    snapshot = RegistryRepository(engine).load().latest()
    if not snapshot.sites:
        return "no site is registered; `oshwatch registry import FILE.yaml`"
    with engine.connect() as connection:
        from storage.records.tables import users

        if not connection.execute(select(func.count()).select_from(users)).scalar_one():
            return "nobody may log in; `oshwatch user add NAME --role R --scope S`"
    return None


def _timeseries(settings: Settings) -> str | None:
    from storage.timeseries.opening import open_timeseries

    store = open_timeseries(settings.timeseries_url, settings.influxdb_token)
    try:
        store.ping()
        if lacks := store.fidelity.lacks():
            return f"{store.fidelity.name} {'; '.join(lacks)}: no evidence may rest on it; keep the readings in SQLite or InfluxDB"
        return _kept(settings, store.deletes_after_us()) if isinstance(store, DeletesByItself) else None
    finally:
        store.close()


def _kept(settings: Settings, deletes_after_us: int) -> str | None:
    """A server that deletes by itself must not delete what a rule or a hold keeps; without a rule all is kept."""
    if not deletes_after_us:
        return None
    from storage.records.retention import RetentionRepository

    repository, days = RetentionRepository(prepare(settings)), deletes_after_us / DAY_US
    rules = repository.rules()
    wanted = max((rule.minutes_days for rule in rules), default=None)
    if wanted is None or days < wanted:
        asked = "no rule lets anything go" if wanted is None else f"a rule keeps minutes {wanted} days"
        return f"it deletes after {days:g} days, without a record, and {asked}; lengthen its retention, or `oshwatch timeseries retain`"
    oldest_us = min((hold.start_us for hold in repository.holds()), default=None)
    if oldest_us is not None and oldest_us < SystemClock().now_us() - deletes_after_us + 7 * DAY_US:
        return f"it deletes after {days:g} days what is held from {to_rfc3339(oldest_us)} on; set its retention to infinite until the hold is released"
    return None


def _broker(settings: Settings) -> str | None:
    import paho.mqtt.client as mqtt

    from oshwatch.parts import mqtt_address, mqtt_client

    answered = threading.Event()
    refusals: list[str] = []
    client = mqtt_client(settings, "doctor")

    def on_connect(client: mqtt.Client, userdata: object, flags: object, reason: mqtt.ReasonCode, properties: object) -> None:  # type: ignore[name-defined]
        if reason.is_failure:
            refusals.append(str(reason))
        answered.set()

    client.on_connect = on_connect
    host, port = mqtt_address(settings)
    try:
        client.connect(host, port, keepalive=10)
    except OSError as error:
        return f"{host}:{port} cannot be reached: {error.strerror or error}; is a broker running there? OSHWATCH_MQTT_URL says where to look"
    client.loop_start()
    heard = answered.wait(5)
    client.disconnect()
    client.loop_stop()
    if not heard:
        return f"no answer from {host}:{port} within 5 s"
    return f"refuses us: {refusals[0]}; check OSHWATCH_MQTT_URL's user and OSHWATCH_MQTT_PASSWORD" if refusals else None


def _heartbeat(settings: Settings, part: str) -> str | None:
    from storage.records.services import ServicesRepository

    found = next((service for service in ServicesRepository(prepare(settings)).all() if service.name == part), None)
    if found is None:
        return f"has never run here; `oshwatch serve` or `oshwatch serve {part}`"
    age_s = (SystemClock().now_us() - found.at_us) / SECOND_US
    if age_s > HEARTBEAT_MAX_S:
        return f"silent for {age_s:.0f} s; is it running?"
    return None if found.ready else found.problem


def _workers(settings: Settings) -> str | None:
    """Prints who holds what; a problem when a slot has no owner, or an owner is not well."""
    from storage.records.leases import LeasesRepository
    from storage.records.services import ServicesRepository

    engine = prepare(settings)
    rows = LeasesRepository(engine).all()
    held = {name: [row.slot for row in rows if row.name == name and row.left_us > 0] for name in sorted({row.name for row in rows if row.name})}
    for name, slots in held.items():
        print(f"      worker {name} holds slots {', '.join(map(str, slots)) or 'none'} of {settings.ingest_slots}")
    if len(rows) != settings.ingest_slots:
        return f"{len(rows)} slots are laid out and OSHWATCH_INGEST_SLOTS is {settings.ingest_slots}; give all workers the same, and start them"
    free = [row.slot for row in rows if row.left_us <= 0]
    if free:
        return f"slots {', '.join(map(str, free))} have no worker: their agents wait; `oshwatch serve ingest` on any machine takes them"
    ill = [f"{row.name}: {row.problem}" for row in ServicesRepository(engine).all() if row.name.removeprefix("ingest-") in held and not row.ready]
    return "; ".join(ill) or None


def _quarantine(engine: Engine) -> str | None:
    from storage.records.tables import quarantine

    with engine.connect() as connection:
        held = connection.execute(select(func.count()).select_from(quarantine).where(quarantine.c.state == "held")).scalar_one()
    return f"{held} packs or records are held; `oshwatch quarantine list` says why" if held else None


def _limits() -> str | None:
    from models.limits.loader import check

    found = check()
    return f"{len(found)} problems; `oshwatch limits check`" if found else None


def _disk(settings: Settings) -> str | None:
    free = shutil.disk_usage(settings.data_dir).free
    return None if free > DISK_FREE_MIN else f"{free >> 20} MiB free where {settings.data_dir} lies; make room"
