"""Plantower as a driver: what a frame's words mean, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from domain.quality import Quality, Reason
from edge_agent.drivers.base import Id, Point, SensorChannels, SensorOptions, SensorTask, Surroundings, no_value
from edge_agent.drivers.plantower.codec import ACTIVE_MODE, Frame, Scanner
from edge_agent.drivers.serial_task import SerialFrameTask
from edge_agent.drivers.transport import SerialTransport

MAXIMUM_UGM3 = 1_000
"""Data sheet: effective range 0 to 500, maximum range at least 1,000 µg/m³."""
SENTINEL = 0xFFFF
WARM_UP_S = 30.0
"""Data sheet: stable data at least 30 s after the sensor is woken, because of the fan."""

_TEMPERATURE_WORDS = {"pms5003t": (10, 11), "pms5003st": (13, 14)}
"""Index of the words of temperature and humidity, tenths each."""


class PlantowerOptions(SensorOptions, frozen=True, kw_only=True, tag="plantower"):
    """Options of the driver `plantower`."""

    placement: Id
    model: Literal["auto", "pms3003", "pms5003", "pms7003", "pmsa003", "pms5003t", "pms5003st"] = "auto"


def channels(options: PlantowerOptions) -> SensorChannels:
    """Dust always; temperature and humidity for the models that have them and are named."""
    quantities = ["pm1", "pm2_5", "pm10"]
    if options.model in _TEMPERATURE_WORDS:
        quantities += ["air_temperature", "relative_humidity"]
    return [(options.placement, quantity) for quantity in quantities]


def task(options: PlantowerOptions, around: Surroundings) -> SensorTask:
    return SerialFrameTask(
        protocol=PlantowerProtocol(options),
        transport=SerialTransport(options.port),
        channels=channels(options),
        interval_s=options.interval_s,
        warm_up_s=WARM_UP_S,
        around=around,
    )


class PlantowerProtocol:
    """Every frame is a reading: the sensor sets the pace."""

    def __init__(self, options: PlantowerOptions) -> None:
        self._options, self._channels, self._scanner = options, channels(options), Scanner()

    def greeting(self) -> Sequence[bytes]:
        return (ACTIVE_MODE,)

    def request(self) -> bytes:
        return b""

    def reset(self) -> None:
        self._scanner.reset()

    def feed(self, data: bytes) -> list[list[Point]]:
        return [self._points(frame) if isinstance(frame, Frame) else no_value(self._channels, Reason.HW_FAILURE) for frame in self._scanner.feed(data)]

    def _points(self, frame: Frame) -> list[Point]:
        placement = self._options.placement
        points = [
            _dust(placement, quantity, value, frame.error)
            for quantity, value in (("pm1", frame.pm1_ugm3), ("pm2_5", frame.pm2_5_ugm3), ("pm10", frame.pm10_ugm3))
        ]  # fmt: skip
        at = _TEMPERATURE_WORDS.get(self._options.model)
        if at and at[1] < len(frame.words):
            temperature, humidity = frame.words[at[0]], frame.words[at[1]]
            signed = temperature - 0x10000 if temperature & 0x8000 else temperature
            points += [Point(placement, "air_temperature", signed / 10), Point(placement, "relative_humidity", humidity / 10)]
        return points


def _dust(placement: str, quantity: str, value: int, error: int) -> Point:
    if value == SENTINEL:
        return Point(placement, quantity, None, Quality.REJECTED, (Reason.HW_FAILURE,))
    if error:
        return Point(placement, quantity, float(value), Quality.PROBABLY_REJECTED, (Reason.HW_FAILURE,))
    if value > MAXIMUM_UGM3:
        return Point(placement, quantity, float(value), Quality.SUSPICIOUS, (Reason.SATURATED,))
    return Point(placement, quantity, float(value))
