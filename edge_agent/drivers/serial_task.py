"""The task of a sensor that sends frames on a serial port of its own, asked or unasked. The sensor family's knowledge is a `FrameProtocol`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from domain.quality import Quality, Reason
from edge_agent.drivers.base import Backoff, Point, SensorChannels, Surroundings, no_value
from edge_agent.drivers.cadence import Cadence
from edge_agent.drivers.transport import SerialTransport, TransportLost

log = logging.getLogger(__name__)

REOPEN_FIRST_S, REOPEN_CAP_S = 0.5, 10.0
"""A USB adapter is back about a second after it was plugged in; a person notices after ten."""
LONGEST_WAIT_S = 1.0
FRAME_BURST, FRAME_RATE_PER_S = 2_000, 10.0
"""More frames than a UART of 9600 baud carries for long: the sensor is at fault, and the store is not to be filled with it."""


class FrameProtocol(Protocol):
    """What differs between sensor families. Holds bytes between calls and nothing else."""

    def greeting(self) -> Sequence[bytes]:
        """What to send when the port has been opened."""

    def request(self) -> bytes:
        """What to send each interval; b"" for a sensor that speaks unasked."""

    def feed(self, data: bytes) -> list[list[Point]]:
        """The readings in `data` and what was left of earlier data, one list of points a frame, in order."""

    def reset(self) -> None:
        """The port was opened anew: forget half a frame."""


class SerialFrameTask:
    """Every frame received is a reading; a bad one is a record without a value; silence is one too, each interval."""

    def __init__(self, *, protocol: FrameProtocol, transport: SerialTransport, channels: SensorChannels, interval_s: float, warm_up_s: float, around: Surroundings) -> None:
        self.interval_s = interval_s
        self._protocol, self._transport, self._channels, self._around = protocol, transport, channels, around
        self._warm_up_us = round(warm_up_s * 1_000_000)
        self._warm_until_us = around.timing.monotonic_us() + self._warm_up_us if around.host_uptime_s < warm_up_s else 0
        self._budget, self._budget_us = float(FRAME_BURST), around.timing.monotonic_us()
        self._flooding = False
        self._cadence = Cadence(interval_s, self._now_us())

    def run(self, stop: threading.Event) -> None:
        backoff = Backoff(REOPEN_FIRST_S, REOPEN_CAP_S)
        lost = False
        while not stop.is_set():
            try:
                self._transport.open()
                self._protocol.reset()
                if lost:
                    self._warm_until_us = self._now_us() + self._warm_up_us  # it was without power
                self._session(stop, backoff)
            except TransportLost as error:
                lost = True
                self._around.reporter.trouble(str(error))
                self._transport.close()
                self._wait_closed(stop, backoff.next())
        self._transport.close()

    def wake(self) -> None:
        self._transport.wake()

    def _session(self, stop: threading.Event, backoff: Backoff) -> None:
        for command in self._protocol.greeting():
            self._transport.write(command)
        self._cadence.ask_now(self._now_us())
        while not stop.is_set():
            if self._cadence.interval_s != self.interval_s:
                self._cadence = Cadence(self.interval_s, self._now_us())
            if self._cadence.poll_due(self._now_us()) and (request := self._protocol.request()):
                self._transport.write(request)
            wait_s = self._around.timing.real_seconds(self._cadence.next_us - self._now_us())
            data = self._transport.read(min(max(wait_s, 0.0), LONGEST_WAIT_S))
            if data and self._take(data):
                backoff.reset()
            if self._cadence.silent(self._now_us()):
                self._around.reporter.trouble("nothing comes from the sensor")
                self._around.reporter.points(no_value(self._channels, Reason.LACK_OF_DATA_SAMPLES))

    def _take(self, data: bytes) -> bool:
        good = False
        for points in self._protocol.feed(data):
            self._cadence.heard(self._now_us())
            if not self._within_budget():
                continue
            self._around.reporter.points(self._warming(points))
            good = good or any(point.is_good for point in points)
        if good and not self._flooding:
            self._around.reporter.trouble("")
        return good

    def _warming(self, points: list[Point]) -> list[Point]:
        if self._now_us() >= self._warm_until_us:
            return points
        return [Point(point.placement, point.quantity, point.value, min(point.q, Quality.SUSPICIOUS), (*point.r, Reason.WARMING_UP)) for point in points]

    def _within_budget(self) -> bool:
        now_us = self._now_us()
        self._budget = min(self._budget + (now_us - self._budget_us) / 1_000_000 * FRAME_RATE_PER_S, float(FRAME_BURST))
        self._budget_us = now_us
        self._flooding = self._budget < 1.0
        if self._flooding:
            self._around.reporter.trouble(f"more than {FRAME_RATE_PER_S:g} frames a second for minutes: the surplus is counted and not stored")
            return False
        self._budget -= 1.0
        return True

    def _wait_closed(self, stop: threading.Event, seconds: float) -> None:
        """Until the next try to open; meanwhile each interval without a value is a record."""
        until = time.monotonic() + seconds
        while not stop.is_set() and (left_s := until - time.monotonic()) > 0:
            if self._cadence.silent(self._now_us()):
                self._around.reporter.points(no_value(self._channels, Reason.LACK_OF_DATA_SAMPLES))
            silence_s = self._around.timing.real_seconds(self._cadence.next_silence_us - self._now_us())
            stop.wait(max(min(silence_s, left_s, LONGEST_WAIT_S), 0.0))

    def _now_us(self) -> int:
        return self._around.timing.monotonic_us()
