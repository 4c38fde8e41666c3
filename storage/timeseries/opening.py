"""The one place that knows which time-series adapter an URL means; adapters are imported only when chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from domain.errors import BadInput
from storage.timeseries.port import TimeSeries

_FIELD = "OSHWATCH_TIMESERIES_URL"
_INFLUX = "influxdb://host:8086?org=O&bucket=B"
_INFLUX1 = "influxdb1://host:8086?database=D&policy=autogen"
_VICTORIA = "victoriametrics://host:8428"


def open_timeseries(url: str, token: str = "") -> TimeSeries:
    """`sqlite:///DIR` (made when missing), `influxdb://host:8086?org=O&bucket=B`, `influxdb1://host:8086?database=D&policy=P` or `victoriametrics://host:8428`; each of
    the servers also as `NAME+https://` for TLS; raises `BadInput` for anything else."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite(url)
    openers = {"influxdb": _influx, "influxdb1": _influx1, "victoriametrics": _victoria}
    if scheme.removesuffix("+https") in openers:
        return openers[scheme.removesuffix("+https")](url, token)
    raise BadInput(f"scheme '{scheme}' is none of sqlite, influxdb, influxdb1 and victoriametrics", field=_FIELD, remedy=f"sqlite:///DIR, {_INFLUX}, {_INFLUX1} or {_VICTORIA}")


def _sqlite(url: str) -> TimeSeries:
    prefix, directory = url[:10], url[10:]
    if prefix != "sqlite:///" or not directory:
        raise BadInput("names no directory", field=_FIELD, remedy="sqlite:///DIR; an absolute DIR makes four slashes")
    from storage.timeseries.sqlite import SqliteTimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    return SqliteTimeSeries(Path(directory))


def _influx(url: str, token: str) -> TimeSeries:
    http_url, (org, bucket) = _server(url, 8086, ("org", "bucket"), _INFLUX)
    from storage.timeseries.influx import InfluxTimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    return InfluxTimeSeries(http_url=http_url, org=org, bucket=bucket, token=token)


def _influx1(url: str, token: str) -> TimeSeries:
    http_url, (database, policy) = _server(url, 8086, ("database", "policy"), _INFLUX1)
    from storage.timeseries.influx1 import Influx1TimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    return Influx1TimeSeries(http_url=http_url, database=database, policy=policy, token=token)


def _victoria(url: str, token: str) -> TimeSeries:
    http_url, _ = _server(url, 8428, (), _VICTORIA)
    from storage.timeseries.victoria import VictoriaTimeSeries  # noqa: PLC0415 - only the chosen adapter is loaded

    return VictoriaTimeSeries(http_url=http_url, token=token)


def _server(url: str, usual_port: int, names: Sequence[str], remedy: str) -> tuple[str, list[str]]:
    """The server's HTTP URL and the options of these names, all of them needed and no other known."""
    try:
        parts = urlsplit(url)
        port = parts.port or usual_port
    except ValueError as error:
        raise BadInput(str(error), field=_FIELD, remedy=remedy) from None
    query = parse_qs(parts.query)
    values = [query.get(name, [""])[0] for name in names]
    unknown = sorted(query.keys() - set(names))
    if not (parts.hostname and all(values)) or unknown or parts.path not in ("", "/"):
        raise BadInput(f"no such option '{unknown[0]}'" if unknown else f"{', '.join(('host', *names))} are needed", field=_FIELD, remedy=remedy)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{'https' if parts.scheme.endswith('+https') else 'http'}://{host}:{port}", values
