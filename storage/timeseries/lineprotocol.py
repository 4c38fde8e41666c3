"""Readings and minutes as InfluxDB line protocol, microseconds: one cached prefix a series, joined to bytes (decision 5).

`reading` has the fields v (float), q (integer) and r ("131,132"). Fields of one point merge on overwrite, so a fresh point leaves out a q of 4 and an empty r, while a
point that may exist already is written with all three; of a minute the same goes for rejected, saturated, below_detection and reasons. A stored v cannot be taken away: a rewritten record without a value carries the mark "-" at the end of r.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from domain.reading import Minute, Reading

NO_VALUE = "-"
_json = msgspec.json.Encoder().encode
_ESCAPES = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})


class LineEncoder:
    """Keeps the prefix of every series it has met."""

    def __init__(self) -> None:
        self._readings: dict[str, str] = {}
        self._minutes: dict[str, str] = {}

    def fresh(self, readings: Sequence[Reading]) -> list[str]:
        """Lines for points that the store does not have yet."""
        prefixes = self._readings
        lines = []
        for reading, value in zip(readings, _numbers([reading.value for reading in readings]), strict=False):
            prefix = prefixes.get(reading.channel) or self._remember(prefixes, "reading", reading.channel)
            if reading.q == 4 and not reading.r and reading.value is not None:
                lines.append(f"{prefix}v={value} {reading.time_us}")
            else:
                lines.append(f"{prefix}{_fresh_fields(reading)} {reading.time_us}")
        return lines

    def rewritten(self, readings: Iterable[Reading]) -> list[str]:
        """Lines for points that may be there already, with other fields."""
        prefixes = self._readings
        return [f"{prefixes.get(reading.channel) or self._remember(prefixes, 'reading', reading.channel)}{_all_fields(reading)} {reading.time_us}" for reading in readings]

    def minutes(self, minutes: Sequence[Minute], first: Collection[tuple[str, int]] = ()) -> list[str]:
        """Lines for minutes; those named in `first` are points that the store does not have yet, and leave out what is nothing: half of what InfluxDB would have to keep."""
        prefixes = self._minutes
        numbers = iter(_numbers([number for minute in minutes for number in (minute.total, minute.low, minute.high)]))
        lines = []
        for minute, total, low, high in zip(minutes, numbers, numbers, numbers, strict=False):
            channel, start_us = minute.channel, minute.start_us
            prefix = prefixes.get(channel) or self._remember(prefixes, "minute", channel)
            plain = not (minute.rejected or minute.reasons or minute.saturated or minute.below_detection) and (channel, start_us) in first
            ends = f",low={low},high={high}" if minute.low is not None else ""
            lines.append(f"{prefix}valid={minute.valid}i,total={total}{ends}{'' if plain else _marks(minute)} {start_us}")
        return lines

    @staticmethod
    def _remember(prefixes: dict[str, str], measurement: str, channel: str) -> str:
        quantity = channel.rpartition(".")[2]
        prefixes[channel] = prefix = f"{measurement},channel={channel.translate(_ESCAPES)},quantity={quantity.translate(_ESCAPES)} "
        return prefix


def codes_text(codes: tuple[int, ...]) -> str:
    return ",".join(map(str, codes))


def codes_from(text: str) -> tuple[int, ...]:
    return tuple(int(code) for code in text.split(",")) if text else ()


def _numbers(numbers: list[float | None]) -> list[str]:
    """Their shortest texts that read back the same, all at once: half the time of one `repr` after the other. What is no number is a word that no store takes."""
    return _json(numbers).decode()[1:-1].split(",")


def _fresh_fields(reading: Reading) -> str:
    fields = [] if reading.value is None else [f"v={reading.value!r}"]
    if reading.q != 4 or reading.value is None:
        fields.append(f"q={reading.q}i")
    if reading.r:
        fields.append(f'r="{codes_text(reading.r)}"')
    return ",".join(fields)


def _all_fields(reading: Reading) -> str:
    codes = codes_text(reading.r)
    if reading.value is None:
        return f'q={reading.q}i,r="{codes}{NO_VALUE}"'
    return f'v={reading.value!r},q={reading.q}i,r="{codes}"'


def _marks(minute: Minute) -> str:
    return f',rejected={minute.rejected}i,saturated={minute.saturated}i,below_detection={minute.below_detection}i,reasons="{codes_text(minute.reasons)}"'
