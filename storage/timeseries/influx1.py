"""InfluxDB 1.8 behind the port: its `/api/v2/write` takes a database and retention policy for a bucket, and `user:password` for a token."""

from __future__ import annotations

import re

from domain.times import HOUR_US, MINUTE_US, SECOND_US
from storage.timeseries.influx import InfluxTimeSeries
from storage.timeseries.influxql import POLICIES_ANSWER
from storage.timeseries.port import Fidelity

_UNITS = {"h": HOUR_US, "m": MINUTE_US, "s": SECOND_US}


class Influx1TimeSeries(InfluxTimeSeries):
    """The layout of InfluxDB 2."""

    def __init__(self, *, http_url: str, database: str, policy: str, token: str) -> None:
        super().__init__(http_url=http_url, org="-", bucket=f"{database}/{policy}", token=token or ":")
        self._policy = policy
        self._source = {"db": database, "rp": policy}
        self._remedy = f"CREATE DATABASE {database} (and its retention policy {policy})"

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("InfluxDB 1")

    def deletes_after_us(self) -> int:
        answer = self._query(f'SHOW RETENTION POLICIES ON "{self._source["db"]}"', POLICIES_ANSWER)
        durations = [duration for _, rows in answer.rows() for name, duration, *_ in rows if name == self._policy]
        return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", durations[0])) if durations else 0
