"""The dashboards sent to a running Grafana through its API; a second run changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dashboards.render import DASHBOARDS, DATASOURCE_UID, FOLDER_TITLE, FOLDER_UID, datasource
from domain.errors import BadInput, NotReady, Refused

if TYPE_CHECKING:
    from grafana_client import GrafanaApi

TIMEOUT_S = 10.0
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxDb:
    """The store as Grafana reaches it, and a user who may only read."""

    url: str
    bucket: str
    user: str
    password: str = field(repr=False)


def apply(url: str, token: str, influxdb: InfluxDb | None = None) -> list[str]:
    """Makes or updates the folder, the dashboards and (where `influxdb` is given) the data source; returns a line about each.

    Raises `BadInput` for an address that is none, `Refused` for a token that may not, `NotReady` when Grafana does not answer.
    """
    try:
        from grafana_client import GrafanaApi  # noqa: PLC0415 - the extra `grafana` is needed here only
        from grafana_client.client import GrafanaClientError, GrafanaException  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415
    except ImportError:
        raise BadInput("the Grafana client is not installed", remedy="pip install 'oshwatch[grafana]'") from None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadInput(f"'{url}' is not an http address", field="--url", remedy="for example http://127.0.0.1:3000")
    try:
        return list(_applied(GrafanaApi.from_url(url, credential=token, timeout=TIMEOUT_S), influxdb))
    except GrafanaClientError as error:
        raise Refused(f"Grafana at {url} refused: {error.message}; the token's service account needs the role Editor (Admin for the data source)") from None
    except (GrafanaException, RequestException) as error:
        raise NotReady(f"Grafana at {url} does not answer: {error}") from None


def _applied(grafana: GrafanaApi, influxdb: InfluxDb | None) -> Iterator[str]:
    yield _folder(grafana)
    if influxdb is not None:
        yield _datasource(grafana, influxdb)
    for dashboard in DASHBOARDS:
        content = dashboard().to_json()
        grafana.dashboard.update_dashboard({"dashboard": content, "folderUid": FOLDER_UID, "overwrite": True, "message": "oshwatch grafana apply"})
        yield f"dashboard {content['uid']}: written"


def _folder(grafana: GrafanaApi) -> str:
    if _exists(grafana.folder.get_folder, FOLDER_UID):
        return f"folder {FOLDER_UID}: there"
    grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)
    return f"folder {FOLDER_UID}: made"


def _datasource(grafana: GrafanaApi, influxdb: InfluxDb) -> str:
    content = datasource(influxdb.url, influxdb.bucket, influxdb.user, influxdb.password)
    if _exists(grafana.datasource.get_datasource_by_uid, DATASOURCE_UID):
        grafana.datasource.update_datasource_by_uid(DATASOURCE_UID, content)
        return f"data source {DATASOURCE_UID}: updated"
    grafana.datasource.create_datasource(content)
    return f"data source {DATASOURCE_UID}: made"


def _exists(get: Callable[[str], object], uid: str) -> bool:
    from grafana_client.client import GrafanaClientError  # noqa: PLC0415

    try:
        get(uid)
    except GrafanaClientError as error:
        if error.status_code != _NOT_FOUND:
            raise
        return False
    return True
