"""The one place that knows which time-series adapter an URL means; adapters are imported only when chosen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from domain.errors import BadInput
from storage.timeseries.port import TimeSeries

_FIELD = "OSHWATCH_TIMESERIES_URL"
_INFLUX = "influxdb://host:8086?org=O&bucket=B"


def open_timeseries(url: str, token: str = "") -> TimeSeries:
    """`sqlite:///DIR` (made when missing) or `influxdb://host:8086?org=O&bucket=B` (`influxdb+https://` for TLS); raises `BadInput` for anything else."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite(url)
    if scheme in ("influxdb", "influxdb+https"):
        return _influx(url, token)
    raise BadInput(f"scheme '{scheme}' is neither sqlite nor influxdb", field=_FIELD, remedy=f"sqlite:///DIR or {_INFLUX}")


def _sqlite(url: str) -> TimeSeries:
    prefix, directory = url[:10], url[10:]
    if prefix != "sqlite:///" or not directory:
        raise BadInput("names no directory", field=_FIELD, remedy="sqlite:///DIR; an absolute DIR makes four slashes")
    from storage.timeseries.sqlite import SqliteTimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    return SqliteTimeSeries(Path(directory))


def _influx(url: str, token: str) -> TimeSeries:
    try:
        parts = urlsplit(url)
        port = parts.port or 8086
    except ValueError as error:
        raise BadInput(str(error), field=_FIELD, remedy=_INFLUX) from None
    query = parse_qs(parts.query)
    org, bucket = query.get("org", [""])[0], query.get("bucket", [""])[0]
    unknown = sorted(query.keys() - {"org", "bucket"})
    if not (parts.hostname and org and bucket) or unknown or parts.path not in ("", "/"):
        raise BadInput(f"no such option '{unknown[0]}'" if unknown else "host, org and bucket are needed", field=_FIELD, remedy=_INFLUX)
    from storage.timeseries.influx import InfluxTimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return InfluxTimeSeries(http_url=f"{'https' if parts.scheme == 'influxdb+https' else 'http'}://{host}:{port}", org=org, bucket=bucket, token=token)
