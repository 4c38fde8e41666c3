"""What the agent says of itself: the numbers of the host, and the parts' own problems."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.messages import Health, SensorHealth
from domain.times import DAY_US, SECOND_US
from edge_agent.certificate import not_after_us
from edge_agent.outbox import Outbox
from edge_agent.timebase import Timebase

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_UPTIME = Path("/proc/uptime")
LOW_DISK_BYTES = 100_000_000


def host_uptime_s() -> float:
    """Since the machine went on; 0 would say that sensors are warming up, so a host that cannot tell is taken as long on."""
    try:
        return float(_UPTIME.read_text().split()[0])
    except (OSError, ValueError):
        return float("inf")


def cpu_temperature_c() -> float | None:
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def disk_free_bytes(directory: Path) -> int:
    try:
        stat = os.statvfs(directory)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """Puts the message together; everything is asked at the moment of sending."""

    timebase: Timebase
    outbox: Outbox
    data_dir: Path
    started_us: int
    sensors: Callable[[], Mapping[str, SensorHealth]]
    problems: Callable[[], list[str]]
    certificates: Mapping[str, Path | None]

    def message(self, destination: str, mqtt_version: str) -> Health:
        now_us = self.timebase.now_us()
        depth, oldest_us = self.outbox.depth(destination)
        free = disk_free_bytes(self.data_dir)
        low = [f"only {free // 1_000_000} MB left on the disk of {self.data_dir}"] if free < LOW_DISK_BYTES else []
        return Health(
            boot=self.outbox.boot,
            at=now_us / SECOND_US,
            uptime_s=(self.timebase.monotonic_us() - self.started_us) / SECOND_US,
            mqtt_version=mqtt_version,
            clock_synchronised=self.timebase.synchronised,
            clock_offset_s=self.timebase.offset_us / SECOND_US,
            outbox_depth=depth,
            outbox_oldest_age_s=None if oldest_us is None else max((now_us - oldest_us) / SECOND_US, 0.0),
            sensors=dict(self.sensors()),
            disk_free_bytes=free,
            cpu_temperature_c=cpu_temperature_c(),
            certificate_days_left=self._certificate_days(destination, now_us),
            problems=[*self.problems(), *low],
        )

    def _certificate_days(self, destination: str, now_us: int) -> int | None:
        path = self.certificates.get(destination)
        until_us = not_after_us(path) if path else None
        return None if until_us is None else (until_us - now_us) // DAY_US
