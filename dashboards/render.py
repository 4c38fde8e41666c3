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


def datasource(url: str, bucket: str, token: str) -> Json:
    """InfluxDB 2 read by InfluxQL, with a token in a header; `httpHeaderValue1` is stored encrypted."""
    return {
        "name": "Oshwatch",
        "uid": DATASOURCE_UID,
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "jsonData": {"dbName": bucket, "httpMode": "POST", "httpHeaderName1": "Authorization"},
        "secureJsonData": {"httpHeaderValue1": f"Token {token}"},
    }


def datasources() -> Json:
    """Address and bucket come from Grafana's environment, the token from a secret file: nothing secret stands here."""
    source = datasource("${INFLUXDB_URL}", "${INFLUXDB_BUCKET}", "$__file{/run/secrets/influxdb_token}")
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
