"""A bare ingest process for tests that kill it: `worker.py MQTT_URL DIRECTORY`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

from domain.clock import SystemClock
from ingest.mqtt import MqttSource
from ingest.service import IngestService
from oshwatch.testing import RecordingRules
from storage.records.engine import open_records
from storage.timeseries.sqlite import SqliteTimeSeries


def main(url: str, directory: Path) -> None:
    logging.basicConfig(level=logging.INFO)
    service = IngestService(
        source=MqttSource(url, clock=SystemClock()),
        timeseries=SqliteTimeSeries(directory),
        engine=open_records(f"sqlite:///{directory}/oshwatch.db"),
        clock=SystemClock(),
        rules=RecordingRules(),
    )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    service.start()
    ended.wait()
    service.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
