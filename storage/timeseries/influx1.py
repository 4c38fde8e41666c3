"""InfluxDB 1.8 behind the port: its `/api/v2/write` takes a database and retention policy for a bucket, and `user:password` for a token."""

from __future__ import annotations

from storage.timeseries.influx import InfluxTimeSeries
from storage.timeseries.port import Fidelity


class Influx1TimeSeries(InfluxTimeSeries):
    """The layout of InfluxDB 2."""

    def __init__(self, *, http_url: str, database: str, policy: str, token: str) -> None:
        super().__init__(http_url=http_url, org="-", bucket=f"{database}/{policy}", token=token or ":")
        self._source = {"db": database, "rp": policy}
        self._remedy = f"CREATE DATABASE {database} (and its retention policy {policy})"

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity("InfluxDB 1")
