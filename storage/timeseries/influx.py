"""InfluxDB 2 behind the port: bytes through influxdb-client's synchronous write API on two connections, InfluxQL for reading (decision 5)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import msgspec
import urllib3
from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from domain.errors import BadInput, NotReady
from domain.reading import Minute, Reading
from storage.timeseries.influxql import (
    COUNT,
    COUNT_ANSWER,
    END_ANSWER,
    ENDS,
    LAST_MINUTE,
    LAST_QUALITY,
    LAST_VALUE,
    MINUTE,
    MINUTE_ANSWER,
    NAMES_ANSWER,
    READING,
    READING_ANSWER,
    START_ANSWER,
    Answer,
    MinuteRow,
    ReadingRow,
    parts,
    where,
)
from storage.timeseries.lineprotocol import NO_VALUE, LineEncoder, codes_from
from storage.timeseries.port import Batch, Expired, Fidelity, RefusedReading
from storage.timeseries.rollup import Rollup, fold_minutes

T = TypeVar("T")

log = logging.getLogger(__name__)

WRITERS = 2
MAX_LINES = 5_000
SPLIT_FROM_LINES = 2_000
"""Below this a second connection costs more than it saves."""
WRITE_TIMEOUT_S, QUERY_TIMEOUT_S = 30.0, 60.0
_TOO_LARGE, _BAD_REQUEST, _UNPROCESSABLE = 413, 400, 422
_DROPPED = re.compile(r"dropped=(\d+)")


class Misconfigured(BadInput, NotReady):
    """InfluxDB answers and refuses us: a start ends with what to mend, a running writer waits for it to be mended."""


class InfluxTimeSeries:
    """Measurements `reading` and `minute`, tags `channel` and `quantity`; the layout is told in `lineprotocol`."""

    def __init__(self, *, http_url: str, org: str, bucket: str, token: str) -> None:
        if not token:
            raise BadInput("is not set", field="OSHWATCH_INFLUXDB_TOKEN", remedy="give a token that may read and write the bucket")
        self._url, self._bucket = http_url, bucket
        self._source, self._remedy = {"db": bucket}, f"make the bucket '{bucket}' in the organisation '{org}'"
        self._client = InfluxDBClient(url=http_url, token=token, org=org, timeout=round(WRITE_TIMEOUT_S * 1000))
        self._write = self._client.write_api(write_options=SYNCHRONOUS).write
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="influxdb-writer")
        self._http = urllib3.PoolManager(maxsize=8, retries=False, timeout=QUERY_TIMEOUT_S, headers={"Authorization": f"Token {token}"})
        self._encoder = LineEncoder()

    def write(self, batch: Batch) -> list[RefusedReading]:
        """Durable when it returns: InfluxDB answers 204 after its own log is synced. Minutes follow their readings, and each other in order."""
        encoder = self._encoder
        refused = self._put(batch.fresh, encoder.fresh)
        refused += self._put(list({(reading.channel, reading.time_us): reading for reading in batch.rewritten}.values()), encoder.rewritten)
        for part in _parts(batch.minutes, MAX_LINES):
            for minute, detail in self._post(part, encoder.minutes(part, batch.first)):
                log.warning("InfluxDB refused the minute %d of %s: %s", minute.start_us, minute.channel, detail)
        return refused

    def read(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = {}
        for part in parts(channels):
            answer = self._query(f"{READING} {where(part, start_us, stop_us)} GROUP BY channel", READING_ANSWER)
            found.update((channel, [_reading(channel, row) for row in rows]) for channel, rows in answer.rows())
        return found

    def read_minutes(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Minute]]:
        found: dict[str, list[Minute]] = {}
        for part in parts(channels):
            answer = self._query(f"{MINUTE} {where(part, start_us, stop_us)} GROUP BY channel", MINUTE_ANSWER)
            found.update((channel, [_minute(channel, row) for row in rows]) for channel, rows in answer.rows())
        return found

    def read_rollups(self, channels: Sequence[str], start_us: int, stop_us: int, every_us: int) -> dict[str, list[Rollup]]:
        return fold_minutes(self.read_minutes, channels, start_us, stop_us, every_us)

    def last(self, channels: Sequence[str]) -> dict[str, Reading]:
        """The later of the last point with a value and the last with a q: every point has one of them, and `last()` seeks where ORDER BY DESC scans."""
        found: dict[str, Reading] = {}
        for part in parts(channels):
            span = where(part)
            for channel, rows in self._query(f"{LAST_VALUE} {span} GROUP BY channel; {LAST_QUALITY} {span} GROUP BY channel", READING_ANSWER).rows():
                if channel not in found or found[channel].time_us < rows[0][0]:
                    found[channel] = _reading(channel, rows[0])
        return found

    def last_minutes(self, channels: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in parts(channels):
            answer = self._query(f"{LAST_MINUTE} {where(part)} GROUP BY channel", START_ANSWER)
            found.update((channel, rows[0][0]) for channel, rows in answer.rows())
        return found

    def count(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, int]:
        """Points with a value, and those without one, which always carry q."""
        found: dict[str, int] = {}
        for part in parts(channels):
            span = where(part, start_us, stop_us)
            for channel, rows in self._query(f"{COUNT} {span} GROUP BY channel", COUNT_ANSWER).rows():
                found[channel] = rows[0][1]
            for channel, marked in self._query(f"{READING} {span} AND q >= 0 GROUP BY channel", READING_ANSWER).rows():
                if without := sum(row[1] is None for row in marked):
                    found[channel] = found.get(channel, 0) + without
        return found

    def channels(self) -> list[str]:
        answer = self._query("SHOW TAG VALUES WITH KEY = channel", NAMES_ANSWER)
        return sorted({name for _, rows in answer.rows() for _, name in rows})

    def span(self, channels: Sequence[str]) -> dict[str, tuple[int, int]]:
        ends: dict[str, list[int]] = {}
        for part in parts(channels):
            for statement in ENDS:
                for channel, rows in self._query(f"{statement} {where(part)} GROUP BY channel", END_ANSWER).rows():
                    ends.setdefault(channel, []).append(rows[0][0])
        return {channel: (min(found), max(found) + 1) for channel, found in ends.items()}

    def expired(self, channels: Sequence[str], start_us: int, stop_us: int) -> dict[str, list[Expired]]:
        return {}

    @property
    def side_by_side(self) -> bool:
        return True

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("InfluxDB")

    def deletes_after_us(self) -> int:
        """The shortest that the bucket's rules say."""
        try:
            response = self._http.request("GET", f"{self._url}/api/v2/buckets", fields={"name": self._bucket})
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotReady(f"InfluxDB at {self._url} does not answer: {error}") from None
        if response.status != 200:
            raise self._unready(response.status, _message(response.data))
        seconds = [rule.everySeconds for bucket in _buckets(response.data).buckets for rule in bucket.retentionRules if rule.everySeconds]
        return min(seconds, default=0) * 1_000_000

    def ping(self) -> None:
        self._query(f"{READING} WHERE time >= 0u AND time < 1u", READING_ANSWER)

    def close(self) -> None:
        self._writers.shutdown()
        self._client.close()
        self._http.clear()

    def _put(self, readings: Sequence[Reading], encode: Callable[[Sequence[Reading]], list[str]]) -> list[RefusedReading]:
        """Bodies side by side, one on its way while the next is encoded; returns once all are stored, with what InfluxDB will never take. Any that cannot be stored now is `NotReady`."""
        bodies = list(_parts(readings, min(MAX_LINES, -(-len(readings) // WRITERS)) if len(readings) >= SPLIT_FROM_LINES else MAX_LINES))
        if len(bodies) == 1:
            found = self._post(readings, encode(readings))
        else:
            futures = [self._writers.submit(self._post, body, encode(body)) for body in bodies]
            wait(futures)
            found = [pair for future in futures for pair in future.result()]
        return [RefusedReading(reading, detail) for reading, detail in found]

    def _post(self, things: Sequence[T], lines: Sequence[str]) -> list[tuple[T, str]]:
        """One body; where InfluxDB refuses points of it, halves it until those stand alone: the others are stored, again or at last."""
        detail = self._try_post("\n".join(lines).encode())
        if not detail:
            return []
        dropped = _DROPPED.search(detail)
        if len(lines) == 1 or (dropped and int(dropped[1]) == len(lines)):
            return [(thing, detail) for thing in things]
        half = len(lines) // 2
        return self._post(things[:half], lines[:half]) + self._post(things[half:], lines[half:])

    def _try_post(self, body: bytes) -> str:
        """ "" when stored; why, when InfluxDB will not have some of it; raises `NotReady` for everything that time may mend."""
        try:
            self._write(bucket=self._bucket, record=body, write_precision=WritePrecision.US)
        except ApiException as error:
            if error.status in (_BAD_REQUEST, _UNPROCESSABLE, _TOO_LARGE):
                return _message(error.body) or f"HTTP {error.status}"
            raise self._unready(error.status or 0, _message(error.body) or str(error.reason)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotReady(f"InfluxDB at {self._url} does not answer: {error}") from None
        return ""

    def _query(self, statement: str, decoder: msgspec.json.Decoder[Answer[T]]) -> Answer[T]:
        try:
            response = self._http.request("GET", f"{self._url}/query", fields={**self._source, "q": statement, "epoch": "u"})
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotReady(f"InfluxDB at {self._url} does not answer: {error}") from None
        if response.status != 200:
            raise self._unready(response.status, _message(response.data))
        answer = decoder.decode(response.data)
        if problem := answer.problem():
            raise self._unready(404 if "not found" in problem else 200, problem)
        return answer

    def _unready(self, status: int, text: str) -> NotReady:
        if status in (401, 403):
            return Misconfigured(f"InfluxDB refuses the token: {text}", field="OSHWATCH_INFLUXDB_TOKEN", remedy=f"give a token that may read and write '{self._bucket}'")
        if status == 404:
            return Misconfigured(f"InfluxDB: {text}", field="OSHWATCH_TIMESERIES_URL", remedy=self._remedy)
        return NotReady(f"InfluxDB at {self._url} answers {status}: {text}")


def _parts(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[start : start + size] for start in range(0, len(things), size))


class _Rule(msgspec.Struct):
    everySeconds: int = 0  # noqa: N815 - as InfluxDB spells it


class _Bucket(msgspec.Struct):
    retentionRules: list[_Rule] = []  # noqa: N815


class _Buckets(msgspec.Struct):
    buckets: list[_Bucket] = []


_buckets = msgspec.json.Decoder(_Buckets).decode


class _Error(msgspec.Struct):
    message: str = ""
    error: str = ""


def _message(body: object) -> str:
    """InfluxDB's own words out of an error body."""
    if not isinstance(body, str | bytes):
        return ""
    try:
        said = msgspec.json.decode(body, type=_Error)
    except msgspec.DecodeError:
        return (body.decode(errors="replace") if isinstance(body, bytes) else body)[:200]
    return said.message or said.error


def _reading(channel: str, row: ReadingRow) -> Reading:
    time_us, value, q, r = row
    if r and r.endswith(NO_VALUE):
        value, r = None, r[:-1]
    return Reading(channel, time_us, value, 4 if q is None else q, codes_from(r) if r else ())


def _minute(channel: str, row: MinuteRow) -> Minute:
    start_us, valid, rejected, total, low, high, saturated, below_detection, reasons = row
    if not valid:
        low = high = None
    return Minute(
        channel=channel,
        start_us=start_us,
        valid=valid,
        rejected=rejected or 0,
        total=total,
        low=low,
        high=high,
        saturated=saturated or 0,
        below_detection=below_detection or 0,
        reasons=codes_from(reasons or ""),
    )
