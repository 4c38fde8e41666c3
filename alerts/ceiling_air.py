"""The air that a single reading in mg/m³ was taken in: a list's ceiling holds at its own temperature and at 1013 hPa, the freshest readings of the zone say what the air is now.

What nobody measures is taken at the end that protects: the hottest air, and the least pressure that the site's altitude and weather allow, in which a milligram stands for the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assess.conditions import HOTTEST_C, factor_of, pressure_at
from domain.calibration import correction_at, corrections
from domain.quantities import quantity_of
from domain.reading import Reading
from domain.registry import Channel, Snapshot
from domain.times import MINUTE_US, SECOND_US

TEMPERATURE, PRESSURE = "air_temperature", "air_pressure"
HELD = "Held against a limit at {reference} °C and 1013 hPa, from air of {temperature} °C and {pressure} hPa."
NO_TEMPERATURE = "Air temperature is not measured here: {temperature} °C is taken, the end that protects."
NO_PRESSURE = "Air pressure is not measured here: {pressure} hPa is taken, the end that protects."
SENTENCES = (HELD, NO_TEMPERATURE, NO_PRESSURE)
PATIENCE_US = 15 * MINUTE_US
"""With two intervals of the channel: air of a quarter of an hour ago is still the air of the zone."""


@dataclass(frozen=True, slots=True)
class Factor:
    """What a mass concentration is multiplied by to be held against a limit, and why."""

    value: float = 1.0
    notes: tuple[str, ...] = ()


AS_IT_IS = Factor()


class Air:
    """Thermometers and barometers of zones that have a mass concentration to convert. Used under the lock of the rules."""

    def __init__(self) -> None:
        self._held: Snapshot = Snapshot()
        self._freshest: dict[str, Reading] = {}
        self.channels: frozenset[str] = frozenset()

    def follow(self, held: Snapshot) -> None:
        """Only zones with something in mg/m³ are listened to."""
        zones = {channel.zone for channel in held.channels.values() if (found := quantity_of(channel.quantity, channel.spec.unit)) is not None and found.unit == "mg/m3"}
        self._held = held
        self.channels = frozenset(channel.id for channel in held.channels.values() if channel.zone in zones and channel.quantity in (TEMPERATURE, PRESSURE))
        self._freshest = {channel: reading for channel, reading in self._freshest.items() if channel in self.channels}

    def unheard(self, at_us: int) -> list[str]:
        """Channels that did not speak here for long: their agents may be another worker's."""
        return [id for id in sorted(self.channels) if (held := self._freshest.get(id)) is None or at_us - held.time_us > PATIENCE_US]

    def heard(self, reading: Reading) -> bool:
        """Whether it says something of which nothing was known."""
        before = self._freshest.get(reading.channel)
        if reading.counts and reading.value is not None and (before is None or reading.time_us >= before.time_us):
            self._freshest[reading.channel] = reading
            return before is None or reading.time_us - before.time_us > PATIENCE_US
        return False

    def factor(self, channel: Channel, reference_c: float | None, at_us: int) -> Factor:
        """To the conditions of a limit; one where nothing is converted."""
        if reference_c is None:
            return AS_IT_IS
        warm, pressure = self._measured(channel, TEMPERATURE, at_us), self._measured(channel, PRESSURE, at_us)
        low = pressure_at(self._held.sites[channel.site]).low
        taken_c, taken_hpa = HOTTEST_C if warm is None else warm, low if pressure is None else pressure
        notes = [HELD.format(reference=f"{reference_c:g}", temperature=f"{taken_c:.1f}", pressure=f"{taken_hpa:.0f}")]
        notes += [NO_TEMPERATURE.format(temperature=f"{taken_c:g}")] if warm is None else []
        notes += [NO_PRESSURE.format(pressure=f"{taken_hpa:.0f}")] if pressure is None else []
        return Factor(float(factor_of(taken_c, taken_hpa, reference_c)), tuple(notes))

    def _measured(self, channel: Channel, quantity: str, at_us: int) -> float | None:
        """At the same placement, else anywhere in the zone."""
        near = sorted(self._of(channel.zone, quantity), key=lambda one: (one.placement != channel.placement, one.id))
        found = ((one, self._freshest.get(one.id)) for one in near)
        return next((self._corrected(one, reading) for one, reading in found if reading is not None and at_us - reading.time_us <= PATIENCE_US + _patience_us(one)), None)

    def _of(self, zone: str, quantity: str) -> list[Channel]:
        by_id: Mapping[str, Channel] = self._held.channels
        return [one for id in self.channels if (one := by_id[id]).zone == zone and one.quantity == quantity]

    def _corrected(self, channel: Channel, reading: Reading) -> float:
        fix = correction_at(corrections(self._held.calibrations.get(channel.id, []), self._held.timezone(channel.site)), reading.time_us)
        raw = reading.value or 0.0
        return fix.apply(raw) if fix else raw


def _patience_us(channel: Channel) -> int:
    return round(2 * channel.spec.interval_s * SECOND_US)
