"""VictoriaMetrics behind the port, for large installations that want no evidence from it: line protocol in, `/api/v1/export` out. What it cannot hold is its `fidelity`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import urllib3

from domain.errors import NotReady
from domain.reading import Minute, Reading
from storage.timeseries.influxql import parts
from storage.timeseries.port import Batch, Expired, Fidelity, RefusedReading
from storage.timeseries.rollup import Rollup, fold_minutes

MAX_LINES = 5_000
TIMEOUT_S = 60.0
STEP_US = 1_000
_EARLIEST_MS, _LATEST_MS = 0, 4_102_444_800_000
"""1970 to 2100: what a server without other settings knows as time."""
_ESCAPES = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_MINUTE_FIELDS = ("valid", "rejected", "total", "low", "high", "saturated", "below_detection")


class _Line(msgspec.Struct):
    metric: dict[str, str]
    values: list[float | None]
    timestamps: list[int]


class _Vector(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Result(msgspec.Struct):
    result: list[_Vector] = []


class _Answer(msgspec.Struct):
    data: _Result = msgspec.field(default_factory=_Result)


class _Names(msgspec.Struct):
    data: list[str] = []


_line = msgspec.json.Decoder(_Line).decode
_answer = msgspec.json.Decoder(_Answer).decode
_names = msgspec.json.Decoder(_Names).decode


class VictoriaTimeSeries:
    """Metrics `reading_v`, `reading_q` and `minute_*`, labels `channel` and `quantity`."""

    def __init__(self, *, http_url: str, token: str = "") -> None:
        self._url = http_url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = urllib3.PoolManager(maxsize=8, retries=False, timeout=TIMEOUT_S, headers=headers)
        self._prefixes: dict[tuple[str, str], str] = {}
        self._unseen = False

    def write(self, batch: Batch) -> list[RefusedReading]:
        refused: list[RefusedReading] = []
        lines: list[str] = []
        for reading in (*batch.fresh, *batch.rewritten):
            if detail := _objection(reading):
                refused.append(RefusedReading(reading, detail))
            else:
                lines.append(f"{self._prefix('reading', reading.channel)}{_fields(reading)} {reading.time_us // STEP_US}")
        lines += [f"{self._prefix('minute', minute.channel)}{_minute_fields(minute)} {minute.start_us // STEP_US}" for minute in batch.minutes]
        for start in range(0, len(lines), MAX_LINES):
            self._ask("POST", "/api/v2/write?precision=ms", body="\n".join(lines[start : start + MAX_LINES]).encode())
        self._unseen = self._unseen or bool(lines)
        return refused

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        found: dict[str, dict[int, Reading]] = defaultdict(dict)
        values: dict[str, dict[int, float]] = defaultdict(dict)
        qualities: dict[str, dict[int, int]] = defaultdict(dict)
        for name, channel, time_us, value in self._export("reading_v|reading_q", channels, start_us, stop_us):
            if name == "reading_v":
                values[channel][time_us] = max(value, values[channel].get(time_us, value))
            else:
                qualities[channel][time_us] = max(round(value), qualities[channel].get(time_us, 0))
        for channel in values.keys() | qualities.keys():
            for time_us in values[channel].keys() | qualities[channel].keys():
                found[channel][time_us] = Reading(channel, time_us, values[channel].get(time_us), qualities[channel].get(time_us, 4))
        return {channel: [readings[time_us] for time_us in sorted(readings)] for channel, readings in found.items()}

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        """Of several values that stand for one field of one minute the greatest: it was counted last."""
        found: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for name, channel, time_us, value in self._export("minute_.*", channels, start_us, stop_us):
            fields = found[channel][time_us]
            field = name.removeprefix("minute_")
            fields[field] = max(value, fields.get(field, value))
        return {channel: [_minute(channel, at_us, minutes[at_us]) for at_us in sorted(minutes)] for channel, minutes in found.items()}

    def read_rollups(self, channels: Sequence[str], start_us: int, stop_us: int, every_us: int) -> dict[str, list[Rollup]]:
        return fold_minutes(self.read_minutes, channels, start_us, stop_us, every_us)

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        at = self._ends("tlast_over_time", ("reading_v", "reading_q"), channels)
        values, qualities = self._latest("reading_v", channels), self._latest("reading_q", channels)
        for channel in at["reading_v"].keys() | at["reading_q"].keys():
            value_us, quality_us = at["reading_v"].get(channel, -1), at["reading_q"].get(channel, -1)
            value = values[channel] if value_us >= quality_us else None
            q = round(qualities[channel]) if quality_us >= value_us else 4
            found[channel] = Reading(channel, max(value_us, quality_us), value, q)
        return found

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        return self._ends("tlast_over_time", ("minute_valid",), channels)["minute_valid"]

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        return {channel: len(readings) for channel, readings in self.read(channels, start_us, stop_us).items()}

    def channels(self) -> list[str]:
        self._see()
        return sorted(_names(self._ask("GET", "/api/v1/label/channel/values", fields={"start": "0", "end": f"{_LATEST_MS // 1000}"})).data)

    def span(self, channels: Sequence[str]) -> dict[str, tuple[int, int]]:
        metrics = ("reading_v", "reading_q", "minute_valid")
        firsts, lasts = self._ends("tfirst_over_time", metrics, channels), self._ends("tlast_over_time", metrics, channels)
        named = {channel for found in firsts.values() for channel in found}
        return {name: (min(found[name] for found in firsts.values() if name in found), max(found[name] for found in lasts.values() if name in found) + 1) for name in named}

    def expired(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Expired]]:
        return {}

    @property
    def side_by_side(self) -> bool:
        return False

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("VictoriaMetrics", step_us=STEP_US, keeps_reasons=False, exact=False, overwrites=False, durable=False)

    def ping(self) -> None:
        self._ask("GET", "/health")

    def close(self) -> None:
        self._http.clear()

    def _prefix(self, measurement: str, channel: str) -> str:
        key = measurement, channel
        if key not in self._prefixes:
            name, quantity = (text.translate(_ESCAPES) for text in (channel, channel.rpartition(".")[2]))
            self._prefixes[key] = f"{measurement},channel={name},quantity={quantity} "
        return self._prefixes[key]

    def _export(self, names: str, channels: Sequence[str], start_us: int, stop_us: int) -> Iterator[tuple[str, str, int, float]]:
        """(metric, channel, time, value) of all points in the span."""
        self._see()
        start_ms, stop_ms = max(-(-start_us // STEP_US), _EARLIEST_MS), min(-(-stop_us // STEP_US), _LATEST_MS)
        if start_ms >= stop_ms:
            return
        for part in parts(channels):
            match = f'{{__name__=~"{names}",{_of(part)}}}'
            body = self._ask("POST", "/api/v1/export", fields={"match[]": match, "start": f"{start_ms / 1000:.3f}", "end": f"{(stop_ms - 1) / 1000:.3f}"})
            for text in body.splitlines():
                line = _line(text)
                for time_ms, value in zip(line.timestamps, line.values, strict=True):
                    if value is not None:
                        yield line.metric["__name__"], line.metric["channel"], time_ms * STEP_US, value

    def _ends(self, function: str, metrics: Sequence[str], channels: Sequence[str]) -> dict[str, dict[str, int]]:
        return {metric: {channel: round(value * 1_000) * STEP_US for channel, value in self._of_ever(function, metric, channels)} for metric in metrics}

    def _latest(self, metric: str, channels: Sequence[str]) -> dict[str, float]:
        return dict(self._of_ever("last_over_time", metric, channels))

    def _of_ever(self, function: str, metric: str, channels: Sequence[str]) -> Iterator[tuple[str, float]]:
        self._see()
        for part in parts(channels):
            query = f"{function}({metric}{{{_of(part)}}}[100y])"
            for found in _answer(self._ask("POST", "/api/v1/query", fields={"query": query, "time": f"{_LATEST_MS // 1000}", "nocache": "1"})).data.result:
                yield found.metric["channel"], float(found.value[1])

    def _see(self) -> None:
        """It shows what it was given a second later, unless it is told to."""
        if self._unseen:
            self._unseen = False
            self._ask("GET", "/internal/force_flush")

    def _ask(self, method: str, path: str, body: bytes | None = None, fields: dict[str, str] | None = None) -> bytes:
        try:
            if method == "POST" and fields:
                response = self._http.request_encode_body(method, self._url + path, fields=fields, encode_multipart=False)
            else:
                response = self._http.request(method, self._url + path, body=body, fields=fields)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotReady(f"VictoriaMetrics at {self._url} does not answer: {error}") from None
        if response.status >= 300:
            raise NotReady(f"VictoriaMetrics at {self._url} answers {response.status}: {response.data.decode(errors='replace')[:200]}")
        return response.data


def _of(channels: Sequence[str]) -> str:
    names = "|".join(re.escape(channel) for channel in channels)
    return 'channel=~"' + names.replace("\\", "\\\\").replace('"', r"\"") + '"'


def _objection(reading: Reading) -> str:
    if reading.value is not None and not abs(reading.value) < float("inf"):
        return "not a finite number"
    return "" if _EARLIEST_MS <= reading.time_us // STEP_US < _LATEST_MS else "time out of range"


def _fields(reading: Reading) -> str:
    if reading.value is None:
        return f"q={reading.q}"
    return f"v={reading.value!r}" if reading.q == 4 else f"v={reading.value!r},q={reading.q}"


def _minute_fields(minute: Minute) -> str:
    values = ((name, getattr(minute, name)) for name in _MINUTE_FIELDS)
    return ",".join(f"{name}={value!r}" for name, value in values if value is not None)


def _minute(channel: str, start_us: int, fields: dict[str, float]) -> Minute:
    valid = round(fields.get("valid", 0))
    return Minute(
        channel=channel,
        start_us=start_us,
        valid=valid,
        rejected=round(fields.get("rejected", 0)),
        total=fields.get("total", 0.0),
        low=fields.get("low") if valid else None,
        high=fields.get("high") if valid else None,
        saturated=round(fields.get("saturated", 0)),
        below_detection=round(fields.get("below_detection", 0)),
    )
