"""MH-Z19 as a driver: asked each interval; an answer that comes unasked is a reading too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from domain.quality import Quality, Reason
from edge_agent.drivers.base import Id, Point, SensorChannels, SensorOptions, SensorTask, Surroundings, no_value
from edge_agent.drivers.mh_z19.codec import ABC_OFF, ABC_ON, READ_CO2, Answer, Scanner
from edge_agent.drivers.serial_task import SerialFrameTask
from edge_agent.drivers.transport import SerialTransport

WARM_UP_S = 180.0
"""MH-Z19B: preheating 3 min (MH-Z19C: 1 min)."""


class MhZ19Options(SensorOptions, frozen=True, kw_only=True, tag="mh_z19"):
    """Options of the driver `mh_z19`."""

    placement: Id
    range_ppm: Literal[2000, 5000, 10000] = 5000
    abc: bool = False


def channels(options: MhZ19Options) -> SensorChannels:
    return [(options.placement, "co2")]


def task(options: MhZ19Options, around: Surroundings) -> SensorTask:
    return SerialFrameTask(
        protocol=MhZ19Protocol(options),
        transport=SerialTransport(options.port),
        channels=channels(options),
        interval_s=options.interval_s,
        warm_up_s=WARM_UP_S,
        around=around,
    )


class MhZ19Protocol:
    """One question each interval."""

    def __init__(self, options: MhZ19Options) -> None:
        self._options, self._scanner = options, Scanner()

    def greeting(self) -> Sequence[bytes]:
        return (ABC_ON if self._options.abc else ABC_OFF,)

    def request(self) -> bytes:
        return READ_CO2

    def reset(self) -> None:
        self._scanner.reset()

    def feed(self, data: bytes) -> list[list[Point]]:
        return [[self._point(found.co2_ppm)] if isinstance(found, Answer) else no_value(channels(self._options), Reason.HW_FAILURE) for found in self._scanner.feed(data)]

    def _point(self, co2_ppm: int) -> Point:
        placement = self._options.placement
        if co2_ppm in (0, 0xFFFF):  # no air without CO2: the sensor has nothing to say
            return Point(placement, "co2", None, Quality.REJECTED, (Reason.HW_FAILURE,))
        if co2_ppm >= self._options.range_ppm:
            return Point(placement, "co2", float(co2_ppm), Quality.SUSPICIOUS, (Reason.SATURATED,))
        return Point(placement, "co2", float(co2_ppm))
