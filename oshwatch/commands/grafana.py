"""`oshwatch grafana`: dashboards as code."""

from __future__ import annotations

import argparse
import os

from domain.errors import BadInput


def render(options: argparse.Namespace) -> None:
    from dashboards.render import render as write

    for path in write(options.out):
        print(path)


def apply(options: argparse.Namespace) -> None:
    from dashboards.apply import apply as send

    token = os.environ.get("GRAFANA_TOKEN", "")
    if not token:
        raise BadInput("is not set", field="GRAFANA_TOKEN", remedy="a service account's token with the right to write dashboards")
    for line in send(options.url, token):
        print(line)
