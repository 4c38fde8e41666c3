"""`oshwatch serve`: the centre. Without a part it is a supervisor of its parts; each part is a process of its own."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from domain.clock import SystemClock
from domain.errors import NotReady
from oshwatch.ports import check_listen
from oshwatch.settings import Settings, load_settings
from oshwatch.supervise import Child, Supervisor, python

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

PARTS = ("ingest", "alerts", "console", "watchdog")


def serve(options: argparse.Namespace) -> int:
    settings = load_settings(config=options.config)
    if options.part is None:
        return _all(settings, options)
    from oshwatch import parts

    run = {"ingest": parts.run_ingest, "alerts": parts.run_alerts, "console": parts.run_console, "watchdog": parts.run_watchdog}[options.part]
    return run(settings)


def _all(settings: Settings, options: argparse.Namespace) -> int:
    from oshwatch.parts import check_certificates, check_channels, prepare
    from oshwatch.workers import worker_names
    from storage.timeseries.opening import open_timeseries

    check_listen(*settings.listen_address)
    engine = prepare(settings)
    check_certificates(settings)
    check_channels(settings)
    open_timeseries(settings.timeseries_url, settings.influxdb_token).close()  # what is wrong is said once, before any part starts
    supervisor = Supervisor(telling(engine))
    supervisor.stop_on_signals()
    arguments = ["--config", str(options.config.absolute())] if options.config else []
    for part in PARTS:
        if part == "ingest" and settings.ingest_workers > 1:
            for name in worker_names(settings):
                supervisor.start(Child(name=f"ingest {name}", command=python("serve", part, *arguments), environment={"OSHWATCH_INGEST_WORKER": name}))
        else:
            # a port taken while the console restarts must not end the other parts
            supervisor.start(Child(name=part, command=python("serve", part, *arguments), fatal_on_bad_input=part != "console"))
    print(f"oshwatch: serving {settings.console_url}", flush=True)
    return supervisor.run()


def telling(engine: Engine) -> Callable[[Mapping[str, float]], None]:
    """The supervisor's own heartbeat, so that `/metrics` says how often each part was started again."""
    from storage.records.services import ServicesRepository

    services = ServicesRepository(engine)

    def tell(counters: Mapping[str, float]) -> None:
        try:
            services.heartbeat("supervisor", os.getpid(), SystemClock().now_us(), True, "", counters)
        except NotReady as error:
            log.info("no heartbeat: %s", error)

    return tell
