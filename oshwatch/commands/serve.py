"""`oshwatch serve`: the centre. Without a part it is a supervisor of its three parts; each part is a process of its own."""

from __future__ import annotations

import argparse

from oshwatch.settings import Settings, load_settings
from oshwatch.supervise import Child, Supervisor, python

PARTS = ("ingest", "alerts", "console")


def serve(options: argparse.Namespace) -> int:
    settings = load_settings(config=options.config)
    if options.part is None:
        return _all(settings, options)
    from oshwatch import parts

    run = {"ingest": parts.run_ingest, "alerts": parts.run_alerts, "console": parts.run_console}[options.part]
    return run(settings)


def _all(settings: Settings, options: argparse.Namespace) -> int:
    from oshwatch.parts import check_certificates, prepare
    from storage.timeseries.opening import open_timeseries

    prepare(settings)
    check_certificates(settings)
    open_timeseries(settings.timeseries_url, settings.influxdb_token).close()  # what is wrong is said once, before any part starts
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    arguments = ["--config", str(options.config.absolute())] if options.config else []
    for part in PARTS:
        supervisor.start(Child(name=part, command=python("serve", part, *arguments)))
    print(f"oshwatch: serving {settings.console_url}", flush=True)
    return supervisor.run()
