"""`oshwatch grafana`: dashboards as code."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from domain.errors import BadInput

if TYPE_CHECKING:
    from dashboards.apply import InfluxDb


def render(options: argparse.Namespace) -> None:
    from dashboards.render import render as write

    for path in write(options.out):
        print(path)


def apply(options: argparse.Namespace) -> None:
    """Dashboards, and the data source too where `GRAFANA_INFLUXDB_URL` says how Grafana reaches InfluxDB."""
    from dashboards.apply import apply as send

    token = _needed("GRAFANA_TOKEN", "a service account's token with the right to write dashboards")
    for line in send(options.url, token, _influxdb()):
        print(line)


def _influxdb() -> InfluxDb | None:
    from dashboards.apply import InfluxDb

    url = os.environ.get("GRAFANA_INFLUXDB_URL", "")
    if not url:
        return None
    return InfluxDb(
        url=url,
        bucket=os.environ.get("GRAFANA_INFLUXDB_BUCKET", "oshwatch"),
        user=os.environ.get("GRAFANA_INFLUXDB_USER", "grafana"),
        password=_needed("GRAFANA_INFLUXDB_PASSWORD", "the password of a user of InfluxDB who may only read"),
    )


def _needed(name: str, what: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise BadInput("is not set", field=name, remedy=what)
    return value
