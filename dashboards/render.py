"""Files that Grafana reads at its start (`/etc/grafana/provisioning`): no API key and no network are needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from dashboards.floor import floor
from dashboards.model import Dashboard, Json

DASHBOARDS: tuple[Callable[[], Dashboard], ...] = (floor,)
FOLDER_UID, FOLDER_TITLE = "oshwatch", "Oshwatch"
DATASOURCE_UID = "oshwatch-influxdb"
MOUNTED_AT = "/etc/grafana/provisioning"
PASSWORD_FILE = "/run/secrets/influxdb_grafana_password"  # noqa: S105 - a path

_HEADER = "# Written by `oshwatch grafana render`; change dashboards/*.py instead.\n"


def render(out: Path) -> list[Path]:
    """Writes the data source, the dashboard provider and every dashboard below `out`; returns the files. The same code gives the same bytes."""
    return [_write(out / name, text) for name, text in files()]


def files() -> Iterator[tuple[str, str]]:
    """(relative name, text) of each file."""
    yield "datasources/oshwatch.yaml", _yaml(datasources())
    yield "dashboards/oshwatch.yaml", _yaml(providers())
    for dashboard in DASHBOARDS:
        content = dashboard().to_json()
        yield f"dashboards/oshwatch/{content['uid']}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def datasource(url: str, bucket: str, user: str, password: str) -> Json:
    """InfluxDB read by InfluxQL as a user who may only read: whoever sees a dashboard can send anything through its data source.

    InfluxDB 1.8, 2 (a v1 authorization, or any user with a read token as the password) and 3 take it so. Grafana stores the password encrypted.
    """
    return {
        "name": "Oshwatch",
        "uid": DATASOURCE_UID,
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "basicAuth": True,
        "basicAuthUser": user,
        "jsonData": {"dbName": bucket, "httpMode": "POST"},
        "secureJsonData": {"basicAuthPassword": password},
    }


def datasources() -> Json:
    """Address and bucket come from Grafana's environment, the password from a secret file: nothing secret stands here."""
    source = datasource("${INFLUXDB_URL}", "${INFLUXDB_BUCKET}", "grafana", f"$__file{{{PASSWORD_FILE}}}")
    return {"apiVersion": 1, "datasources": [{**source, "isDefault": True, "editable": False}]}


def providers() -> Json:
    provider = {
        "name": "oshwatch",
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": f"{MOUNTED_AT}/dashboards/oshwatch"},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _yaml(content: Json) -> str:
    return _HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
